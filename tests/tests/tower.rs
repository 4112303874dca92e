//! The axum adapter as a tower service among others: readiness, clones, permits, dropped futures.
#![allow(clippy::unwrap_used)] // also in the helpers, which clippy does not take for tests

use std::future::{Ready, poll_fn, ready};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use axum::body::Bytes;
use axum::extract::ConnectInfo;
use axum::extract::connect_info::MockConnectInfo;
use axum::http::{HeaderValue, Request, Response, StatusCode};
use tidegate_adapter_axum::{PeerAddr, RateLimit, RateLimitLayer, key};
use tidegate_limiter::{Decision, Fallback, Limiter, Policy, Quota, Store};
use tidegate_store_memory::MemoryStore;
use tidegate_tests::Flaky;
use tower::limit::ConcurrencyLimit;
use tower_layer::Layer;
use tower_service::Service;

/// Counts its calls, and insists on being polled ready before each. A clone of it is not ready.
#[derive(Debug, Default)]
struct Inner {
    ready: bool,
    calls: Arc<AtomicUsize>,
}

impl Clone for Inner {
    fn clone(&self) -> Self {
        Self {
            ready: false,
            calls: Arc::clone(&self.calls),
        }
    }
}

impl Service<Request<&'static str>> for Inner {
    type Response = Response<Bytes>;
    type Error = &'static str;
    type Future = Ready<Result<Response<Bytes>, &'static str>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), &'static str>> {
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<&'static str>) -> Self::Future {
        assert!(
            std::mem::take(&mut self.ready),
            "called before it was ready"
        );
        self.calls.fetch_add(1, Ordering::SeqCst);
        ready(match *request.body() {
            "fail" => Err("as told"),
            body => Ok(Response::new(Bytes::from_static(body.as_bytes()))),
        })
    }
}

fn layer(limit: u64, store: impl Store + 'static) -> RateLimitLayer {
    let policy = Policy::new("per-client", Quota::per_hour(limit).unwrap());
    let limiter = Limiter::builder(store).policy(policy).build().unwrap();
    RateLimitLayer::new(limiter, key::client_ip())
}

