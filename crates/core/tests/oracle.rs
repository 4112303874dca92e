//! Random histories against an oracle that keeps a log of everything admitted and forgets nothing.
//!
//! The oracle shares no code with the crate: it recounts the whole log for every question.

#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a test that cannot go on says where"
)]

use std::time::Duration;

use proptest::prelude::*;
use tidegate_core::{Algorithm, PolicyName, Quota, Rule, Timestamp, Usage, decide, look};

/// Every admitted request: when, and at what cost.
#[derive(Clone, Default)]
struct Log(Vec<(u64, u64)>);

impl Log {
    fn admitted_in(&self, from: u64, to: u64) -> u64 {
        self.0
            .iter()
            .filter(|(at, _)| (from..to).contains(at))
            .map(|(_, cost)| cost)
            .sum()
    }

    /// The largest cost that the algorithm's definition admits at `now`.
    fn room(&self, quota: &Quota, now: u64) -> u64 {
        let window = nanos(quota.window());
        let start = now / window * window;
        let current = self.admitted_in(start, start + window);
        match quota.algorithm() {
            Algorithm::FixedWindow => quota.limit() - current,
            Algorithm::SlidingWindow => {
                let previous = self.admitted_in(start.saturating_sub(window), start);
                // The weight falls once a millisecond, or 2^52 / L times a window if that is less often.
                let steps = ((1 << 52) / quota.limit()).clamp(1, window / 1_000_000);
                let step = u128::from((now - start) / window.div_ceil(steps));
                let weighted =
                    (u128::from(previous) * (u128::from(steps) - step)).div_ceil(u128::from(steps));
                quota
                    .limit()
                    .saturating_sub(current)
                    .saturating_sub(u64::try_from(weighted).unwrap())
            }
            Algorithm::TokenBucket => {
                let interval = window.div_ceil(quota.limit());
                let mut missing = 0u64;
                let mut last = 0;
                for (at, cost) in &self.0 {
                    missing = missing.saturating_sub(at - last) + cost * interval;
                    last = *at;
                }
                quota.capacity() - missing.saturating_sub(now - last).div_ceil(interval)
            }
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap()
}

fn any_quota() -> impl Strategy<Value = Quota> {
    let limit = prop_oneof![1..=5u64, 1..=200u64, 1..=1_000_000u64];
    let window = prop_oneof![1..=10u64, 1..=100_000u64];
    let algorithm = prop_oneof![
        Just(Algorithm::FixedWindow),
        Just(Algorithm::SlidingWindow),
        Just(Algorithm::TokenBucket)
    ];
    (limit, window, algorithm, 1..=300u64).prop_filter_map(
        "too fast",
        |(limit, millis, algorithm, burst)| {
            let quota = Quota::new(limit, Duration::from_millis(millis))
                .ok()?
                .with_algorithm(algorithm)
                .ok()?;
            if algorithm == Algorithm::TokenBucket {
                quota.with_burst(burst).ok()
            } else {
                Some(quota)
            }
        },
    )
}

/// A step: how far time moves on, in parts of the window, and what is then asked for, in parts of the limit.
fn any_history() -> impl Strategy<Value = Vec<(f64, f64)>> {
    let pause = prop_oneof![4 => Just(0.0), 8 => 0.0..0.2f64, 2 => 0.0..1.1f64, 1 => 1.0..4.0f64];
    let cost = prop_oneof![2 => Just(0.0), 6 => 0.0..0.1f64, 3 => 0.0..1.0f64, 1 => 1.0..1.5f64];
    prop::collection::vec((pause, cost), 1..60)
}

/// The history in absolute times and whole costs.
fn scaled(quota: &Quota, history: &[(f64, f64)]) -> Vec<(u64, u64)> {
    let window = nanos(quota.window()) as f64;
    let mut now = 1_700_000_000_000_000_000u64;
    history
        .iter()
        .map(|(pause, cost)| {
            now += (pause * window) as u64;
            (now, (cost * quota.capacity() as f64).ceil() as u64)
        })
        .collect()
}

fn rule(name: &'static str, quota: Quota) -> Rule {
    Rule::new(PolicyName::new(name).unwrap(), quota)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// G1: every decision is the definition's; G8: `remaining` is exactly what still fits, a denial changes nothing.
    #[test]
    fn g1_g8_every_decision_is_the_oracles(quota in any_quota(), history in any_history()) {
        let rules = [rule("p", quota)];
        let mut usages = [Usage::default()];
        let mut log = Log::default();
        for (now, cost) in scaled(&quota, &history) {
            let at = Timestamp::from_nanos(now);
            let room = log.room(&quota, now);
            prop_assert_eq!(look(&rules, &usages, cost, at).is_allowed(), cost <= room);
            let decision = decide(&rules, &mut usages, cost, at);
            prop_assert_eq!(decision.is_allowed(), cost <= room, "{:?} at {} of {}", quota, now, cost);
            if decision.is_allowed() {
                log.0.push((now, cost));
            }
            let remaining = decision.statuses()[0].remaining();
            prop_assert_eq!(remaining, log.room(&quota, now));
            prop_assert!(remaining <= quota.capacity());
        }
    }

    /// G1 in the guarantee's own words: in every aligned window at most L, in every interval at most burst + d/T.
    #[test]
    fn g1_no_window_and_no_interval_exceeds_its_bound(quota in any_quota(), history in any_history()) {
        let rules = [rule("p", quota)];
        let mut usages = [Usage::default()];
        let mut log = Log::default();
        for (now, cost) in scaled(&quota, &history) {
            if decide(&rules, &mut usages, cost, Timestamp::from_nanos(now)).is_allowed() {
                log.0.push((now, cost));
            }
        }
        let window = u128::from(nanos(quota.window()));
        for (i, (from, _)) in log.0.iter().enumerate() {
            if quota.algorithm() == Algorithm::TokenBucket {
                let mut sum = 0;
                for (to, cost) in &log.0[i..] {
                    sum += u128::from(*cost);
                    let flowed = u128::from(to - from) * u128::from(quota.limit()) / window;
                    prop_assert!(sum <= u128::from(quota.capacity()) + flowed);
                }
            } else {
                let window = nanos(quota.window());
                let start = from / window * window;
                prop_assert!(log.admitted_in(start, start + window) <= quota.limit());
            }
        }
    }

    /// L5: who waits as long as told is admitted, and one nanosecond earlier is not: the wait is the shortest.
    #[test]
    fn l5_retry_after_is_honest(quota in any_quota(), history in any_history()) {
        let rules = [rule("p", quota)];
        let mut usages = [Usage::default()];
        for (now, cost) in scaled(&quota, &history) {
            let at = Timestamp::from_nanos(now);
            let decision = decide(&rules, &mut usages, cost, at);
            if decision.is_allowed() {
                prop_assert_eq!(decision.retry_after(), None);
                continue;
            }
            let Some(wait) = decision.retry_after() else {
                prop_assert!(cost > quota.capacity(), "only what can never fit has no wait");
                continue;
            };
            prop_assert!(cost <= quota.capacity() && wait > Duration::ZERO);
            prop_assert!(decide(&rules, &mut usages.clone(), cost, at + wait).is_allowed());
            let too_early = at + wait - Duration::from_nanos(1);
            prop_assert!(!decide(&rules, &mut usages.clone(), cost, too_early).is_allowed());
        }
    }

    /// What `replenishes_in` says: until then no more than `remaining` fits, and then it does.
    #[test]
    fn no_more_than_remaining_fits_until_it_replenishes(quota in any_quota(), history in any_history()) {
        let rules = [rule("p", quota)];
        let mut usages = [Usage::default()];
        for (now, cost) in scaled(&quota, &history) {
            let at = Timestamp::from_nanos(now);
            let decision = decide(&rules, &mut usages, cost, at);
            let status = decision.statuses()[0];
            let more = status.remaining() + 1;
            let just_before = at + status.replenishes_in() - Duration::from_nanos(1);
            prop_assert!(more > quota.capacity() || !look(&rules, &usages, more, just_before).is_allowed());
            let then = at + status.replenishes_in();
            prop_assert!(more > quota.capacity() || look(&rules, &usages, more, then).is_allowed());
            let full = look(&rules, &usages, quota.capacity(), at + status.full_in());
            prop_assert!(full.is_allowed(), "full_in is when everything fits again");
        }
    }

    /// G8: a request under several policies is charged to all of them or to none.
    #[test]
    fn g8_all_or_nothing(
        quotas in prop::collection::vec(any_quota(), 2..4),
        shadow in prop::collection::vec(any::<bool>(), 3),
        history in any_history(),
    ) {
        let names = ["a", "b", "c"];
        let rules: Vec<Rule> = quotas.iter().zip(names).zip(shadow)
            .map(|((quota, name), shadow)| rule(name, *quota).with_shadow(shadow))
            .collect();
        let mut usages = vec![Usage::default(); rules.len()];
        let mut logs = vec![Log::default(); rules.len()];
        for (now, cost) in scaled(&quotas[0], &history) {
            let fits: Vec<bool> = quotas.iter().zip(&logs).map(|(q, log)| cost <= log.room(q, now)).collect();
            let decision = decide(&rules, &mut usages, cost, Timestamp::from_nanos(now));
            let expected = rules.iter().zip(&fits).all(|(rule, fits)| *fits || rule.is_shadow());
            prop_assert_eq!(decision.is_allowed(), expected);
            for (i, log) in logs.iter_mut().enumerate() {
                if expected && fits[i] {
                    log.0.push((now, cost));
                }
                prop_assert_eq!(decision.statuses()[i].remaining(), log.room(&quotas[i], now));
                prop_assert_eq!(decision.statuses()[i].is_violated(), !fits[i]);
            }
        }
    }
}
