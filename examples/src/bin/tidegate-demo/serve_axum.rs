//! The demo in axum.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use anyhow::Result;
use axum::Router;
use axum::http::header;
use axum::routing::get;
use tidegate_adapter_axum::RateLimitLayer;
use tower_layer::Layer;

use crate::metrics::CONTENT_TYPE;
use crate::setup::Setup;

pub(crate) fn run(
    listener: TcpListener,
    setup: &Setup,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<()> {
    let app = app(setup)?.into_make_service_with_connect_info::<SocketAddr>();
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let server = axum::serve(listener, app).with_graceful_shutdown(stop);
        Ok(server.await?)
    })
}

fn app(setup: &Setup) -> Result<Router> {
    let layer = RateLimitLayer::new(setup.limiter.clone(), setup.options()?);
    let metrics = Arc::clone(&setup.metrics);
    let metrics = move || {
        let text = metrics.render();
        async { ([(header::CONTENT_TYPE, CONTENT_TYPE)], text) }
    };
    // Around the methods, and not `get(..).layer(layer)`: axum writes into what that answers to other methods.
    let limited = layer.layer(get(async || "ok"));
    Ok(Router::new()
        .route_service("/", limited)
        .route("/unlimited", get(async || "ok"))
        .route("/metrics", get(metrics))
        .route("/healthz", get(async || "ok")))
}
