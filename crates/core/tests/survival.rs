//! Whatever is stored, whatever the clock does, whatever is asked for: no panic, no lasting denial.

#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a test that cannot go on says where"
)]

use std::time::Duration;

use proptest::prelude::*;
use tidegate_core::{
    Algorithm, MAX_COUNT, PolicyName, Quota, Rule, Timestamp, Usage, decide, give_back, look,
};

fn any_quota() -> impl Strategy<Value = Quota> {
    let limit = prop_oneof![1..=5u64, 1..=100_000u64, 1..=MAX_COUNT, Just(MAX_COUNT)];
    let window = prop_oneof![Just(1u64), 1..=100_000u64, Just(366 * 24 * 60 * 60 * 1_000)];
    let algorithm = prop_oneof![
        Just(Algorithm::FixedWindow),
        Just(Algorithm::SlidingWindow),
        Just(Algorithm::TokenBucket)
    ];
    (limit, window, algorithm).prop_filter_map("out of range", |(limit, millis, algorithm)| {
        Quota::new(limit, Duration::from_millis(millis))
            .ok()?
            .with_algorithm(algorithm)
            .ok()
    })
}

fn any_usage() -> impl Strategy<Value = Usage> {
    (any::<u64>(), any::<u64>(), any::<u64>()).prop_map(|(at, current, previous)| {
        Usage::window(Timestamp::from_nanos(at), current, previous)
    })
}

/// Garbage near `now`, where it can do harm.
fn usage_near(now: Timestamp, quota: &Quota, offset: f64, current: u64, previous: u64) -> Usage {
    let shift = quota.window().mul_f64(offset.abs());
    let at = if offset < 0.0 {
        now - shift
    } else {
        now + shift
    };
    Usage::window(at, current, previous)
}

