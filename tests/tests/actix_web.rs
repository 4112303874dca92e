//! The actix-web adapter among actix-web's own things: workers, scopes, resources, errors.
#![allow(clippy::unwrap_used)] // also in the helpers, which clippy does not take for tests

use std::cell::Cell;
use std::future::{Ready, ready};
use std::task::{Context, Poll, Waker};

use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::middleware::{ErrorHandlerResponse, ErrorHandlers};
use actix_web::test::{self, TestRequest};
use actix_web::{App, Error, HttpMessage, HttpRequest, HttpResponse, error, guard, web};
use tidegate_adapter_actix_web::{Options, RateLimitLayer, key};
use tidegate_limiter::{Decision, Limiter, Policy, Quota};
use tidegate_store_memory::MemoryStore;

fn layer(name: &'static str, limit: u64) -> RateLimitLayer {
    layer_by(name, limit, key::client_ip())
}

fn layer_by(name: &'static str, limit: u64, options: impl Into<Options>) -> RateLimitLayer {
    let policy = Policy::new(name, Quota::per_hour(limit).unwrap());
    let limiter = Limiter::builder(MemoryStore::new()).policy(policy);
    RateLimitLayer::new(limiter.build().unwrap(), options)
}

async fn ok() -> &'static str {
    "ok"
}

fn get(path: &str) -> TestRequest {
    TestRequest::get()
        .uri(path)
        .peer_addr(([192, 0, 2, 1], 4711).into())
}

/// The app's response. A macro, because the request's type has no public name.
macro_rules! send {
    ($app:expr, $path:expr) => {
        test::call_service(&$app, get($path).to_request()).await
    };
}

/// The same answer of an app that is limited as a whole, and of one that is inside.
macro_rules! both {
    ($around:expr, $inside:expr, $path:expr, $status:expr) => {
        assert_eq!(send!($around, $path).status(), $status, "around: {}", $path);
        assert_eq!(send!($inside, $path).status(), $status, "inside: {}", $path);
    };
}

#[actix_web::test]
async fn all_workers_share_one_limit() {
    let layer = layer("all", 2);
    let one =
        test::init_service(App::new().wrap(layer.clone()).route("/", web::get().to(ok))).await;
    let two = test::init_service(App::new().wrap(layer).route("/", web::get().to(ok))).await;
    assert_eq!(send!(one, "/").status(), 200);
    assert_eq!(send!(two, "/").status(), 200);
    assert_eq!(send!(one, "/").status(), 429);
    assert_eq!(send!(two, "/").status(), 429);
}

#[actix_web::test]
async fn scopes_and_resources_have_limits_of_their_own() {
    let scope = web::scope("/api")
        .wrap(layer("api", 2))
        .route("/a", web::get().to(ok))
        .route("/b", web::get().to(ok));
    let resource = web::resource("/login").wrap(layer("login", 1)).get(ok);
    let app = App::new()
        .service(scope)
        .service(resource)
        .route("/", web::get().to(ok));
    let app = test::init_service(app).await;
    assert_eq!(send!(app, "/api/a").status(), 200);
    assert_eq!(send!(app, "/api/b").status(), 200);
    assert_eq!(send!(app, "/api/a").status(), 429);
    assert_eq!(send!(app, "/login").status(), 200);
    assert_eq!(send!(app, "/login").status(), 429);
    let free = send!(app, "/");
    assert!(free.status() == 200 && !free.headers().contains_key("ratelimit"));
}

/// Around a whole app, before anything is matched, as inside what was matched.
#[actix_web::test]
async fn a_route_is_the_same_in_every_spelling_of_its_path() {
    let limited = |key: key::Key<HttpRequest>| layer_by("route", 2, key);
    let tenant = || key::parameter("tenant").or(key::client_ip());
    for by in [key::route as fn() -> _, tenant] {
        let around = App::new()
            .wrap(limited(by()))
            .route("/items/{tenant}", web::get().to(ok))
            .route("/{any}/{other}", web::get().to(ok));
        let around = test::init_service(around).await;
        let inside = web::resource("/items/{tenant}").wrap(limited(by())).get(ok);
        let inside = test::init_service(App::new().service(inside)).await;
        for (spelling, status) in [
            ("/items/a", 200),
            ("/%69tems/a", 200),
            ("/it%65ms/%61", 429),
        ] {
            both!(around, inside, spelling, status);
        }
    }
}

