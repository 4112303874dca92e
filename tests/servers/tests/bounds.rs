//! R4 and L6: how many calls may be under way, and that a call which nobody waits for any more gives its place back.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

mod common;

use std::sync::Arc;

use common::{ALGORITHMS, LONG, UNHURRIED, at_once, remaining, rule, until_answered};
use futures_util::FutureExt;
use futures_util::future::join_all;
use tidegate_store::{ErrorKind, Request, Store};
use tidegate_store_redis::RedisStore;
use tidegate_test_servers::wait::{State, until};
use tidegate_test_servers::{Direction, Proxy, Server};

const MOST: usize = 10;

#[tokio::test(flavor = "multi_thread")]
async fn r4_calls_beyond_the_bound_are_refused_at_once() {
    let server = Server::start().unwrap();
    let builder = RedisStore::builder(&server.url()).max_in_flight(MOST);
    let store = builder.deadline(UNHURRIED).build().unwrap();
    let rules = [rule(1_000, LONG, ALGORITHMS[0])];
    let request = Request::new("alice", &rules);
    until_answered(&store, &request).await;
    server.freeze().unwrap();
    let mut calls: Vec<_> = (0..MOST)
        .map(|_| Box::pin(store.acquire(&request)))
        .collect();
    for call in &mut calls {
        assert!(
            call.now_or_never().is_none(),
            "answered by a server that hangs"
        );
    }
    for _ in 0..100 {
        let error = at_once(&store, &request).unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Overloaded, "{error}");
    }
    server.thaw().unwrap();
    for answer in join_all(calls).await {
        assert!(answer.unwrap().is_allowed());
    }
    // 1 before, 10 that waited, and none of the 100.
    assert_eq!(remaining(&store, &request).await, 1_000 - 11);
}

#[tokio::test(flavor = "multi_thread")]
async fn l6_a_dropped_call_gives_its_place_back_and_counts_at_most_once() {
    let server = Server::start().unwrap();
    let proxy = Proxy::start(server.address()).unwrap();
    let builder = RedisStore::builder(&proxy.url()).max_in_flight(1);
    let store = Arc::new(builder.deadline(UNHURRIED).build().unwrap());
    let rules = [rule(1_000, LONG, ALGORITHMS[0])];
    let request = Request::new("alice", &rules);
    until_answered(&store, &request).await;
    for round in 1..=20 {
        proxy.hold(Direction::ToClient);
        let sent = proxy.traffic().to_server;
        {
            let mut call = Box::pin(store.acquire(&request));
            assert!((&mut call).now_or_never().is_none());
            until("the call to be sent", || {
                let now = proxy.traffic().to_server;
                Ok(State::of(now > sent, || format!("{now} bytes")))
            })
            .unwrap();
        }
        proxy.heal();
        // The place is free again once the answer that nobody waits for has come, if not before.
        let left = loop {
            match store.peek(&request).await {
                Ok(decision) => break decision.statuses()[0].remaining(),
                Err(error) => assert_eq!(error.kind(), ErrorKind::Overloaded, "{error}"),
            }
            tokio::task::yield_now().await;
        };
        assert_eq!(
            left,
            1_000 - 1 - round,
            "each dropped call was sent, and counts once"
        );
    }
}
