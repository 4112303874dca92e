//! What a script whose numbers are doubles computes from a quota is what core computes.

#![allow(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "a test that cannot go on says where; the casts are what is tested"
)]

use std::time::Duration;

use proptest::prelude::*;
use tidegate_core::{Algorithm, MAX_COUNT, Quota, Timestamp, Usage};

/// The sliding window in doubles, as a script in a server evaluates it: times in whole microseconds.
struct InDoubles {
    limit: f64,
    steps: f64,
    left: f64,
}

impl InDoubles {
    fn new(quota: &Quota, start: Timestamp, now: Timestamp) -> Self {
        let steps = quota.steps().unwrap();
        let into = now.as_micros() as f64 - start.as_micros() as f64;
        let passed = (into / steps.length().as_micros() as f64).floor();
        Self {
            limit: quota.limit() as f64,
            steps: steps.count() as f64,
            left: (steps.count() as f64 - passed).max(0.0),
        }
    }

    fn admits(&self, current: f64, previous: f64, cost: f64) -> bool {
        let room = self.limit - current - cost;
        room >= 0.0 && previous.min(self.limit) * self.left <= room * self.steps
    }

    fn remaining(&self, current: f64, previous: f64) -> f64 {
        let counted = previous.min(self.limit) * self.left + self.steps - 1.0;
        let weighted = ((counted - counted % self.steps) / self.steps).floor();
        ((self.limit - current).max(0.0) - weighted).max(0.0)
    }
}

fn any_quota() -> impl Strategy<Value = Quota> {
    let limit = prop_oneof![
        1..=5u64,
        1..=100_000u64,
        1..=MAX_COUNT,
        (0..60u32).prop_map(|shift| (1 << shift).min(MAX_COUNT))
    ];
    let millis = prop_oneof![
        1..=100_000u64,
        1..=31_622_400_000u64,
        Just(31_622_400_000u64)
    ];
    (limit, millis)
        .prop_map(|(limit, millis)| Quota::new(limit, Duration::from_millis(millis)).unwrap())
}

/// A share of a number, near its ends too.
fn part_of(whole: u64) -> impl Strategy<Value = u64> {
    prop_oneof![
        0..=whole,
        (0..4u64).prop_map(move |off| whole.saturating_sub(off)),
        (0..4u64).prop_map(move |few| few.min(whole))
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5_000))]

    #[test]
    fn g1_a_sliding_window_is_the_same_in_doubles(
        (quota, current, previous, cost, into) in any_quota().prop_flat_map(|quota| {
            let (limit, micros) = (quota.limit(), u64::try_from(quota.window().as_micros()).unwrap());
            (Just(quota), part_of(limit), part_of(limit.saturating_mul(2).min(MAX_COUNT)), part_of(limit), part_of(micros - 1))
        }),
        number in 1..1_000u64, on_a_step in any::<bool>(),
    ) {
        let window = u64::try_from(quota.window().as_micros()).unwrap();
        let step = u64::try_from(quota.steps().unwrap().length().as_micros()).unwrap();
        let start = Timestamp::from_micros(number.min(1_900_000_000_000_000 / window) * window);
        let into = if on_a_step { into / step * step } else { into };
        let now = start + Duration::from_micros(into);
        let usage = Usage::window(start, current, previous);
        let doubles = InDoubles::new(&quota, start, now);
        prop_assert_eq!(
            quota.admits(usage, cost, now),
            doubles.admits(current as f64, previous as f64, cost as f64),
        );
        prop_assert_eq!(quota.remaining(usage, now) as f64, doubles.remaining(current as f64, previous as f64));
    }
}

/// G8: `remaining` is what one request can still take, also when more than the limit was admitted before (in an
/// outage, or under a higher limit).
#[test]
fn g8_what_remains_is_admitted_after_a_window_over_the_limit() {
    let quota = Quota::per_minute(100)
        .unwrap()
        .with_algorithm(Algorithm::SlidingWindow)
        .unwrap();
    let start = Timestamp::from_secs(60);
    let now = start + Duration::from_secs(30);
    let usage = Usage::window(start, 0, 200);
    assert_eq!(quota.remaining(usage, now), 50);
    assert!(quota.admits(usage, 50, now));
    assert!(!quota.admits(usage, 51, now));
}
