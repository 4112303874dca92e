//! The servers in axum.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use axum::routing::get;
use tidegate_adapter_axum::{Dialects, Options, RateLimitLayer, key};
use tower::util::MapResponseLayer;
use tower_governor::GovernorLayer;
use tower_governor::governor::GovernorConfigBuilder;

use super::contestants::{Answer, Around, LINES, limiter};
use super::server::{CPU_TIME, cpu_time};

pub(super) fn serve(listener: TcpListener, around: Around, answer: Answer) -> Result<()> {
    let hello = Router::new().route("/", get(async || "hello"));
    let hello = match around {
        Around::Nothing => hello,
        Around::Layer => hello.layer(MapResponseLayer::new(|response: Response| response)),
        Around::Lines => hello.layer(MapResponseLayer::new(with_lines)),
        Around::Tidegate | Around::WithMetrics => hello.layer(RateLimitLayer::new(
            limiter(around, answer)?,
            key::client_ip(),
        )),
        Around::WithoutHeaders => {
            let options = Options::new(key::client_ip()).headers(Dialects::OFF);
            hello.layer(RateLimitLayer::new(limiter(around, answer)?, options))
        }
        Around::Peer => hello.layer(GovernorLayer::new(Arc::new(governor(answer)?))),
    };
    let app = hello.route(CPU_TIME, get(async || cpu_time()));
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        Ok(axum::serve(listener, app).await?)
    })
}

fn with_lines(mut response: Response) -> Response {
    for (name, value) in LINES {
        let (name, value) = (
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
        response.headers_mut().append(name, value);
    }
    response
}

type Governor = tower_governor::governor::GovernorConfig<
    tower_governor::key_extractor::PeerIpKeyExtractor,
    governor::middleware::NoOpMiddleware,
>;

/// tower_governor as its documentation has it: by the peer's address.
fn governor(answer: Answer) -> Result<Governor> {
    let mut config = GovernorConfigBuilder::default();
    match answer {
        Answer::Allowed => config
            .period(Duration::from_nanos(1))
            .burst_size(1_000_000_000),
        Answer::Denied => config
            .period(Duration::from_secs(24 * 60 * 60))
            .burst_size(1),
    };
    config.finish().context("neither period nor burst is 0")
}
