//! G1 with several stores on one server, hammered together: never one more than the limit.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use common::{ALGORITHMS, LONG, UNHURRIED, rule};
use tidegate_core::{Algorithm, Rule, Timestamp};
use tidegate_store::{Request, Store};
use tidegate_store_redis::RedisStore;
use tidegate_test_servers::Server;

const STORES: usize = 3;
const TASKS: usize = 8;

/// Asks from all sides, `calls` times per task, and answers when each was admitted, by the store's time.
async fn hammer(server: &Server, rule: Rule, calls: usize) -> Vec<Timestamp> {
    let mut tasks = Vec::new();
    for _ in 0..STORES {
        let builder = RedisStore::builder(&server.url()).deadline(UNHURRIED);
        let store = Arc::new(builder.build().unwrap());
        for _ in 0..TASKS {
            let store = Arc::clone(&store);
            tasks.push(tokio::spawn(async move {
                let rules = [rule];
                let request = Request::new("everybody", &rules);
                let mut admitted = Vec::new();
                for _ in 0..calls {
                    let decision = store.acquire(&request).await.unwrap();
                    if decision.is_allowed() {
                        admitted.push(decision.at());
                    }
                }
                admitted
            }));
        }
    }
    let mut admitted = Vec::new();
    for task in tasks {
        admitted.extend(task.await.unwrap());
    }
    admitted.sort();
    admitted
}

#[tokio::test(flavor = "multi_thread")]
async fn g1_three_stores_admit_the_limit_and_not_one_more() {
    let server = Server::start().unwrap();
    for algorithm in ALGORITHMS {
        let admitted = hammer(&server, rule(1_000, LONG, algorithm), 100).await;
        assert_eq!(
            admitted.len(),
            1_000,
            "{algorithm}: of {} calls",
            STORES * TASKS * 100
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn g1_every_fixed_window_admits_at_most_the_limit() {
    let server = Server::start().unwrap();
    let window = Duration::from_millis(200);
    let admitted = hammer(&server, rule(50, window, Algorithm::FixedWindow), 300).await;
    let mut windows = BTreeMap::<u128, usize>::new();
    for at in admitted {
        *windows
            .entry(u128::from(at.as_nanos()) / window.as_nanos())
            .or_default() += 1;
    }
    assert!(windows.len() > 1, "all calls fell into one window");
    for (window, count) in windows {
        assert!(count <= 50, "{count} in window {window}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn g1_every_interval_of_a_bucket_admits_at_most_burst_and_flow() {
    let server = Server::start().unwrap();
    // 100 at once, and one every 2 ms.
    let rule = rule(100, Duration::from_millis(200), Algorithm::TokenBucket);
    let admitted = hammer(&server, rule, 300).await;
    assert!(admitted.len() > 100, "nothing flowed in");
    let interval = Duration::from_millis(2).as_nanos();
    for (first, from) in admitted.iter().enumerate() {
        for (last, to) in admitted.iter().enumerate().skip(first) {
            let most = 100 + to.since(*from).as_nanos() / interval;
            let count = (last - first + 1) as u128;
            assert!(
                count <= most,
                "{count} between {from} and {to}, at most {most}"
            );
        }
    }
}
