//! A subject under many policies: told in parts, and of those that nobody asks for any more nothing is kept.

use std::sync::Arc;
use std::time::Duration;

use tidegate_core::shared::{Record, Reply, Report, sync};
use tidegate_core::tiered::{Group, Outgoing, Timing};
use tidegate_core::{Algorithm, PolicyName, Quota, Rule, Timestamp, Tolerance};

use crate::{ALGORITHMS, NODE, START, VIEW, WINDOW};

const NAMES: [&str; 5] = ["p0", "p1", "p2", "p3", "p4"];
const MOST: usize = 2;

struct Many {
    rules: [Rule; 5],
    group: Group,
    records: [Record; 5],
}

impl Many {
    fn new(algorithm: Algorithm) -> Self {
        let quota = Quota::new(50, WINDOW).unwrap();
        let quota = quota.with_algorithm(algorithm).unwrap();
        let half = Tolerance::from_fraction(0.5).unwrap();
        let rule = |name| Rule::new(PolicyName::new(name).unwrap(), quota).with_tolerance(half);
        Self {
            rules: NAMES.map(rule),
            group: Group::default(),
            records: Default::default(),
        }
    }

    fn ask(&mut self, number: usize, now: Timestamp) {
        let intern = &mut |rule: &Rule| Arc::new(*rule);
        let rules = [self.rules[number]];
        let decision = self.group.acquire(&rules, 1, &VIEW, now, intern);
        assert!(decision.is_some_and(|decision| decision.is_allowed()));
    }

    /// The store takes a call, and answers.
    fn carry(&mut self, outgoing: &Outgoing, now: Timestamp) -> Vec<Reply> {
        assert!(outgoing.reports.len() <= MOST);
        let reply = |(rule, report): &(Rule, Report)| {
            let number = self.rules.iter().position(|it| it.id() == rule.id());
            let record = &mut self.records[number.unwrap()];
            let records = std::slice::from_mut(record);
            sync(records, &[*rule], &[*report], NODE, 0, now)[0]
        };
        outgoing.reports.iter().map(reply).collect()
    }

    fn tell(&mut self, now: Timestamp) -> Vec<&'static str> {
        let outgoing = self.group.compose_part(MOST, now).unwrap();
        let replies = self.carry(&outgoing, now);
        let timing = Timing::default();
        let heard = self.group.hear(&outgoing, &replies, 0, &timing, now);
        assert!(heard.is_some());
        let names = outgoing.reports.iter().map(|(rule, _)| rule.name());
        names.map(|name| name.as_str()).collect()
    }

    fn used(&self, now: Timestamp) -> [u64; 5] {
        std::array::from_fn(|number| {
            let quota = self.rules[number].quota();
            let usage = quota.brought_forward(self.records[number].usage(), now);
            quota.capacity() - quota.remaining(usage, now)
        })
    }

    /// Tells until nothing is untold; says in how many calls.
    fn tell_all(&mut self, now: Timestamp) -> usize {
        let mut calls = 0;
        while self.group.is_untold() {
            self.tell(now);
            calls += 1;
            assert!(calls <= 10, "it does not come to an end");
        }
        calls
    }
}

#[test]
fn what_does_not_fit_into_a_call_is_told_by_the_next() {
    for algorithm in ALGORITHMS {
        let mut many = Many::new(algorithm);
        for number in 0..5 {
            many.ask(number, START);
        }
        assert_eq!(many.tell_all(START), 3, "{algorithm}");
        assert_eq!(many.used(START), [1; 5], "{algorithm}");
        many.ask(4, START);
        assert!(many.tell(START).contains(&"p4"), "what is untold is first");
        assert!(!many.group.is_untold(), "{algorithm}");
        assert_eq!(many.used(START), [1, 1, 1, 1, 2], "{algorithm}");
    }
}

#[test]
fn what_nobody_has_anything_to_say_about_is_looked_at_in_turn() {
    let mut many = Many::new(Algorithm::FixedWindow);
    for number in 0..5 {
        many.ask(number, START);
    }
    many.tell_all(START);
    let mut looked_at: Vec<_> = (0..5).flat_map(|_| many.tell(START)).collect();
    looked_at.sort_unstable();
    let twice: Vec<_> = NAMES.into_iter().flat_map(|name| [name, name]).collect();
    assert_eq!(looked_at, twice);
}

#[test]
fn g6_what_the_store_has_lost_is_told_again_in_parts_until_all_of_it_is() {
    for algorithm in ALGORITHMS {
        let mut many = Many::new(algorithm);
        for number in 0..5 {
            many.ask(number, START);
        }
        many.tell_all(START);
        many.records = Default::default();
        assert!(many.group.tell_again(START), "{algorithm}");
        assert!(!many.tell(START).is_empty());
        // A part that fails begins it anew.
        let failed = many.group.compose_part(MOST, START).unwrap();
        many.group.give_up(failed.call, &Timing::default(), START);
        assert!(many.group.is_untold(), "{algorithm}");
        assert!(many.group.due(&VIEW, &Timing::default()).is_some());
        assert_eq!(many.tell_all(START), 3, "{algorithm}");
        assert_eq!(many.used(START), [1; 5], "{algorithm}");
        assert_eq!(many.group.due(&VIEW, &Timing::default()), None);
    }
}

