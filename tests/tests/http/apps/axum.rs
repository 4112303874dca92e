//! The app in axum.

use std::net::SocketAddr;
use std::thread;

use axum::http::{HeaderValue, StatusCode};
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::any;
use axum::{Extension, Router};
use tidegate_adapter_axum::{Parts, RateLimitLayer};
use tidegate_limiter::{Decision, ManualClock};
use tokio::sync::oneshot;

use super::told;
use crate::config::{Config, Head};
use crate::run::Server;

impl Head for Parts {
    fn path(&self) -> &str {
        self.uri.path()
    }
}

pub(crate) fn start(config: &Config, clock: &ManualClock) -> Server {
    serve(app(config, clock), true)
}

/// A server that is not told where its clients are.
pub(crate) fn start_without_peer(config: &Config, clock: &ManualClock) -> Server {
    serve(app(config, clock), false)
}

fn serve(app: Router, with_peer: bool) -> Server {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let thread = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            let serving = async {
                if with_peer {
                    let app = app.into_make_service_with_connect_info::<SocketAddr>();
                    axum::serve(listener, app).await
                } else {
                    axum::serve(listener, app).await
                }
            };
            tokio::select! {
                outcome = serving => outcome.unwrap(),
                _ = stopped => {}
            }
        });
    });
    Server::new(address, move || {
        let _ = stop.send(());
        thread.join().unwrap();
    })
}

fn app(config: &Config, clock: &ManualClock) -> Router {
    let ok = || any(async || "ok");
    let app = Router::new()
        .route("/", ok())
        .route("/unlimited", ok())
        .route("/report", ok())
        .route("/items/{id}", ok())
        .nest("/nested", Router::new().route("/items/{id}", ok()))
        .route("/fail", any(async || (StatusCode::UNAUTHORIZED, "no")))
        .route(
            "/decision",
            any(async |decision: Option<Extension<Decision>>| {
                told(decision.map(|Extension(decision)| decision).as_ref())
            }),
        )
        .layer(RateLimitLayer::new(config.limiter(clock), config.options()));
    let app = match config.outer_limiter(clock) {
        Some(outer) => app.layer(RateLimitLayer::new(outer, config.options())),
        None => app,
    };
    if config.marked {
        app.layer(map_response(async |mut response: Response| {
            let headers = response.headers_mut();
            headers.insert("x-outer", HeaderValue::from_static("yes"));
            response
        }))
    } else {
        app
    }
}
