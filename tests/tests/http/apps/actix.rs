//! The app in actix-web, with two workers.

use std::sync::mpsc;
use std::thread;

use actix_cors::Cors;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::{Condition, Next, from_fn};
use actix_web::{App, Error, HttpMessage, HttpRequest, HttpResponse, HttpServer, Route, web};
use tidegate_adapter_actix_web::{OuterDecisions, RateLimitLayer};
use tidegate_limiter::{Decision, ManualClock};

use super::{ORIGIN, OWN, WEBSOCKET_ACCEPT, mark_of, told};
use crate::config::{Config, Head};
use crate::run::Server;

impl Head for HttpRequest {
    fn path(&self) -> &str {
        self.path()
    }
}

pub(crate) fn start(config: &Config, clock: &ManualClock) -> Server {
    let layer = RateLimitLayer::new(config.limiter(clock), config.options());
    let outer = config.outer_limiter(clock);
    let with_outer = outer.is_some();
    let (marked, with_cors, nested) = (config.marked, config.cors, config.nested);
    let outer = outer.unwrap_or_else(|| config.limiter(clock));
    let outer = RateLimitLayer::new(outer, config.outer_options());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, told) = mpsc::channel();
    let thread = thread::spawn(move || {
        let server = HttpServer::new(move || {
            App::new()
                .configure(routes)
                .service(
                    web::scope("/nested")
                        .wrap(Condition::new(nested, layer.clone()))
                        .route("/items/{id}", ok()),
                )
                .wrap(Condition::new(!nested, layer.clone()))
                .wrap(Condition::new(with_outer, outer.clone()))
                .wrap(Condition::new(marked, from_fn(mark)))
                .wrap(Condition::new(with_cors, cors()))
        });
        let server = server.workers(2).disable_signals().shutdown_timeout(0);
        let server = server.listen_auto_h2c(listener).unwrap().run();
        tell.send(server.handle()).unwrap();
        actix_web::rt::System::new().block_on(server).unwrap();
    });
    let handle = told.recv().unwrap();
    Server::new(address, move || {
        drop(handle.stop(false));
        thread.join().unwrap();
    })
}

fn ok() -> Route {
    web::to(|| async { "ok" })
}

fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/", ok())
        .route("/unlimited", ok())
        .route("/report", ok())
        .route("/echo", web::to(|body: String| async { body }))
        .route("/panic", web::to(|| async { super::panic() }))
        .route("/upgrade", web::to(upgraded))
        .route("/items/{id}", ok())
        .route("/own", web::to(own))
        .route(
            "/fail",
            web::to(|| async {
                HttpResponse::Unauthorized()
                    .content_type("text/plain; charset=utf-8")
                    .body("no")
            }),
        )
        .route(
            "/decision",
            web::to(|request: HttpRequest| async move {
                let extensions = request.extensions();
                let outer = extensions.get::<OuterDecisions>().into_iter().flatten();
                told(outer.chain(extensions.get::<Decision>()))
            }),
        );
}

async fn own() -> HttpResponse {
    let mut response = HttpResponse::Ok();
    for header in OWN {
        response.insert_header(header);
    }
    response
        .content_type("text/plain; charset=utf-8")
        .body("ok")
}

async fn mark(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let mut response = next.call(request).await?;
    let mark = mark_of(response.response().extensions().get());
    let mark = HeaderValue::from_str(&mark).unwrap();
    response
        .headers_mut()
        .insert(HeaderName::from_static("x-outer"), mark);
    Ok(response)
}

async fn upgraded(bytes: web::Payload) -> HttpResponse {
    HttpResponse::SwitchingProtocols()
        .upgrade("websocket")
        .insert_header(("sec-websocket-accept", WEBSOCKET_ACCEPT))
        .streaming(bytes)
}

fn cors() -> Cors {
    let cors = Cors::default().allowed_origin(ORIGIN);
    cors.allowed_methods(["PUT"]).expose_any_header()
}
