//! The demo in actix-web.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::http::header;
use actix_web::{App, HttpResponse, HttpServer, Resource, Route, guard, rt, web};
use anyhow::Result;
use tidegate_adapter_actix_web::RateLimitLayer;

use crate::metrics::CONTENT_TYPE;
use crate::setup::Setup;

/// Longer than proxies keep idle connections (nginx: a minute), so that none is closed under a request on its way.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// How long who stops the demo waits, at the most, for connections that do not end by themselves, in seconds. To tell HTTP/1
/// from HTTP/2 the server waits for a connection's first bytes before any of its timers run, so one that never sends any is
/// there until the end; actix-web's own 30 seconds are as long as many supervisors wait before they kill.
const SHUTDOWN_TIMEOUT: u64 = 2;

pub(crate) fn run(
    listener: TcpListener,
    setup: &Setup,
    stop: impl Future<Output = ()> + 'static,
) -> Result<()> {
    let layer = RateLimitLayer::new(setup.limiter.clone(), setup.options()?);
    let metrics = web::Data::from(Arc::clone(&setup.metrics));
    let server = HttpServer::new(move || {
        let ok = |path| serves(path, get().to(async || "ok"));
        App::new()
            .app_data(metrics.clone())
            .service(ok("/").wrap(layer.clone()))
            .service(ok("/unlimited"))
            .service(serves("/metrics", get().to(rendered)))
            .service(ok("/healthz"))
    });
    let server = server
        .disable_signals()
        .keep_alive(KEEP_ALIVE)
        .shutdown_timeout(SHUTDOWN_TIMEOUT);
    // HTTP/2 without TLS as well, which axum serves on the same port too.
    let server = server.listen_auto_h2c(listener)?;
    rt::System::new().block_on(async {
        let server = server.run();
        rt::spawn(stopped(server.handle(), stop));
        Ok(server.await?)
    })
}

/// GET, and HEAD as well, which axum serves wherever it serves GET.
fn get() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

/// A path with one route, which says to other methods what there is, as axum does.
fn serves(path: &str, route: Route) -> Resource {
    let others = async || {
        let mut refused = HttpResponse::MethodNotAllowed();
        refused.insert_header((header::ALLOW, "GET,HEAD")).finish()
    };
    web::resource(path)
        .route(route)
        .default_service(web::to(others))
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
