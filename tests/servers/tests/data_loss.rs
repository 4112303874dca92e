//! The server forgets scripts or counts, or starts again empty: no error, and what is counted is counted once.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

mod common;

use common::{ALGORITHMS, Fresh, LONG, UNHURRIED, remaining, rule, until_answered};
use tidegate_store::conformance::run_shared;
use tidegate_store::{Request, Store};
use tidegate_store_redis::RedisStore;
use tidegate_test_servers::{Options, Server};

fn unhurried(server: &Server) -> RedisStore {
    RedisStore::builder(&server.url())
        .deadline(UNHURRIED)
        .build()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn g5_forgotten_scripts_are_sent_again_and_each_call_counts_once() {
    let server = Server::start().unwrap();
    let store = unhurried(&server);
    for algorithm in ALGORITHMS {
        let rules = [rule(100, LONG, algorithm)];
        let request = Request::new("alice", &rules);
        for _ in 0..10 {
            assert!(store.acquire(&request).await.unwrap().is_allowed());
            server.admin().flush_scripts().unwrap();
        }
        assert_eq!(remaining(&store, &request).await, 90, "{algorithm}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_script_costs_one_more_call() {
    let server = Server::start().unwrap();
    let store = unhurried(&server);
    let rules = [rule(100, LONG, ALGORITHMS[0])];
    let request = Request::new("alice", &rules);
    let _ = store.acquire(&request).await.unwrap();
    server.admin().flush_scripts().unwrap();
    let before = server.admin().stats().unwrap();
    for _ in 0..5 {
        let _ = store.acquire(&request).await.unwrap();
    }
    let calls = server.admin().stats().unwrap().since(&before);
    let (evalsha, eval) = (calls.calls_of("evalsha"), calls.calls_of("eval"));
    assert_eq!((evalsha, eval), (5, 1), "{:?}", calls.calls);
    assert_eq!(
        calls.connections, 0,
        "NOSCRIPT is no reason to connect again"
    );
    assert_eq!(calls.calls_of("script|load"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flushed_server_counts_from_nothing_without_an_error() {
    let server = Server::start().unwrap();
    let store = unhurried(&server);
    for algorithm in ALGORITHMS {
        let rules = [rule(10, LONG, algorithm)];
        let request = Request::new("alice", &rules).with_cost(4);
        assert!(store.acquire(&request).await.unwrap().is_allowed());
        server.admin().flush_all().unwrap();
        let decision = store.acquire(&request).await.unwrap();
        assert_eq!(decision.statuses()[0].remaining(), 6, "{algorithm}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_starts_again_empty_is_used_again() {
    let server = Server::start().unwrap();
    let store = unhurried(&server);
    let rules = [rule(10, LONG, ALGORITHMS[0])];
    let request = Request::new("alice", &rules);
    for _ in 0..3 {
        until_answered(&store, &request).await;
        server.restart_empty().unwrap();
        until_answered(&store, &request).await;
        assert_eq!(
            remaining(&store, &request).await,
            9,
            "it started with nothing"
        );
    }
}

/// G6 once more, on a server that throws away what it likes.
#[tokio::test(flavor = "multi_thread")]
async fn g6_holds_where_the_server_evicts() {
    let server = Options::new()
        .config("maxmemory", "8mb")
        .config("maxmemory-policy", "allkeys-lru")
        .start()
        .unwrap();
    run_shared(&Fresh::on(server)).await.assert_passed();
}
