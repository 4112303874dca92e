//! The part of a limit that a node takes alone: by demand, never nothing, and of all nodes together about the limit (G4).

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::time::Duration;

use proptest::prelude::*;
use tidegate_core::tiered::Share;
use tidegate_core::{Algorithm, MAX_COUNT, Quota};

fn any_quota() -> impl Strategy<Value = Quota> {
    let limit = prop_oneof![1..=20_u64, 1..=1_000_000_u64, 1..=MAX_COUNT];
    let algorithm = prop_oneof![
        Just(Algorithm::FixedWindow),
        Just(Algorithm::SlidingWindow),
        Just(Algorithm::TokenBucket)
    ];
    (limit, 1..=100_000_u64, algorithm, 1..=1_000_u64).prop_filter_map(
        "out of range",
        |(limit, millis, algorithm, burst)| {
            let quota = Quota::new(limit, Duration::from_millis(millis)).ok()?;
            let quota = quota.with_algorithm(algorithm).ok()?;
            match algorithm {
                Algorithm::TokenBucket => quota.with_burst(burst).ok(),
                _ => Some(quota),
            }
        },
    )
}

proptest! {
    /// G4: the parts of all nodes sum to the amount, each rounded up, whatever each of them had of the traffic.
    #[test]
    fn g4_shares_sum_to_the_limit_and_one_for_each_node(
        used in prop::collection::vec(0..1_000_u64, 1..20), limit in 1..=1_000_000_u64,
    ) {
        let nodes = u32::try_from(used.len()).unwrap();
        let total = used.iter().sum();
        let parts = used.iter().map(|own| Share::by_demand(*own, total, nodes).of(limit));
        let sum: u64 = parts.sum();
        prop_assert!(sum <= limit + u64::from(nodes), "{sum} of {limit}");
        prop_assert!(sum >= limit * 999_999 / 1_000_000, "{sum} of {limit}");
    }

    /// A part of a quota keeps its window and its way of counting, and is at most one unit more than the part.
    #[test]
    fn g4_a_part_of_a_quota_is_that_part(quota in any_quota(), own in 0..=10_u64, nodes in 1..10_u32) {
        let share = Share::by_demand(own, 10, nodes);
        let part = quota.share(share);
        prop_assert_eq!((part.window(), part.algorithm()), (quota.window(), quota.algorithm()));
        prop_assert_eq!(part.limit(), share.of(quota.limit()).max(1));
        if quota.algorithm() == Algorithm::TokenBucket {
            prop_assert_eq!(part.capacity(), share.of(quota.capacity()).max(1));
        } else {
            prop_assert_eq!(part.capacity(), part.limit());
        }
    }
}

#[test]
fn four_fifths_follow_demand_and_the_rest_is_for_all_alike() {
    let fraction = |own, total, nodes| Share::by_demand(own, total, nodes).as_fraction();
    for (own, total, nodes, expected) in [
        (50, 100, 2, 0.5),
        (100, 100, 2, 0.9),
        (0, 100, 2, 0.1),
        (25, 100, 4, 0.25),
        (0, 0, 4, 0.25),
        (7, 7, 1, 1.0),
        (9, 3, 1, 1.0),
        (0, 0, 0, 1.0),
    ] {
        let error = fraction(own, total, nodes) - expected;
        assert!(error.abs() < 1e-8, "{own} of {total}, {nodes} nodes");
    }
    assert_eq!(Share::even(1), Share::WHOLE);
    assert_eq!(Share::even(4).as_fraction(), 0.25);
}

#[test]
fn parts_are_rounded_as_they_are_asked_for_and_never_overflow() {
    let third = Share::even(3);
    assert_eq!((third.of(10), third.floor_of(10)), (4, 3));
    assert_eq!((third.of(0), third.floor_of(0)), (0, 0));
    let half = Share::even(2);
    assert_eq!((half.of(10), half.floor_of(10)), (5, 5));
    assert_eq!((half.of(11), half.floor_of(11)), (6, 5));
    assert_eq!(Share::WHOLE.of(u64::MAX), u64::MAX);
    assert_eq!(half.floor_of(u64::MAX), u64::MAX / 2);
}

/// A bucket whose part takes in a unit so seldom that it could not be told is made smaller, not refused.
#[test]
fn g4_a_part_of_the_slowest_bucket_is_a_bucket() {
    let month = Duration::from_secs(30 * 86_400);
    let quota = Quota::new(100, month).unwrap();
    let quota = quota.with_algorithm(Algorithm::TokenBucket).unwrap();
    let quota = quota.with_burst(200).unwrap();
    let part = quota.share(Share::even(1_000));
    assert_eq!(part.algorithm(), Algorithm::TokenBucket);
    assert_eq!((part.limit(), part.capacity()), (1, 1));
    assert_eq!(part.window(), month);
}

/// Fifty nodes: a part takes in a unit in 15 days, and five of them would take longer than can be told.
#[test]
fn g4_a_part_of_a_slow_bucket_holds_as_much_as_can_be_told() {
    let month = Duration::from_secs(30 * 86_400);
    let quota = Quota::new(100, month).unwrap();
    let quota = quota.with_algorithm(Algorithm::TokenBucket).unwrap();
    let quota = quota.with_burst(247).unwrap();
    let part = quota.share(Share::even(50));
    assert_eq!((part.limit(), part.capacity()), (2, 4));
}