/// Around a whole app parameters are found by the pattern, inside actix-web has found them.
#[actix_web::test]
async fn parameters_of_patterns_with_regexes_are_found() {
    let limited = || layer_by("id", 1, key::parameter("id"));
    const PATTERNS: [&str; 6] = [
        "/one/{id:[^/]+}",
        "/tail/{id:.+}",
        "/middle/{id:.*}/meta",
        "/v{id}/{other}",
        "/pair/{a}-{id}",
        "/all/{id}/{tail}*",
    ];
    let mut around = App::new().wrap(limited());
    let mut inside = App::new();
    for pattern in PATTERNS {
        around = around.route(pattern, web::get().to(ok));
        // One limit for each resource: all ids below differ.
        inside = inside.service(web::resource(pattern).wrap(limited()).get(ok));
    }
    let around = test::init_service(around).await;
    let inside = test::init_service(inside).await;
    for path in [
        "/one/a",
        "/tail/b/1",
        "/tail/b/2",
        "/middle/c/meta",
        "/middle/c/d/meta",
        "/v7/x",
    ] {
        both!(around, inside, path, 200);
        both!(around, inside, path, 429);
    }
    assert_eq!(send!(around, "/all/e/1").status(), 200);
    assert_eq!(send!(around, "/all/e/2*").status(), 429);
    assert_eq!(
        send!(around, "/middle/b/1/meta").status(),
        429,
        "it is the id of /tail/b/1"
    );
    // Where two are in one segment, only actix-web's regex knows which is which.
    assert_eq!(send!(around, "/pair/x-y").status(), 400);
    assert_eq!(send!(inside, "/pair/x-y").status(), 200);
    assert_eq!(send!(inside, "/pair/z-y").status(), 429);
}

/// Wherever the layer is, the outer one of two.
#[actix_web::test]
async fn of_two_parameters_with_one_name_it_is_the_first() {
    let limited = |is_here: bool| {
        let options = Options::new(key::parameter("id")).skip(move |_| !is_here);
        layer_by("id", 1, options)
    };
    for level in 0..3 {
        let resource = web::resource("/posts/{id}")
            .wrap(limited(level == 0))
            .get(ok);
        let scope = web::scope("/users/{id}")
            .wrap(limited(level == 1))
            .service(resource);
        let app = App::new().wrap(limited(level == 2)).service(scope);
        let app = test::init_service(app).await;
        for (path, status) in [
            ("/users/1/posts/2", 200),
            ("/users/1/posts/3", 429),
            ("/users/2/posts/2", 200),
        ] {
            assert_eq!(send!(app, path).status(), status, "{level}: {path}");
        }
    }
}

/// What actix-web has matched it knows, though another route would have the path as well.
#[actix_web::test]
async fn a_route_is_the_one_that_was_matched_in_every_spelling() {
    let layer = layer_by("route", 1, key::route());
    let other = web::resource("/{a}").guard(guard::Post()).to(ok);
    let app = App::new()
        .service(other)
        .service(web::resource("/{b}").wrap(layer).get(ok));
    let app = test::init_service(app).await;
    for (path, status) in [("/x", 200), ("/y", 429), ("/%78", 429)] {
        assert_eq!(send!(app, path).status(), status, "{path}");
    }
}

#[actix_web::test]
async fn what_an_error_of_inner_middleware_becomes_says_whether_it_counts() {
    let options = Options::new(key::client_ip()).charge_if(|status| status == 401);
    let layer = layer_by("logins", 1, options);
    let app = App::new()
        .wrap_fn(|request, _| {
            let failed = match request.path() {
                "/forbidden" => error::ErrorForbidden("no"),
                _ => error::ErrorUnauthorized("who?"),
            };
            async { Err::<ServiceResponse, _>(failed) }
        })
        .wrap(layer);
    let app = test::init_service(app).await;
    for path in ["/forbidden", "/forbidden", "/login"] {
        let answer = test::try_call_service(&app, get(path).to_request()).await;
        assert!(answer.is_err(), "{path} was denied");
    }
    assert_eq!(send!(app, "/login").status(), 429);
}

