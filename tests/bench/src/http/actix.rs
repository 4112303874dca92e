//! The servers in actix-web.

use std::net::TcpListener;
use std::time::Duration;

use actix_extensible_rate_limit::RateLimiter;
use actix_extensible_rate_limit::backend::SimpleInputFunctionBuilder;
use actix_extensible_rate_limit::backend::memory::InMemoryBackend;
use actix_web::dev::{
    HttpServiceFactory, Service, ServiceFactory, ServiceRequest, ServiceResponse,
};
use actix_web::middleware::DefaultHeaders;
use actix_web::{App, Error, HttpServer, rt, web};
use anyhow::{Result, bail};
use tidegate_adapter_actix_web::{Dialects, Options, RateLimitLayer, key};

use super::contestants::{Answer, Around, LINES, limiter};
use super::server::{CPU_TIME, cpu_time};

pub(super) fn serve(listener: TcpListener, around: Around, answer: Answer) -> Result<()> {
    // The peer's store wants to be made in it.
    rt::System::new().block_on(served(listener, around, answer))
}

async fn served(listener: TcpListener, around: Around, answer: Answer) -> Result<()> {
    match around {
        Around::Nothing => run(listener, || app(web::resource("/").get(hello))).await,
        Around::Layer => {
            run(listener, || {
                let hello = web::resource("/").get(hello);
                app(hello.wrap_fn(|request, inner| inner.call(request)))
            })
            .await
        }
        Around::Lines => {
            run(listener, || {
                let lines = DefaultHeaders::new().add(LINES[0]).add(LINES[1]);
                app(web::resource("/").get(hello).wrap(lines))
            })
            .await
        }
        Around::Tidegate | Around::WithoutHeaders | Around::Untold | Around::WithMetrics => {
            let mut options = Options::new(key::client_ip());
            if matches!(around, Around::WithoutHeaders | Around::Untold) {
                options = options.headers(Dialects::OFF);
            }
            if around == Around::Untold {
                options = options.without_decision();
            }
            let layer = RateLimitLayer::new(limiter(around, answer)?, options);
            run(listener, move || {
                app(web::resource("/").get(hello).wrap(layer.clone()))
            })
            .await
        }
        Around::Outermost | Around::OutermostWithoutHeaders => bail!("that is axum's"),
        Around::Peer => {
            let (window, most) = match answer {
                Answer::Allowed => (Duration::from_secs(1), 1_000_000_000),
                Answer::Denied => (Duration::from_secs(24 * 60 * 60), 1),
            };
            let backend = InMemoryBackend::builder().build();
            run(listener, move || {
                let input = SimpleInputFunctionBuilder::new(window, most);
                let input = input.peer_ip_key().build();
                let limit = RateLimiter::builder(backend.clone(), input).build();
                app(web::resource("/").get(hello).wrap(limit))
            })
            .await
        }
    }
}

async fn hello() -> &'static str {
    "hello"
}

/// An app with this resource, and what is never limited.
fn app(hello: impl HttpServiceFactory + 'static) -> App<impl AppFactory> {
    App::new()
        .service(hello)
        .route(CPU_TIME, web::get().to(async || cpu_time()))
}

/// What an app is made of that has no middleware around all of it.
trait AppFactory:
    ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse,
        Error = Error,
        InitError = (),
    > + 'static
{
}

impl<T> AppFactory for T where
    T: ServiceFactory<
            ServiceRequest,
            Config = (),
            Response = ServiceResponse,
            Error = Error,
            InitError = (),
        > + 'static
{
}

async fn run<T: AppFactory>(
    listener: TcpListener,
    app: impl Fn() -> App<T> + Send + Clone + 'static,
) -> Result<()> {
    // Connections are idle while others are measured.
    let server = HttpServer::new(app).keep_alive(Duration::from_secs(60 * 60));
    let server = server.workers(1).disable_signals();
    Ok(server.listen(listener)?.run().await?)
}
