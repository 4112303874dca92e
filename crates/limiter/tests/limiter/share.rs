//! G4: with the store gone for every node, all of them together admit about the limit.

use std::time::Duration;

use tidegate_limiter::{Algorithm, ErrorKind, Fallback, Limiter, Policy, Quota};

use crate::support::{Mode, Unreliable, admitted, builder, quota};

fn nodes(count: u32, quota: Quota) -> (Unreliable, Vec<Limiter>) {
    let store = Unreliable::remote();
    let node = |_| {
        builder(&store)
            .policy(Policy::new("p", quota).outage(Fallback::Share))
            .expected_nodes(count)
            .build()
            .unwrap()
    };
    let nodes = (0..count).map(node).collect();
    (store, nodes)
}

async fn admitted_by_all(nodes: &[Limiter], limit: u64) -> u64 {
    let mut sum = 0;
    for node in nodes {
        sum += admitted(node, "alice", usize::try_from(limit).unwrap() + 5).await;
    }
    sum
}

#[tokio::test(start_paused = true)]
async fn g4_all_nodes_together_admit_at_most_the_limit_and_one_each_in_every_window() {
    for (limit, count) in [(1, 3), (10, 4), (100, 7), (99, 1), (5, 8)] {
        let (store, nodes) = nodes(count, quota(limit));
        store.set(Mode::Fails(ErrorKind::Unavailable));
        for window in 0..3 {
            let sum = admitted_by_all(&nodes, limit).await;
            let bound = limit + u64::from(count);
            assert!(
                (limit..=bound).contains(&sum),
                "window {window}: {sum} admitted of {limit} by {count} nodes"
            );
            tokio::time::advance(Duration::from_secs(60)).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn g4_a_store_that_comes_and_goes_within_a_window_does_not_renew_shares() {
    let (store, nodes) = nodes(3, quota(30));
    let mut in_outages = 0;
    for _ in 0..5 {
        store.set(Mode::Fails(ErrorKind::Unavailable));
        in_outages += admitted_by_all(&nodes, 30).await;
        store.set(Mode::Works);
        let _ = nodes[0].check("alice").await;
    }
    assert_eq!(in_outages, 30);
}

#[tokio::test(start_paused = true)]
async fn g4_the_window_in_which_an_outage_begins_admits_at_most_twice_the_limit() {
    let (store, nodes) = nodes(4, quota(100));
    let mut sum = admitted_by_all(&nodes, 100).await;
    assert_eq!(sum, 100);
    store.set(Mode::Fails(ErrorKind::Unavailable));
    sum += admitted_by_all(&nodes, 100).await;
    assert!(sum <= 204, "{sum}");
}

#[tokio::test(start_paused = true)]
async fn g4_token_buckets_share_burst_and_rate() {
    let bucket = Quota::per_second(10)
        .unwrap()
        .with_algorithm(Algorithm::TokenBucket);
    let (store, nodes) = nodes(4, bucket.unwrap().with_burst(40).unwrap());
    store.set(Mode::Fails(ErrorKind::Unavailable));
    assert_eq!(
        admitted_by_all(&nodes, 40).await,
        40,
        "a quarter of the burst each"
    );
    tokio::time::advance(Duration::from_millis(1001)).await;
    let refilled = admitted_by_all(&nodes, 40).await;
    assert!((10..=14).contains(&refilled), "{refilled}");
}
