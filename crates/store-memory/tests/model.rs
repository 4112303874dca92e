//! The store against a plain map of usages and core's arithmetic, call by call, on random histories.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod common;

use std::collections::HashMap;
use std::time::Duration;

use common::{Ask, rule, store};
use proptest::prelude::*;
use tidegate_clock::Clock;
use tidegate_core::{Algorithm, Decision, PolicyId, Quota, Rule, Status, Timestamp, Usage};

#[derive(Clone, Debug)]
enum Call {
    Acquire {
        subject: u8,
        rules: usize,
        cost: u64,
    },
    /// So often in a row that the counter is lifted out of its lock, or displaces another that is.
    Burst {
        subject: u8,
        rules: usize,
        cost: u64,
        times: usize,
    },
    Peek {
        subject: u8,
        rules: usize,
    },
    Refund {
        decision: usize,
    },
    Reset {
        subject: u8,
        rules: usize,
    },
    Advance(Duration),
    Sweep,
}

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let subject = 0..30_u8;
    let rules = 0..7_usize;
    let call = prop_oneof![
        10 => (subject.clone(), rules.clone(), 0..5_u64)
            .prop_map(|(subject, rules, cost)| Call::Acquire { subject, rules, cost }),
        2 => (0..3_u8, rules.clone(), 0..2_u64, prop_oneof![8 => Just(50), 1 => Just(1_100)])
            .prop_map(|(subject, rules, cost, times)| Call::Burst { subject, rules, cost, times }),
        2 => (subject.clone(), rules.clone()).prop_map(|(subject, rules)| Call::Peek { subject, rules }),
        2 => (0..1000_usize).prop_map(|decision| Call::Refund { decision }),
        1 => (subject, rules).prop_map(|(subject, rules)| Call::Reset { subject, rules }),
        2 => (0..30_000_u64).prop_map(|millis| Call::Advance(Duration::from_millis(millis))),
        1 => Just(Call::Sweep),
    ];
    prop::collection::vec(call, 1..300)
}

/// Every non-empty choice of three policies, one for each algorithm.
fn rules_by_number() -> Vec<Vec<Rule>> {
    let quota = |limit, secs, algorithm| {
        let quota = Quota::new(limit, Duration::from_secs(secs)).unwrap();
        quota.with_algorithm(algorithm).unwrap()
    };
    let all = [
        rule("fixed", quota(70, 10, Algorithm::FixedWindow)),
        rule("sliding", quota(90, 13, Algorithm::SlidingWindow)),
        rule("bucket", quota(5, 20, Algorithm::TokenBucket)).with_shadow(true),
    ];
    let chosen = |bits: usize| (0..3).filter(move |i| bits >> i & 1 == 1);
    (1..8)
        .map(|bits| chosen(bits).map(|i| all[i]).collect())
        .collect()
}

/// A map that forgets nothing.
#[derive(Default)]
struct Model(HashMap<(u8, PolicyId), Usage>);

impl Model {
    fn with<T>(&mut self, subject: u8, rules: &[Rule], work: impl FnOnce(&mut [Usage]) -> T) -> T {
        let key = |rule: &Rule| (subject, rule.id());
        let usage = |rule| self.0.get(&key(rule)).copied().unwrap_or_default();
        let mut usages: Vec<Usage> = rules.iter().map(usage).collect();
        let result = work(&mut usages);
        self.0.extend(rules.iter().map(key).zip(usages));
        result
    }

    fn acquire(&mut self, subject: u8, rules: &[Rule], cost: u64, now: Timestamp) -> Decision {
        self.with(subject, rules, |usages| {
            tidegate_core::decide(rules, usages, cost, now)
        })
    }
}

/// What a decision says. The counts behind it may differ where they make no difference: an idle one is dropped.
fn said(decision: &Decision) -> impl PartialEq + std::fmt::Debug + use<> {
    let status = |s: &Status| {
        (
            s.remaining(),
            s.replenishes_in(),
            s.full_in(),
            s.is_violated(),
        )
    };
    let statuses: Vec<_> = decision.statuses().iter().map(status).collect();
    let provenance = decision.provenance();
    (
        decision.is_allowed(),
        decision.retry_after(),
        decision.at(),
        provenance,
        statuses,
    )
}

proptest! {
    #[test]
    fn answers_as_core_does_on_a_plain_map(calls in calls()) {
        // All counters behind one lock, so that they displace each other.
        let (store, clock) = store(100);
        let mut model = Model::default();
        let by_number = rules_by_number();
        let mut charged = Vec::new();
        for call in calls {
            let now = clock.now();
            match call {
                Call::Acquire { subject, rules, cost } => {
                    let decision = store.ask_for([subject], &by_number[rules], cost);
                    let expected = model.acquire(subject, &by_number[rules], cost, now);
                    prop_assert_eq!(said(&decision), said(&expected));
                    charged.push((subject, rules, decision));
                }
                Call::Burst { subject, rules, cost, times } => {
                    let rules = &by_number[rules];
                    for _ in 0..times {
                        let expected = model.acquire(subject, rules, cost, now);
                        prop_assert_eq!(said(&store.ask_for([subject], rules, cost)), said(&expected));
                    }
                }
                Call::Peek { subject, rules } => {
                    let rules = &by_number[rules];
                    let expected = model.with(subject, rules, |u| tidegate_core::look(rules, u, 1, now));
                    prop_assert_eq!(said(&store.look([subject], rules)), said(&expected));
                }
                Call::Refund { decision } if !charged.is_empty() => {
                    let (subject, rules, decision) = charged.swap_remove(decision % charged.len());
                    let rules = &by_number[rules];
                    store.give_back([subject], rules, &decision);
                    model.with(subject, rules, |u| tidegate_core::give_back(rules, u, &decision, now));
                }
                Call::Refund { .. } => {}
                Call::Reset { subject, rules } => {
                    let rules = &by_number[rules];
                    store.forget([subject], rules);
                    model.with(subject, rules, |usages| usages.fill(Usage::default()));
                }
                Call::Advance(by) => clock.advance(by),
                Call::Sweep => store.sweep(),
            }
        }
        prop_assert!(store.stats().entries <= 90);
    }
}
