//! The server hangs, is gone, refuses or cannot write: every call is answered within the deadline, the server is
//! left alone, and all heals by itself (L1, L2, L3, R2).

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

mod amplification;
#[path = "../common/mod.rs"]
mod common;
mod exactly_once;
mod given_up;
mod starting;

use std::pin::pin;
use std::time::{Duration, Instant};

use common::{ALGORITHMS, LONG, at_once, is_open, rule, until_answered, until_open};
use futures_util::future::{Either, select};
use tidegate_core::Rule;
use tidegate_store::{ErrorKind, Request, Store};
use tidegate_store_redis::RedisStore;
use tidegate_test_servers::wait::PATIENCE;
use tidegate_test_servers::{Direction, Options, Proxy, Server};

/// D, as it is unless told.
const DEADLINE: Duration = Duration::from_millis(50);

/// The few milliseconds after D in which an answer must come.
const A_FEW: Duration = Duration::from_millis(5);

/// For what the machine is busy with otherwise, where a time is bounded in seconds.
const BUSY: Duration = Duration::from_secs(2);

/// In so much time several probes are made.
const SEVERAL_PROBES: Duration = Duration::from_secs(1);

fn rules() -> [Rule; 1] {
    [rule(1_000_000, LONG, ALGORITHMS[0])]
}

fn store(url: &str) -> RedisStore {
    RedisStore::connect(url).unwrap()
}

/// L1: asks, beside a timer for the deadline and a few milliseconds, and fails if the timer comes first.
///
/// Both are in one task, and the timer is looked at second: where the machine is busy, both are late together, so
/// that this bounds what the store does, and not what the scheduler does.
async fn within_the_deadline(store: &RedisStore, request: &Request<'_>) -> Result<(), ErrorKind> {
    let timer = async { tokio::time::sleep(DEADLINE + A_FEW).await };
    match select(pin!(store.acquire(request)), pin!(timer)).await {
        Either::Left((answer, _)) => answer.map(drop).map_err(|error| error.kind()),
        Either::Right(_) => panic!("no answer within {DEADLINE:?} and {A_FEW:?}"),
    }
}

