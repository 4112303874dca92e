//! The app in axum.

use std::net::SocketAddr;
use std::thread;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::map_response;
use axum::response::{AppendHeaders, IntoResponse, Response};
use axum::routing::any;
use hyper_util::rt::TokioIo;
use tidegate_adapter_axum::{OuterDecisions, Parts, RateLimitLayer};
use tidegate_limiter::{Decision, ManualClock};
use tokio::io::{copy, split};
use tokio::sync::oneshot;
use tower_http::cors::{Any, CorsLayer};

use super::{ORIGIN, OWN, WEBSOCKET_ACCEPT, mark_of, told};
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
    let layer = RateLimitLayer::new(config.limiter(clock), config.options());
    let inner = Router::new().route("/items/{id}", ok());
    let inner = if config.nested {
        inner.layer(layer.clone())
    } else {
        inner
    };
    let app = Router::new()
        .route("/", ok())
        .route("/unlimited", ok())
        .route("/report", ok())
        .route("/echo", any(async |body: String| body))
        .route("/panic", any(async || super::panic()))
        .route("/upgrade", any(upgraded))
        .route("/items/{id}", ok())
        .nest("/nested", inner)
        .route("/own", any(async || (AppendHeaders(OWN), "ok")))
        .route("/fail", any(async || (StatusCode::UNAUTHORIZED, "no")))
        .route(
            "/decision",
            any(async |request: Request| {
                let extensions = request.extensions();
                let outer = extensions.get::<OuterDecisions>().into_iter().flatten();
                told(outer.chain(extensions.get::<Decision>()))
            }),
        );
    let app = if config.nested { app } else { app.layer(layer) };
    let app = match config.outer_limiter(clock) {
        Some(outer) => app.layer(RateLimitLayer::new(outer, config.outer_options())),
        None => app,
    };
    let app = if config.marked {
        app.layer(map_response(async |mut response: Response| {
            let mark = mark_of(response.extensions().get());
            let mark = HeaderValue::try_from(mark).unwrap();
            response.headers_mut().insert("x-outer", mark);
            response
        }))
    } else {
        app
    };
    if config.cors { app.layer(cors()) } else { app }
}

async fn upgraded(mut request: Request) -> impl IntoResponse {
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let (mut reader, mut writer) = split(TokioIo::new(upgrade.await.unwrap()));
        // It ends when the client leaves, however it does.
        let _ = copy(&mut reader, &mut writer).await;
    });
    let headers = [
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-accept", WEBSOCKET_ACCEPT),
    ];
    (StatusCode::SWITCHING_PROTOCOLS, headers)
}

fn cors() -> CorsLayer {
    let origin = HeaderValue::from_static(ORIGIN);
    let cors = CorsLayer::new().allow_origin(origin);
    cors.allow_methods([Method::PUT]).expose_headers(Any)
}