fn request(body: &'static str) -> Request<&'static str> {
    let mut request = Request::new(body);
    request
        .extensions_mut()
        .insert(PeerAddr::from([192, 0, 2, 1]));
    let secret = HeaderValue::from_static("secret");
    request.headers_mut().insert("cookie", secret);
    request
}

async fn send<S>(service: &mut S, body: &'static str) -> Result<Response<Bytes>, S::Error>
where
    S: Service<Request<&'static str>, Response = Response<Bytes>>,
{
    poll_fn(|cx| service.poll_ready(cx)).await?;
    service.call(request(body)).await
}

fn is_ready<S: Service<Request<&'static str>>>(service: &mut S) -> bool {
    let mut cx = Context::from_waker(std::task::Waker::noop());
    matches!(service.poll_ready(&mut cx), Poll::Ready(Ok(())))
}

#[tokio::test]
async fn the_service_that_was_polled_ready_is_the_one_that_is_called() {
    let mut at_once = layer(5, MemoryStore::new()).layer(Inner::default());
    let mut awaited = layer(5, Flaky::slow(MemoryStore::new())).layer(Inner::default());
    for _ in 0..3 {
        assert_eq!(send(&mut at_once, "hello").await.unwrap().body(), "hello");
        assert_eq!(send(&mut awaited, "hello").await.unwrap().body(), "hello");
    }
}

#[tokio::test]
async fn a_refused_request_reaches_nobody_and_says_why_in_its_extensions() {
    let inner = Inner::default();
    let mut service = layer(1, MemoryStore::new()).layer(inner.clone());
    assert_eq!(
        send(&mut service, "a").await.unwrap().status(),
        StatusCode::OK
    );
    let refused = send(&mut service, "b").await.unwrap();
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(!refused.extensions().get::<Decision>().unwrap().is_allowed());
    // and nothing that was the request's
    assert_eq!(refused.extensions().len(), 1);
    assert!(!refused.headers().contains_key("cookie"));
    assert_eq!(inner.calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_refused_request_leaves_no_permit_behind() {
    for store in [
        Box::new(MemoryStore::new()) as Box<dyn Store>,
        Box::new(Flaky::slow(MemoryStore::new())),
    ] {
        let one_at_a_time = ConcurrencyLimit::new(Inner::default(), 1);
        let mut service = layer(1, store).layer(one_at_a_time);
        let mut other = service.clone();
        assert!(send(&mut service, "a").await.unwrap().status().is_success());
        let refused = send(&mut service, "b").await.unwrap();
        assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
        assert!(is_ready(&mut other), "the permit is held by nobody");
    }
}

#[tokio::test]
async fn clones_and_services_of_one_layer_share_the_limit() {
    let layer = layer(3, MemoryStore::new());
    let mut first = layer.layer(Inner::default());
    let mut clone = first.clone();
    let mut second = layer.clone().layer(Inner::default());
    assert!(send(&mut first, "").await.unwrap().status().is_success());
    assert!(send(&mut clone, "").await.unwrap().status().is_success());
    assert!(send(&mut second, "").await.unwrap().status().is_success());
    let refused = send(&mut first, "").await.unwrap();
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn errors_of_the_inner_service_pass_through() {
    let mut at_once = layer(5, MemoryStore::new()).layer(Inner::default());
    let mut awaited = layer(5, Flaky::slow(MemoryStore::new())).layer(Inner::default());
    assert_eq!(send(&mut at_once, "fail").await.unwrap_err(), "as told");
    assert_eq!(send(&mut awaited, "fail").await.unwrap_err(), "as told");
}

#[tokio::test]
async fn l6_a_client_that_leaves_while_the_store_is_asked_counts_at_most_once() {
    let inner = Inner::default();
    let mut service = layer(2, Flaky::slow(MemoryStore::new())).layer(inner.clone());
    poll_fn(|cx| service.poll_ready(cx)).await.unwrap();
    let mut left = Box::pin(service.call(request("left")));
    poll_fn(|cx| {
        assert!(left.as_mut().poll(cx).is_pending());
        Poll::Ready(())
    })
    .await;
    drop(left);
    assert_eq!(inner.calls.load(Ordering::SeqCst), 0);
    assert!(send(&mut service, "").await.unwrap().status().is_success());
}

#[tokio::test]
async fn without_a_peer_address_nobody_shares_a_bucket() {
    let inner = Inner::default();
    let mut service = layer(5, MemoryStore::new()).layer(inner.clone());
    poll_fn(|cx| service.poll_ready(cx)).await.unwrap();
    let refused = service.call(Request::new("")).await.unwrap();
    assert_eq!(refused.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let hint = "into_make_service_with_connect_info::<SocketAddr>()";
    let body = String::from_utf8_lossy(refused.body());
    assert!(body.contains(hint), "{body}");
    assert_eq!(inner.calls.load(Ordering::SeqCst), 0);
}

/// What the program says itself comes first, and what a test says in the place of a connection last.
#[tokio::test]
async fn of_several_who_say_who_the_peer_is_one_counts() {
    let address = |last| SocketAddr::from(([192, 0, 2, last], 4711));
    let mocked = MockConnectInfo(address(1));
    let connected = ConnectInfo(address(2));
    let told = PeerAddr::from([192, 0, 2, 3]);
    let mut service = layer(1, MemoryStore::new()).layer(Inner::default());
    for status in [StatusCode::OK, StatusCode::TOO_MANY_REQUESTS] {
        let mut request = Request::new("");
        request.extensions_mut().insert(mocked);
        let once = request.clone();
        request.extensions_mut().insert(connected);
        let twice = request.clone();
        request.extensions_mut().insert(told);
        for request in [once, twice, request] {
            let said = request.extensions().len();
            poll_fn(|cx| service.poll_ready(cx)).await.unwrap();
            let answer = service.call(request).await.unwrap();
            assert_eq!(answer.status(), status, "{said} say who it is");
        }
    }
}

#[tokio::test]
async fn while_the_store_is_away_replaced_policies_are_shown_too() {
    let policy = |limit| {
        let policy = Policy::new("per-client", Quota::per_hour(limit).unwrap());
        policy.outage(Fallback::Open)
    };
    let store = Flaky::down(MemoryStore::new());
    let limiter = Limiter::builder(store).policy(policy(1)).build().unwrap();
    let layer = RateLimitLayer::new(limiter.clone(), key::client_ip());
    let mut service = layer.layer(Inner::default());
    for limit in [1, 2] {
        limiter.replace_policies([policy(limit)]).unwrap();
        let response = send(&mut service, "").await.unwrap();
        let shown = format!(r#""per-client";q={limit};w=3600"#);
        assert_eq!(response.headers()["ratelimit-policy"], shown);
    }
}

#[test]
fn it_can_go_where_services_go() {
    fn check<T: Clone + Send + Sync + 'static>() {}
    fn check_future<T: Send + 'static>(_: &T) {}
    check::<RateLimitLayer>();
    check::<RateLimit<Inner>>();
    let mut service = layer(1, MemoryStore::new()).layer(Inner::default());
    assert!(is_ready(&mut service));
    check_future(&service.call(request("")));
}
