//! A server that is in trouble is not asked more than it can bear (R2).

use std::sync::Arc;
use std::time::{Duration, Instant};

use tidegate_core::{Backoff, BreakerConfig};
use tidegate_store::{Request, Store};
use tidegate_store_redis::RedisStore;
use tidegate_test_servers::{Direction, Proxy, Server};

use crate::common::until_answered;
use crate::{rules, store, within_the_deadline};

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
