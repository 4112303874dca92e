//! A replica is promoted that missed writes: nodes tell it again what they used, also of subjects that nobody asks for (G6).

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

use std::time::{Duration, Instant};

use tidegate_core::{PolicyName, Quota, Rule};
use tidegate_store::{Request, Store};
use tidegate_store_redis::RedisStore;
use tidegate_store_tiered::TieredStore;
use tidegate_test_servers::wait::PATIENCE;
use tidegate_test_servers::{Sentinels, Server};

/// The records of alice that a server has.
fn records(server: &Server) -> Vec<Vec<u8>> {
    let keys = server.admin().keys().unwrap_or_default();
    let of_alice = |key: &Vec<u8>| String::from_utf8_lossy(key).contains("{salice}");
    keys.into_iter().filter(of_alice).collect()
}

async fn until(what: &str, so: impl Fn() -> bool) {
    let began = Instant::now();
    while !so() {
        assert!(began.elapsed() < PATIENCE, "no {what} in {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn g6_a_replica_that_missed_writes_is_told_them() {
    let trio = Sentinels::start().unwrap();
    let store = TieredStore::new(RedisStore::connect(&trio.url()).unwrap());
    let quota = Quota::per_hour(1_000).unwrap();
    let rules = [Rule::new(PolicyName::new("policy").unwrap(), quota)];
    let decision = store.acquire(&Request::new("alice", &rules)).await.unwrap();
    assert!(decision.is_allowed());
    let [_, replica] = trio.servers();
    until("record on the replica", || !records(replica).is_empty()).await;
    // A node that hears of the data's generation for the first time tells all again.
    until("registrations", || store.stats().calls >= 5).await;

    let admin = replica.admin();
    let _: String = admin
        .run(&["CONFIG", "SET", "replica-read-only", "no"])
        .unwrap();
    for key in records(replica) {
        let _: u64 = admin
            .run(&["DEL", std::str::from_utf8(&key).unwrap()])
            .unwrap();
    }
    assert!(records(replica).is_empty());
    let heir = trio.fail_over().unwrap();
    assert_eq!(heir.port(), replica.port());
    until("record on the new primary", || !records(heir).is_empty()).await;
}