/// Several probes later the server still is not asked: no probe takes a server that cannot write for one that works.
async fn stays_open(what: &str, store: &RedisStore) {
    let opened = |store: &RedisStore| store.status().servers[0].opened;
    let before = opened(store);
    let is_long = |store: &RedisStore| store.status().servers[0].open_for >= Some(SEVERAL_PROBES);
    while !is_long(store) {
        assert!(is_open(store), "{what}: asked again before it worked");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(
        opened(store),
        before,
        "{what}: asked again before it worked"
    );
}

/// It begins to by itself: from then on it is to be found to work.
fn until_it_answers(server: &Server) {
    let began = Instant::now();
    while server.admin().keys().is_err() {
        assert!(began.elapsed() < PATIENCE, "no answer within {PATIENCE:?}");
    }
}

/// L1 to L3 in one outage: in time while it is not known, at once when it is, healed when it is over. Answers with
/// the first failure.
async fn lives_through(
    what: &str,
    store: &RedisStore,
    begin: impl FnOnce(),
    end: impl FnOnce(),
) -> ErrorKind {
    let rules = rules();
    let request = Request::new("alice", &rules);
    until_answered(store, &request).await;
    begin();
    let mut first = None;
    for _ in 0..20 {
        if let Err(kind) = within_the_deadline(store, &request).await {
            first.get_or_insert(kind);
        }
    }
    until_open(store, &request).await;
    stays_open(what, store).await;
    for _ in 0..100 {
        let answer = at_once(store, &request)
            .unwrap_or_else(|| panic!("{what}: waits with the breaker open"));
        let error = answer.expect_err("the server was found to work in no time");
        assert!(
            error.to_string().contains("127.0.0.1:"),
            "{what}: no endpoint in: {error}"
        );
    }
    end();
    let took = until_answered(store, &request).await;
    let most = Duration::from_millis(500) + DEADLINE + BUSY;
    assert!(
        took <= most,
        "{what}: healed after {took:?}, at most {most:?}"
    );
    first.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn l1_l3_a_server_that_hangs() {
    let server = Server::start().unwrap();
    let store = store(&server.url());
    let kind = lives_through(
        "SIGSTOP",
        &store,
        || server.freeze().unwrap(),
        || server.thaw().unwrap(),
    )
    .await;
    assert_eq!(kind, ErrorKind::Timeout);
}

#[tokio::test(flavor = "multi_thread")]
async fn l1_l3_a_server_that_is_killed_and_started() {
    let server = Server::start().unwrap();
    let store = store(&server.url());
    let kind = lives_through(
        "kill",
        &store,
        || server.kill(),
        || server.start_again().unwrap(),
    )
    .await;
    assert_eq!(kind, ErrorKind::Unavailable);
}

#[tokio::test(flavor = "multi_thread")]
async fn l1_l3_a_server_that_is_busy() {
    let server = Server::start().unwrap();
    let store = store(&server.url());
    lives_through(
        "DEBUG SLEEP",
        &store,
        || server.keep_busy(Duration::from_secs(4)).unwrap(),
        || until_it_answers(&server),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l1_l3_a_server_whose_clients_are_paused() {
    let server = Server::start().unwrap();
    let store = store(&server.url());
    let pause = || {
        server
            .admin()
            .pause_clients(Duration::from_secs(4))
            .unwrap();
    };
    let end = || until_it_answers(&server);
    lives_through("CLIENT PAUSE", &store, pause, end).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l1_l3_a_network_that_swallows_everything() {
    let server = Server::start().unwrap();
    let proxy = Proxy::start(server.address()).unwrap();
    let store = store(&proxy.url());
    let hold = || {
        proxy.hold(Direction::ToServer);
        proxy.hold(Direction::ToClient);
    };
    let kind = lives_through("a black hole", &store, hold, || proxy.heal()).await;
    assert_eq!(kind, ErrorKind::Timeout);
}

#[tokio::test(flavor = "multi_thread")]
async fn l1_l3_a_network_that_loses_replies() {
    let server = Server::start().unwrap();
    let proxy = Proxy::start(server.address()).unwrap();
    let store = store(&proxy.url());
    let hold = || proxy.hold(Direction::ToClient);
    lives_through("replies lost", &store, hold, || proxy.heal()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l1_l3_a_network_that_is_too_slow() {
    let server = Server::start().unwrap();
    let proxy = Proxy::start(server.address()).unwrap();
    let store = store(&proxy.url());
    let slow = || proxy.delay(Direction::ToClient, DEADLINE * 4);
    lives_through("200 ms", &store, slow, || proxy.heal()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l3_a_network_that_takes_seconds_is_believed_if_the_deadline_lets_it() {
    let server = Server::start().unwrap();
    let proxy = Proxy::start(server.address()).unwrap();
    let store = RedisStore::builder(&proxy.url())
        .deadline(common::UNHURRIED)
        .build()
        .unwrap();
    let rules = rules();
    let request = Request::new("alice", &rules);
    until_answered(&store, &request).await;
    // Connections that are refused open it, and what comes then is slower than a probe is given by default.
    proxy.refuse().unwrap();
    until_open(&store, &request).await;
    proxy.delay(Direction::ToClient, Duration::from_millis(1_200));
    proxy.accept().unwrap();
    until_answered(&store, &request).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_is_slow_but_in_time_decides() {
    let server = Server::start().unwrap();
    let proxy = Proxy::start(server.address()).unwrap();
    let store = RedisStore::builder(&proxy.url())
        .deadline(common::UNHURRIED)
        .build()
        .unwrap();
    proxy.delay(Direction::ToServer, Duration::from_millis(10));
    proxy.delay(Direction::ToClient, Duration::from_millis(10));
    let rules = rules();
    for _ in 0..10 {
        let _ = store.acquire(&Request::new("alice", &rules)).await.unwrap();
    }
    assert!(!is_open(&store));
}

#[tokio::test(flavor = "multi_thread")]
async fn l3_a_connection_that_is_cut_is_replaced() {
    let server = Server::start().unwrap();
    let proxy = Proxy::start(server.address()).unwrap();
    let store = store(&proxy.url());
    let rules = rules();
    let request = Request::new("alice", &rules);
    for _ in 0..5 {
        until_answered(&store, &request).await;
        proxy.cut().unwrap();
        let took = until_answered(&store, &request).await;
        assert!(took <= Duration::from_secs(1) + BUSY, "{took:?}");
    }
    assert_eq!(
        store.status().servers[0].opened,
        0,
        "a cut connection is no outage"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn l1_l3_a_full_server_that_answers_ping() {
    let server = Options::new()
        .config("maxmemory-policy", "noeviction")
        .start()
        .unwrap();
    let store = store(&server.url());
    let full = || {
        server.admin().set("maxmemory", "1").unwrap();
        server.admin().run::<String>(&["PING"]).unwrap();
    };
    let room = || server.admin().set("maxmemory", "0").unwrap();
    let kind = lives_through("maxmemory 1", &store, full, room).await;
    assert_eq!(kind, ErrorKind::Unavailable);
}

#[tokio::test(flavor = "multi_thread")]
async fn l1_l3_a_primary_that_became_a_replica() {
    let (server, other) = (Server::start().unwrap(), Server::start().unwrap());
    let store = store(&server.url());
    let kind = lives_through(
        "REPLICAOF",
        &store,
        || server.admin().replicate(Some(other.port())).unwrap(),
        || server.admin().replicate(None).unwrap(),
    )
    .await;
    assert_eq!(kind, ErrorKind::Unavailable);
}

#[tokio::test(flavor = "multi_thread")]
async fn l1_l3_a_server_with_an_endless_script() {
    let server = Options::new()
        .config("busy-reply-threshold", "50")
        .start()
        .unwrap();
    let store = store(&server.url());
    let endless = || server.run_endless_script().unwrap();
    let kill = || server.admin().run::<()>(&["SCRIPT", "KILL"]).unwrap();
    lives_through("BUSY", &store, endless, kill).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l1_l3_a_server_that_takes_no_more_clients() {
    let server = Server::start().unwrap();
    let proxy = Proxy::start(server.address()).unwrap();
    let store = store(&proxy.url());
    let full = || {
        server.admin().set("maxclients", "1").unwrap();
        proxy.cut().unwrap();
    };
    let room = || server.admin().set("maxclients", "1000").unwrap();
    lives_through("maxclients", &store, full, room).await;
}
