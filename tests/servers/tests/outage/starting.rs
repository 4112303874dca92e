//! The store starts while its server is not there, or does not let it in (L2).

use std::time::{Duration, Instant};

use tidegate_core::{Backoff, BreakerConfig};
use tidegate_store::{ErrorKind, Request, Store};
use tidegate_store_redis::RedisStore;
use tidegate_test_servers::wait::PATIENCE;
use tidegate_test_servers::{Options, Server};

use crate::common::{at_once, is_open, until_answered, until_open};
use crate::{rules, stays_open, store, within_the_deadline};

#[tokio::test(flavor = "multi_thread")]
async fn l2_a_store_starts_before_its_server() {
    let server = Server::start().unwrap();
    server.kill();
    let store = store(&server.url());
    let rules = rules();
    let request = Request::new("alice", &rules);
    assert!(within_the_deadline(&store, &request).await.is_err());
    let (_, error) = until_open(&store, &request).await;
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(at_once(&store, &request).is_some());
    server.start_again().unwrap();
    until_answered(&store, &request).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l2_a_name_that_cannot_be_resolved() {
    let store = store("redis://no-such-host.invalid:6390");
    let rules = rules();
    let request = Request::new("alice", &rules);
    for _ in 0..10 {
        assert!(within_the_deadline(&store, &request).await.is_err());
    }
    let error = store.acquire(&request).await.unwrap_err();
    assert!(
        error.to_string().contains("no-such-host.invalid"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn l2_a_wrong_password_is_refused_and_heals_when_it_becomes_right() {
    let server = Options::new()
        .user("on", "app", "right", "~tg1:* +@all")
        .start()
        .unwrap();
    let store = store(&server.url_as("app", "not-yet"));
    let rules = rules();
    let request = Request::new("alice", &rules);
    let (failures, error) = until_open(&store, &request).await;
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    assert_eq!(failures, 1, "a refusal opens the breaker at once");
    assert!(
        !error.to_string().contains("not-yet"),
        "the password is in: {error}"
    );
    assert!(
        !format!("{error:?}").contains("not-yet"),
        "the password is in: {error:?}"
    );
    server
        .admin()
        .run::<()>(&["ACL", "SETUSER", "app", ">not-yet"])
        .unwrap();
    until_answered(&store, &request).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l2_a_user_without_the_right_to_run_scripts_is_refused() {
    let server = Options::new()
        .user("on", "app", "secret", "~tg1:* +@read +@connection")
        .start()
        .unwrap();
    let store = store(&server.url_as("app", "secret"));
    let rules = rules();
    let (_, error) = until_open(&store, &Request::new("alice", &rules)).await;
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
}

/// A probe needs every right that a decision needs, or it would take the server for one that works over and over.
#[tokio::test(flavor = "multi_thread")]
async fn l2_a_user_without_one_of_the_rights_is_refused_for_good() {
    for missing in ["mget", "set", "setrange", "pttl", "pexpire", "unlink"] {
        let rights = format!("~tg1:* +@all -{missing}");
        let server = Options::new()
            .user("on", "app", "secret", &rights)
            .start()
            .unwrap();
        let breaker = BreakerConfig {
            backoff: Backoff {
                cap: Duration::from_millis(100),
                ..Backoff::default()
            },
            longest_pause: Duration::from_millis(100),
            ..BreakerConfig::default()
        };
        let builder = RedisStore::builder(&server.url_as("app", "secret")).breaker(breaker);
        let store = builder.build().unwrap();
        let rules = rules();
        let request = Request::new("alice", &rules);
        until_refused(&store, &server, &request).await;
        stays_open(missing, &store).await;
    }
}

/// Asks for everything that there is until the store has been refused.
async fn until_refused(store: &RedisStore, server: &Server, request: &Request<'_>) {
    let began = Instant::now();
    while !is_open(store) {
        let _ = store.acquire(request).await;
        for key in server.admin().keys().unwrap() {
            let mut persist = redis::cmd("PERSIST");
            let admin = server.admin();
            admin.run_command::<()>(persist.arg(key)).unwrap();
        }
        // A record without an expiry is mended.
        let _ = store.acquire(request).await;
        let _ = store.reset(request).await;
        assert!(began.elapsed() < PATIENCE, "never refused");
    }
}
