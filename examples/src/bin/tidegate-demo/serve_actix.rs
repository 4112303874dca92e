//! The demo in actix-web.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpResponse, HttpServer, rt, web};
use anyhow::Result;
use tidegate_adapter_actix_web::RateLimitLayer;

use crate::metrics::CONTENT_TYPE;
use crate::setup::Setup;

/// Longer than proxies keep idle connections (nginx: a minute), so that none is closed under a request on its way.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

pub(crate) fn run(
    listener: TcpListener,
    setup: &Setup,
    stop: impl Future<Output = ()> + 'static,
) -> Result<()> {
    let layer = RateLimitLayer::new(setup.limiter.clone(), setup.options()?);
    let metrics = web::Data::from(Arc::clone(&setup.metrics));
    let server = HttpServer::new(move || {
        let ok = || web::get().to(async || "ok");
        // HEAD as well, which axum serves wherever it serves GET
        let limited = web::resource("/")
            .wrap(layer.clone())
            .route(ok())
            .route(web::head().to(async || "ok"));
        App::new()
            .app_data(metrics.clone())
            .service(limited)
            .route("/unlimited", ok())
            .route("/metrics", web::get().to(rendered))
            .route("/healthz", ok())
    });
    let server = server.disable_signals().keep_alive(KEEP_ALIVE);
    let server = server.listen(listener)?;
    rt::System::new().block_on(async {
        let server = server.run();
        rt::spawn(stopped(server.handle(), stop));
        Ok(server.await?)
    })
}

async fn stopped(server: ServerHandle, stop: impl Future<Output = ()>) {
    stop.await;
    server.stop(true).await;
}

async fn rendered(metrics: web::Data<crate::metrics::Metrics>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(CONTENT_TYPE)
        .body(metrics.render())
}