#[actix_web::test]
async fn an_error_of_a_handler_is_a_response_with_headers() {
    let failing = web::get().to(async || Err::<&str, Error>(error::ErrorBadRequest("no")));
    let app = test::init_service(App::new().wrap(layer("all", 2)).route("/", failing)).await;
    let response = send!(app, "/");
    assert_eq!(response.status(), 400);
    assert!(response.headers().contains_key("ratelimit"));
}

#[actix_web::test]
async fn an_error_of_inner_middleware_stays_an_error() {
    let app = App::new()
        .wrap_fn(|_, _| async { Err::<ServiceResponse, _>(error::ErrorForbidden("no")) })
        .wrap(layer("all", 2));
    let app = test::init_service(app).await;
    let error = test::try_call_service(&app, get("/").to_request())
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "no");
}

#[actix_web::test]
async fn error_handlers_around_it_see_denials_and_may_change_them() {
    let changed = ErrorHandlers::new().handler(StatusCode::TOO_MANY_REQUESTS, |mut response| {
        let headers = response.headers_mut();
        headers.insert(header::SERVER, HeaderValue::from_static("changed"));
        Ok(ErrorHandlerResponse::Response(
            response.map_into_left_body(),
        ))
    });
    let app = App::new().wrap(layer("all", 1)).wrap(changed);
    let app = test::init_service(app.route("/", web::get().to(ok))).await;
    assert!(!send!(app, "/").headers().contains_key("server"));
    let denied = send!(app, "/");
    assert_eq!(denied.status(), 429);
    assert!(denied.headers().contains_key("server"));
    assert!(denied.headers().contains_key("retry-after"));
}

#[actix_web::test]
async fn a_denied_response_says_why_in_its_extensions() {
    let app = App::new()
        .wrap(layer("all", 1))
        .route("/", web::get().to(ok));
    let app = test::init_service(app).await;
    let _ = send!(app, "/");
    let denied = send!(app, "/");
    let extensions = denied.response().extensions();
    assert!(!extensions.get::<Decision>().unwrap().is_allowed());
}

#[actix_web::test]
async fn it_is_ready_when_the_inner_service_is() {
    struct Inner(Cell<bool>);

    impl Service<ServiceRequest> for &'static Inner {
        type Response = ServiceResponse;
        type Error = Error;
        type Future = Ready<Result<ServiceResponse, Error>>;

        fn poll_ready(&self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
            if self.0.get() {
                Poll::Ready(Ok(()))
            } else {
                Poll::Pending
            }
        }

        fn call(&self, request: ServiceRequest) -> Self::Future {
            ready(Ok(request.into_response(HttpResponse::Ok())))
        }
    }

    let inner: &'static Inner = Box::leak(Box::new(Inner(Cell::new(false))));
    let service = layer("all", 1).new_transform(inner).await.unwrap();
    let mut cx = Context::from_waker(Waker::noop());
    assert!(service.poll_ready(&mut cx).is_pending());
    inner.0.set(true);
    assert!(service.poll_ready(&mut cx).is_ready());
}

#[actix_web::test]
async fn without_a_peer_address_nobody_shares_a_bucket() {
    let app = App::new()
        .wrap(layer("all", 5))
        .route("/", web::get().to(ok));
    let app = test::init_service(app).await;
    let response = test::call_service(&app, TestRequest::get().to_request()).await;
    assert_eq!(response.status(), 500);
    let body = test::read_body(response).await;
    assert!(
        std::str::from_utf8(&body)
            .unwrap()
            .contains("TestRequest::peer_addr")
    );
}

#[actix_web::test]
async fn keys_see_what_outer_middleware_has_put_into_the_extensions() {
    struct User(&'static str);

    let by_user = key::from_fn("user", |request: &actix_web::HttpRequest| {
        request.extensions().get().map(|User(name)| *name)
    });
    let app = App::new()
        .wrap(layer_by("per-user", 1, by_user))
        .wrap_fn(|request, inner| {
            let user = if request.path() == "/a" {
                "alice"
            } else {
                "bob"
            };
            request.extensions_mut().insert(User(user));
            inner.call(request)
        })
        .default_service(web::get().to(ok));
    let app = test::init_service(app).await;
    assert_eq!(send!(app, "/a").status(), 200);
    assert_eq!(send!(app, "/b").status(), 200);
    assert_eq!(send!(app, "/a").status(), 429);
}
