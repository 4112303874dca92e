//! The server hangs, is gone, refuses or cannot write: every call is answered within the deadline, the server is
//! left alone, and all heals by itself (L1, L2, L3, R2).

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

mod common;

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::{ALGORITHMS, LONG, at_once, is_open, remaining, rule, until_answered, until_open};
use futures_util::future::{Either, select};
use tidegate_core::{Backoff, BreakerConfig, Rule};
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
    let most = Backoff::default().cap + DEADLINE + BUSY;
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

/// R2 through a proxy that swallows everything: it counts connections and what was sent on them.
#[tokio::test(flavor = "multi_thread")]
async fn r2_connections_in_an_outage_are_bounded() {
    let server = Server::start().unwrap();
    let proxy = Proxy::start(server.address()).unwrap();
    let store = Arc::new(store(&proxy.url()));
    let rules = rules();
    until_answered(&store, &Request::new("alice", &rules)).await;
    let before = proxy.traffic();
    proxy.hold(Direction::ToServer);
    proxy.hold(Direction::ToClient);
    let began = Instant::now();
    hammer_for(&store, Duration::from_secs(3)).await;
    let after = proxy.traffic();
    // One for each connection that was replaced before the breaker opened, and one for each probe.
    let probes = began.elapsed().as_millis() / Backoff::default().floor.as_millis();
    let made = u128::from(after.connections - before.connections);
    let most = u128::from(BreakerConfig::default().consecutive) + probes;
    assert!(
        made <= most,
        "{made} connections in {:?}, at most {most}",
        began.elapsed()
    );
    // Lost probes wait for their own deadline as well, so that far fewer are made.
    assert!(made <= 15, "{made} connections in {:?}", began.elapsed());
}

/// R2 on a server that hangs and then tells what was asked of it.
#[tokio::test(flavor = "multi_thread")]
async fn r2_commands_in_an_outage_are_bounded() {
    let server = Server::start().unwrap();
    let store = Arc::new(store(&server.url()));
    let rules = rules();
    let request = Request::new("alice", &rules);
    until_answered(&store, &request).await;
    let before = server.admin().stats().unwrap();
    server.freeze().unwrap();
    let asked = hammer_for(&store, Duration::from_secs(3)).await;
    let probes_until_now = 3_000 / 50;
    server.thaw().unwrap();
    let made = server.admin().stats().unwrap().since(&before);
    let scripts = made.calls_of("evalsha") + made.calls_of("eval");
    let most = u64::from(BreakerConfig::default().consecutive) + TASKS + probes_until_now;
    assert!(
        scripts <= most,
        "{asked} requests became {scripts} script calls, at most {most}"
    );
    assert!(
        asked > 10 * most,
        "only {asked} requests: the bound was not put to the test"
    );
}

/// R2 on a server that comes and goes: one success does not reset the backoff, or it would be hammered.
#[tokio::test(flavor = "multi_thread")]
async fn r2_a_server_that_flaps_is_not_hammered() {
    const FLAPS: u32 = 6;
    const FLAP: Duration = Duration::from_millis(600);
    let server = Server::start().unwrap();
    let store = store(&server.url());
    let rules = rules();
    let request = Request::new("alice", &rules);
    until_answered(&store, &request).await;
    let before = server.admin().stats().unwrap();
    let began = Instant::now();
    for flap in 1..=FLAPS {
        server.freeze().unwrap();
        let hangs_until = began + FLAP * flap;
        while Instant::now() < hangs_until {
            let _ = within_the_deadline(&store, &request).await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        server.thaw().unwrap();
        // It works until it has been asked successfully, if only once.
        until_answered(&store, &request).await;
    }
    let made = server.admin().stats().unwrap().since(&before).connections;
    // Of each flap: the connections that it broke, and a few probes; the first ones come after 50 ms already.
    let most = u64::from(FLAPS) * 8;
    assert!(
        made <= most,
        "{made} connections in {FLAPS} flaps, at most {most}"
    );
    let opened = store.status().servers[0].opened;
    assert!(
        opened <= u64::from(FLAPS),
        "opened {opened} times in {FLAPS} flaps"
    );
}

const TASKS: u64 = 8;

/// Asks from several tasks for a time, and says how often.
async fn hammer_for(store: &Arc<RedisStore>, time: Duration) -> u64 {
    let until = Instant::now() + time;
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let store = Arc::clone(store);
            tokio::spawn(async move {
                let (rules, subject) = (rules(), format!("subject {task}"));
                let request = Request::new(subject.as_str(), &rules);
                let mut asked = 0;
                while Instant::now() < until {
                    let _ = store.acquire(&request).await;
                    asked += 1;
                    tokio::task::yield_now().await;
                }
                asked
            })
        })
        .collect();
    let mut asked = 0;
    for task in tasks {
        asked += task.await.unwrap();
    }
    asked
}

/// Late replies are never taken for another call's: the counts that are answered are the subject's own.
#[tokio::test(flavor = "multi_thread")]
async fn g5_late_replies_are_nobody_elses() {
    let server = Server::start().unwrap();
    let proxy = Proxy::start(server.address()).unwrap();
    let breaker = BreakerConfig {
        consecutive: 1_000,
        calls: 100_000,
        ..BreakerConfig::default()
    };
    let store = RedisStore::builder(&proxy.url())
        .breaker(breaker)
        .build()
        .unwrap();
    let patient = RedisStore::builder(&server.url())
        .deadline(common::UNHURRIED)
        .build()
        .unwrap();
    let rules = rules();
    for round in 1..=10u64 {
        // Everybody's count differs, so that an answer tells whose it is.
        for number in 0..5 {
            let subject = format!("{round} {number}");
            let request = Request::new(subject.as_str(), &rules).with_cost(100 * (number + 1));
            let _ = patient.acquire(&request).await.unwrap();
        }
        proxy.hold(Direction::ToClient);
        let first = format!("{round} 0");
        let late = store.peek(&Request::new(first.as_str(), &rules)).await;
        assert!(late.is_err(), "answered through a held proxy");
        proxy.heal();
        for number in 1..5 {
            let subject = format!("{round} {number}");
            let request = Request::new(subject.as_str(), &rules);
            if let Ok(decision) = store.peek(&request).await {
                let remaining = decision.statuses()[0].remaining();
                assert_eq!(
                    remaining,
                    1_000_000 - 100 * (number + 1),
                    "round {round}, subject {number}"
                );
            }
        }
    }
}

/// G5: a call whose answer did not come may have been counted, once; never twice.
#[tokio::test(flavor = "multi_thread")]
async fn g5_a_call_whose_answer_was_lost_counts_at_most_once() {
    let server = Server::start().unwrap();
    let proxy = Proxy::start(server.address()).unwrap();
    let store = store(&proxy.url());
    let patient = RedisStore::builder(&server.url())
        .deadline(common::UNHURRIED)
        .build()
        .unwrap();
    for (number, algorithm) in ALGORITHMS.into_iter().enumerate() {
        let rules = [rule(1_000_000, LONG, algorithm)];
        let subject = format!("subject {number}");
        let request = Request::new(subject.as_str(), &rules);
        until_answered(&store, &request).await;
        let before = remaining(&patient, &request).await;
        proxy.hold(Direction::ToClient);
        let error = store.acquire(&request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
        proxy.heal();
        let left = remaining(&patient, &request).await;
        assert!(
            left == before || left + 1 == before,
            "{algorithm}: one call without an answer, and {left} of {before} are left"
        );
    }
}