fn rules(quota: Quota) -> [Rule; 1] {
    [Rule::new(PolicyName::new("p").unwrap(), quota)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    /// G8: no input panics, overflows or wraps.
    #[test]
    fn g8_any_input_is_survived(
        quota in any_quota(), usage in any_usage(), cost in any::<u64>(), now in any::<u64>(), later in any::<u64>(),
    ) {
        let rules = rules(quota);
        let mut usages = [usage];
        let decision = decide(&rules, &mut usages, cost, Timestamp::from_nanos(now));
        let status = decision.statuses()[0];
        prop_assert!(status.remaining() <= status.limit());
        let _ = (status.replenishes_in(), status.full_in(), status.retry_after(), decision.retry_after());
        let _ = look(&rules, &usages, cost, Timestamp::from_nanos(later));
        give_back(&rules, &mut usages, &decision, Timestamp::from_nanos(later));
    }

    /// L4, G7: from any value, a subject that then is idle for W is admitted again. Under a sliding window that is
    /// the formula's own W: until the full previous window has lost the weight of one unit.
    #[test]
    fn l4_g7_no_denial_lasts(
        quota in any_quota(), offset in -3.0..3.0f64, far in any_usage(), use_far in any::<bool>(),
        current in any::<u64>(), previous in any::<u64>(), now in 1_600_000_000u64..2_000_000_000,
    ) {
        let rules = rules(quota);
        let now = Timestamp::from_secs(now);
        let near = usage_near(now, &quota, offset, current, previous);
        let mut usages = [if use_far { far } else { near }];
        let _ = decide(&rules, &mut usages, 1, now);
        let mut idle = quota.window();
        if quota.algorithm() == Algorithm::SlidingWindow {
            let one_unit = quota.window().as_nanos().div_ceil(u128::from(quota.limit()));
            let coarsest_step = quota.window().as_nanos().div_ceil((1 << 52) / u128::from(quota.limit()).min(1 << 52));
            idle += Duration::from_nanos(u64::try_from(one_unit + coarsest_step.max(1_000_000)).unwrap());
        }
        prop_assert!(decide(&rules, &mut usages, 1, now + idle).is_allowed(), "{:?} {:?}", quota, usages);
    }

    /// G3, G4: what is charged without asking whether it fits (an outage setting that admits all) never lowers what is
    /// owed, and raises it to no more than a bucket holds.
    #[test]
    fn g4_charging_what_does_not_fit_takes_nothing_back(
        quota in any_quota(), ahead in 0.0..3.0f64, current in 0..=MAX_COUNT, cost in any::<u64>(),
        now in 1_600_000_000u64..2_000_000_000,
    ) {
        let now = Timestamp::from_secs(now);
        let usage = quota.brought_forward(usage_near(now, &quota, ahead, current, 0), now);
        let charged = quota.charged(usage, cost, now);
        prop_assert!(charged.at() >= usage.at() && charged.current() >= usage.current(), "{:?} {:?}", usage, charged);
        if quota.algorithm() == Algorithm::TokenBucket && charged.at() > usage.at() {
            let full = quota.charged(Usage::default(), quota.capacity(), now);
            prop_assert!(charged.at() <= full.at(), "{:?} {:?}", charged, full);
        }
    }

    /// A clock that steps back a little neither resets anyone (fixed window, within one window).
    #[test]
    fn g7_a_small_step_back_resets_nobody(limit in 1..1_000u64, back in 0.0..1.0f64, now in 1_600_000_000u64..2_000_000_000) {
        let quota = Quota::per_minute(limit).unwrap().with_algorithm(Algorithm::FixedWindow).unwrap();
        let rules = rules(quota);
        let mut usages = [Usage::default()];
        let now = Timestamp::from_secs(now);
        prop_assert!(decide(&rules, &mut usages, limit, now).is_allowed());
        let before = now - Duration::from_secs(60).mul_f64(back);
        prop_assert!(!decide(&rules, &mut usages, 1, before).is_allowed());
    }

    /// A refund goes into the window that the cost came from, never into a later one, and never gives more than was taken.
    #[test]
    fn refunds_never_admit_more_than_if_the_request_had_not_been(
        quota in any_quota().prop_filter("small enough to fill", |q| q.limit() <= 100_000),
        first in 0.0..1.0f64, others in prop::collection::vec((0.0..0.5f64, 0.0..0.7f64), 0..6), wait in 0.0..1.5f64,
    ) {
        let rules = rules(quota);
        let cost_of = |part: f64| ((part * quota.capacity() as f64) as u64).max(1);
        let mut now = Timestamp::from_secs(1_700_000_000);
        let (mut with, mut without) = ([Usage::default()], [Usage::default()]);
        let refunded = decide(&rules, &mut with, cost_of(first), now);
        prop_assert!(refunded.is_allowed());
        for (pause, cost) in others {
            now = now + quota.window().mul_f64(pause);
            // The same requests are admitted in both worlds: those that fit in the one with the refunded request.
            if decide(&rules, &mut with, cost_of(cost), now).is_allowed() {
                prop_assert!(decide(&rules, &mut without, cost_of(cost), now).is_allowed());
            }
        }
        now = now + quota.window().mul_f64(wait);
        let before = look(&rules, &with, 0, now).statuses()[0].remaining();
        give_back(&rules, &mut with, &refunded, now);
        let after = look(&rules, &with, 0, now).statuses()[0].remaining();
        prop_assert!(after >= before, "a refund never takes");
        prop_assert!(after <= look(&rules, &without, 0, now).statuses()[0].remaining());
    }
}

#[test]
fn a_refund_at_once_restores_everything() {
    for algorithm in [
        Algorithm::FixedWindow,
        Algorithm::SlidingWindow,
        Algorithm::TokenBucket,
    ] {
        let rules = rules(
            Quota::per_minute(10)
                .unwrap()
                .with_algorithm(algorithm)
                .unwrap(),
        );
        let now = Timestamp::from_secs(1_700_000_000);
        let mut usages = [Usage::default()];
        let decision = decide(&rules, &mut usages, 4, now);
        give_back(&rules, &mut usages, &decision, now);
        assert_eq!(
            look(&rules, &usages, 10, now).statuses()[0].remaining(),
            10,
            "{algorithm}"
        );
    }
}

#[test]
fn a_denied_request_gives_nothing_back() {
    let rules = rules(Quota::per_minute(10).unwrap());
    let now = Timestamp::from_secs(1_700_000_000);
    let mut usages = [Usage::default()];
    let _ = decide(&rules, &mut usages, 8, now);
    let denied = decide(&rules, &mut usages, 8, now);
    give_back(&rules, &mut usages, &denied, now);
    assert_eq!(usages[0].current(), 8);
}

#[test]
fn a_refund_reaches_the_window_that_it_came_from_when_that_is_the_one_before() {
    let rules = rules(Quota::per_minute(10).unwrap());
    let start = Timestamp::from_secs(60_000);
    let mut usages = [Usage::default()];
    let decision = decide(&rules, &mut usages, 4, start);
    let next = start + Duration::from_secs(60);
    assert_eq!(look(&rules, &usages, 1, next).statuses()[0].remaining(), 6);
    give_back(&rules, &mut usages, &decision, next);
    assert_eq!(look(&rules, &usages, 1, next).statuses()[0].remaining(), 10);
}

/// G1, L4: a window that was said to begin where none does is taken for the one that holds that time.
#[test]
fn l4_counts_of_a_window_that_begins_nowhere_belong_to_the_one_around_it() {
    let quota = Quota::per_minute(10).unwrap();
    let start = Timestamp::from_secs(60_000);
    let crooked = Usage::window(start + Duration::from_nanos(7), 4, 2);
    for (later, expected) in [(30, (0, 4, 2)), (90, (60, 0, 4)), (150, (120, 0, 0))] {
        let (begins, current, previous) = expected;
        let brought = quota.brought_forward(crooked, start + Duration::from_secs(later));
        let begins = start + Duration::from_secs(begins);
        assert_eq!(brought, Usage::window(begins, current, previous));
    }
}

/// G7: a clock that steps back over one boundary resets nobody; what is from further ahead is of another time.
#[test]
fn g7_counts_from_the_next_window_hold_and_those_from_further_ahead_do_not() {
    let quota = Quota::per_minute(10).unwrap();
    let start = Timestamp::from_secs(60_000);
    for (ahead, expected) in [(60, (4, 2)), (120, (0, 0)), (600, (0, 0))] {
        let usage = Usage::window(start + Duration::from_secs(ahead), 4, 2);
        let brought = quota.brought_forward(usage, start);
        assert_eq!(brought, Usage::window(start, expected.0, expected.1));
    }
}
