//! The servers in axum.

use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use axum::routing::get;
use axum::{Router, ServiceExt};
use tidegate_adapter_axum::{Dialects, Options, RateLimitLayer, key};
#[cfg(feature = "outermost")]
use tower::Layer;
use tower::Service;
use tower::util::MapResponseLayer;
use tower_governor::GovernorLayer;
use tower_governor::governor::GovernorConfigBuilder;

use super::contestants::{Answer, Around, LINES, limiter};
use super::server::{CPU_TIME, cpu_time};

pub(super) fn serve(listener: TcpListener, around: Around, answer: Answer) -> Result<()> {
    let hello = Router::new().route("/", get(async || "hello"));
    let hello = match around {
        Around::Nothing | Around::Outermost | Around::OutermostWithoutHeaders => hello,
        Around::Layer => hello.layer(MapResponseLayer::new(|response: Response| response)),
        Around::Lines => hello.layer(MapResponseLayer::new(with_lines)),
        Around::Tidegate | Around::WithMetrics | Around::WithoutHeaders | Around::Untold => {
            hello.layer(layer(around, answer)?)
        }
        Around::Peer => hello.layer(GovernorLayer::new(Arc::new(governor(answer)?))),
    };
    let app = hello.route(CPU_TIME, get(async || cpu_time()));
    // As axum does where nothing is around a router that is served: its routes are made once, and not for each request.
    let app = app.with_state(());
    match around {
        #[cfg(feature = "outermost")]
        Around::Outermost | Around::OutermostWithoutHeaders => {
            run(listener, layer(around, answer)?.layer(app))
        }
        _ => run(listener, app),
    }
}

/// tidegate's layer. That one path is not limited matters only where it is around all of them.
fn layer(around: Around, answer: Answer) -> Result<RateLimitLayer> {
    let mut options = Options::new(key::client_ip());
    if matches!(
        around,
        Around::WithoutHeaders | Around::Untold | Around::OutermostWithoutHeaders
    ) {
        options = options.headers(Dialects::OFF);
    }
    if around == Around::Untold {
        options = options.without_decision();
    }
    if matches!(around, Around::Outermost | Around::OutermostWithoutHeaders) {
        options = options.skip(|request| request.uri.path() == CPU_TIME);
    }
    Ok(RateLimitLayer::new(limiter(around, answer)?, options))
}

fn run<S>(listener: TcpListener, app: S) -> Result<()>
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
{
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
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