/// A request under one of the subject's policies asks about that alone: the others are told again by the next report.
#[test]
fn g6_a_request_that_asks_about_one_policy_has_not_told_the_others_again() {
    for algorithm in ALGORITHMS {
        let mut many = Many::new(algorithm);
        many.ask(0, START);
        many.ask(1, START);
        many.tell_all(START);
        many.records = Default::default();
        assert!(many.group.tell_again(START), "{algorithm}");
        let wish = [many.rules[0]];
        let wanted = many.group.compose(Some((&wish, 1)), START).unwrap();
        let replies = many.carry(&wanted, START);
        let timing = Timing::default();
        let heard = many.group.hear(&wanted, &replies, 0, &timing, START);
        assert!(heard.is_some() && many.group.is_untold(), "{algorithm}");
        many.tell_all(START);
        assert_eq!(many.used(START), [1, 1, 0, 0, 0], "{algorithm}");
    }
}

/// Policies that come and go, while the subject is asked for under one all the time.
#[test]
fn r1_policies_that_nobody_asks_for_any_more_are_forgotten() {
    for algorithm in ALGORITHMS {
        let mut many = Many::new(algorithm);
        for number in 0..5 {
            many.ask(number, START);
        }
        many.tell_all(START);
        for tick in 1..400 {
            let now = START + Duration::from_millis(100) * tick;
            if tick % 10 == 0 {
                many.ask(3, now);
            }
            many.group.forget_idle(now);
            let timing = Timing::default();
            if many.group.due(&VIEW, &timing).is_some_and(|due| due <= now) {
                many.tell(now);
            }
            if now < START + WINDOW {
                assert!(many.group.only_rule().is_none(), "{algorithm}: too early");
            }
        }
        let left = many.group.only_rule().map(|rule| rule.name().as_str());
        assert_eq!(left, Some("p3"), "{algorithm}");
    }
}

#[test]
fn what_is_untold_or_under_way_is_not_forgotten() {
    let mut many = Many::new(Algorithm::FixedWindow);
    many.ask(0, START);
    many.ask(1, START);
    let later = START + WINDOW * 3;
    many.group.forget_idle(later);
    assert_eq!(many.group.unsent(), 2);
    many.tell_all(START);
    let outgoing = many.group.compose_part(MOST, START).unwrap();
    many.group.forget_idle(later);
    let replies = many.carry(&outgoing, START);
    let timing = Timing::default();
    let heard = many.group.hear(&outgoing, &replies, 0, &timing, START);
    assert!(heard.is_some() && many.group.only_rule().is_none());
    many.group.forget_idle(later);
    assert!(many.group.is_idle(later));
}

/// What a call that was given up may have been granted is asked about under all policies.
#[test]
fn g5_all_that_is_in_doubt_is_asked_about() {
    let mut many = Many::new(Algorithm::FixedWindow);
    for number in 0..5 {
        many.ask(number, START);
    }
    many.tell_all(START);
    let timing = Timing::default();
    let wish = [many.rules[4]];
    let wanted = many.group.compose(Some((&wish, 1)), START).unwrap();
    many.group.give_up(wanted.call, &timing, START);
    let later = START + timing.refresh;
    let mut told = Vec::new();
    while many
        .group
        .due(&VIEW, &timing)
        .is_some_and(|due| due <= later)
    {
        told.extend(many.tell(later));
        assert!(told.len() <= 10, "it does not come to an end");
    }
    told.sort_unstable();
    told.dedup();
    assert_eq!(told, NAMES);
}

#[test]
fn g5_what_was_used_in_the_window_before_is_reported_with_the_rest() {
    for algorithm in [Algorithm::FixedWindow, Algorithm::SlidingWindow] {
        let mut many = Many::new(algorithm);
        many.ask(0, START);
        many.ask(1, START);
        many.tell(START);
        // The store has lost it, which nobody has noticed yet.
        many.records = Default::default();
        let next = START + WINDOW;
        many.ask(1, next);
        let mut told = many.tell(next);
        told.sort_unstable();
        assert_eq!(told, ["p0", "p1"], "{algorithm}");
        assert_eq!(many.records[0].usage().previous(), 1, "{algorithm}");
    }
}

/// As long as something is missing from it: of a full one nobody needs to hear.
#[test]
fn g6_a_bucket_that_is_not_full_is_reported_with_the_rest() {
    let mut many = Many::new(Algorithm::TokenBucket);
    many.ask(0, START);
    many.ask(1, START);
    many.tell(START);
    // A unit flows in within 200 ms.
    for (millis, expected) in [(100, &["p0", "p1"][..]), (300, &["p1"])] {
        let now = START + Duration::from_millis(millis);
        many.ask(1, now);
        let mut told = many.tell(now);
        told.sort_unstable();
        assert_eq!(told, expected, "after {millis} ms");
    }
}
