//! The tower layer where there is no axum around it: in a bare hyper server, around a client, on one method of a route.
#![allow(clippy::unwrap_used)] // also in the helpers, which clippy does not take for tests

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use axum::routing::{get, post};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tidegate_adapter_axum::{Key, Parts, PeerAddr, RateLimitLayer, key};
use tidegate_limiter::{Decision, Limiter, Policy, Quota};
use tidegate_store_memory::MemoryStore;
use tidegate_tests::Client;
use tokio::net::{TcpListener, TcpStream};
use tower::{Service, ServiceExt, service_fn};
use tower_layer::Layer;

fn layer(limit: u64, key: Key) -> RateLimitLayer {
    let policy = Policy::new("p", Quota::per_hour(limit).unwrap());
    let limiter = Limiter::builder(MemoryStore::new()).policy(policy);
    RateLimitLayer::new(limiter.build().unwrap(), key)
}

/// Serves each connection with hyper alone, and says in each request whose it is.
async fn serve<S>(listener: TcpListener, service: S)
where
    S: Service<Request<Incoming>, Response = Response<Body>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send,
{
    loop {
        let (stream, peer) = listener.accept().await.unwrap();
        let service = service.clone().map_request(move |mut request: Request<_>| {
            request.extensions_mut().insert(PeerAddr::from_socket(peer));
            request
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
        tokio::spawn(connection);
    }
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_bare_hyper_server_is_limited_across_its_connections() {
    let (listener, address) = listen().await;
    let hello = service_fn(async |request: Request<Incoming>| {
        let decision = request.extensions().get::<Decision>();
        let left = decision.map(|decision| decision.statuses()[0].remaining());
        Ok::<_, Infallible>(Response::new(Body::from(format!("{left:?}"))))
    });
    let server = tokio::spawn(serve(listener, layer(2, key::client_ip()).layer(hello)));
    let answers = tokio::task::spawn_blocking(move || {
        let ask = |_| {
            let mut client = Client::connect(address).unwrap();
            let answer = client.send(&tidegate_tests::Request::get("/")).unwrap();
            (answer.status, answer.body)
        };
        (0..3).map(ask).collect::<Vec<_>>()
    });
    let answers = answers.await.unwrap();
    assert_eq!(answers[0], (200, "Some(1)".to_owned()));
    assert_eq!(answers[1], (200, "Some(0)".to_owned()));
    assert_eq!(answers[2].0, 429);
    server.abort();
}

/// The status and the body of what a service answers to a request for a path.
async fn answer<S>(service: S, path: &str) -> (u16, String)
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    let mut request = Request::get(path).body(Body::empty()).unwrap();
    let peer = PeerAddr::from([192, 0, 2, 1]);
    request.extensions_mut().insert(peer);
    let answer = service.oneshot(request).await.unwrap();
    let status = answer.status().as_u16();
    let body = axum::body::to_bytes(answer.into_body(), 1024)
        .await
        .unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn around_a_router_no_route_is_known_yet_which_is_an_error_that_says_what_to_do() {
    let router = Router::new().route("/items/{id}", get(async || "ok"));
    let ok = (200, "ok".to_owned());
    for key in [key::route(), key::parameter("id").or(key::client_ip())] {
        let around = layer(9, key.clone()).layer(router.clone());
        let (status, body) = answer(around.clone(), "/items/1").await;
        assert_eq!(status, 500);
        assert!(body.contains("put the layer on the router"), "{body}");
        // Within another router, which has looked for a route and found none.
        let within = Router::new().fallback_service(around);
        assert_eq!(answer(within, "/items/1").await, ok);

        let on = router.clone().layer(layer(9, key));
        assert_eq!(answer(on.clone(), "/items/1").await, ok);
        assert_eq!(answer(on, "/nowhere").await.0, 404);
    }
}

/// A client that opens a connection for each request.
async fn call(request: Request<Body>) -> Result<Response<Body>, hyper::Error> {
    let address = request.uri().authority().unwrap().to_string();
    let stream = TcpStream::connect(address).await.unwrap();
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake?;
    tokio::spawn(connection);
    Ok(sender.send_request(request).await?.map(Body::new))
}

#[tokio::test]
async fn ones_own_calls_are_limited_by_the_host_that_they_go_to() {
    let (listener, address) = listen().await;
    let received = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&received);
    let server = tokio::spawn(serve(
        listener,
        service_fn(move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
            async { Ok::<_, Infallible>(Response::new(Body::empty())) }
        }),
    ));
    let by_host = key::from_fn("host", |request: &Parts| {
        request.uri.host().map(str::to_owned)
    });
    let client = layer(2, by_host).layer(service_fn(call));
    let send = async |host: &str| {
        let uri = format!("http://{host}:{}/", address.port());
        let request = Request::builder().uri(uri).header("host", host);
        let request = request.body(Body::empty()).unwrap();
        client.clone().oneshot(request).await.unwrap().status()
    };
    assert_eq!(send("127.0.0.1").await, StatusCode::OK);
    assert_eq!(send("127.0.0.1").await, StatusCode::OK);
    assert_eq!(send("127.0.0.1").await, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(send("localhost").await, StatusCode::OK);
    assert_eq!(received.load(Ordering::SeqCst), 3);
    server.abort();
}

#[tokio::test]
async fn one_method_of_a_route_can_be_limited() {
    let hello = async || "hello";
    let methods = post(hello)
        .layer(layer(1, key::client_ip()))
        .merge(get(hello));
    let app = Router::new().route("/", methods);
    let send = async |method| {
        let mut request = Request::builder()
            .method(method)
            .uri("/")
            .body(Body::empty())
            .unwrap();
        request
            .extensions_mut()
            .insert(PeerAddr::from([192, 0, 2, 1]));
        let response = app.clone().oneshot(request).await.unwrap();
        (
            response.status().as_u16(),
            response.headers().contains_key("ratelimit"),
        )
    };
    assert_eq!(send("POST").await, (200, true));
    assert_eq!(send("POST").await, (429, true));
    assert_eq!(send("GET").await, (200, false));
}
