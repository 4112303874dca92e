//! Sentinel: the primary is found by its name, and its heir after a failover.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

mod common;

use std::time::Duration;

use common::{ALGORITHMS, LONG, Servers, rule, until_answered, until_open};
use tidegate_store::Request;
use tidegate_test_servers::Sentinels;

#[tokio::test(flavor = "multi_thread")]
async fn l3_a_failover_is_followed() {
    let trio = Sentinels::start().unwrap();
    let store = trio.builder().build().unwrap();
    let rules = [rule(1_000, LONG, ALGORITHMS[0])];
    let request = Request::new("alice", &rules);
    until_answered(&store, &request).await;
    let heir = trio.fail_over().unwrap();
    let took = until_answered(&store, &request).await;
    assert!(
        took < Duration::from_secs(10),
        "healed {took:?} after the failover"
    );
    assert!(
        !heir.admin().keys().unwrap().is_empty(),
        "the heir holds the counts now"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn l2_a_store_starts_while_no_sentinel_answers() {
    let trio = Sentinels::start().unwrap();
    for sentinel in trio.sentinels() {
        sentinel.freeze().unwrap();
    }
    let store = trio.builder().build().unwrap();
    let rules = [rule(1_000, LONG, ALGORITHMS[0])];
    let request = Request::new("alice", &rules);
    until_open(&store, &request).await;
    for sentinel in trio.sentinels() {
        sentinel.thaw().unwrap();
    }
    until_answered(&store, &request).await;
}
