//! What policies that are closed while the store cannot be reached add to a decision.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::time::Duration;

use tidegate_core::{
    Algorithm, Decision, Fallback, Grace, Outage, PolicyName, Provenance, Quota, Rule, Timestamp,
    Usage, decide, give_back,
};

/// A window of a minute begins.
const NOW: Timestamp = Timestamp::from_secs(60_000);
const OPEN: Provenance = Provenance::Outage(Fallback::Open);
const CLOSED: Provenance = Provenance::Outage(Fallback::Closed);

fn rule(name: &'static str, outage: impl Into<Outage>) -> Rule {
    let rule = Rule::new(
        PolicyName::new(name).unwrap(),
        Quota::per_minute(3).unwrap(),
    );
    rule.with_outage(outage.into())
}

fn uncounted(allowed: bool) -> Decision {
    Decision::uncounted(allowed, 1, NOW, OPEN)
}

fn refusals(decision: &Decision) -> Vec<(&'static str, bool)> {
    let parts = decision.statuses().iter();
    let parts = parts.map(|part| (part.name().as_str(), part.is_violated()));
    parts.collect()
}

#[test]
fn where_nothing_is_closed_nothing_changes() {
    let rules = [rule("a", Fallback::Full), rule("b", Fallback::Share)];
    let mut usages = [Usage::default(); 2];
    let counted = decide(&rules, &mut usages, 1, NOW);
    for decision in [uncounted(true), uncounted(false), counted] {
        let same = decision.clone().closed_by(&rules, Duration::ZERO);
        assert_eq!(same, decision);
    }
}

#[test]
fn what_is_closed_denies_and_says_so() {
    let rules = [rule("a", Fallback::Open), rule("b", Fallback::Closed)];
    let decision = uncounted(true).closed_by(&rules, Duration::ZERO);
    assert!(decision.is_unavailable());
    assert_eq!(decision.provenance(), CLOSED);
    assert_eq!(refusals(&decision), [("b", true)]);
    assert_eq!((decision.at(), decision.cost()), (NOW, 1));
    let part = decision.most_restrictive().unwrap();
    assert_eq!(
        (part.name().as_str(), part.limit(), part.remaining()),
        ("b", 3, 0)
    );
    assert_eq!(part.usage(), Usage::default(), "nobody knows");
    assert_eq!(part.retry_after(), None, "nobody can tell");
    assert_eq!(decision.retry_after(), None);
}

#[test]
fn what_is_closed_in_shadow_only_says_so_in_its_place() {
    let rules = [
        rule("a", Fallback::Full),
        rule("b", Fallback::Closed).with_shadow(true),
        rule("c", Fallback::Full),
    ];
    let alone = uncounted(true).closed_by(&rules[1..2], Duration::ZERO);
    assert!(alone.is_allowed());
    assert_eq!(
        (refusals(&alone), alone.provenance()),
        (vec![("b", true)], OPEN)
    );

    let full = [rules[0], rules[2]];
    let mut usages = [Usage::default(); 2];
    for allowed in [true, true, true, false] {
        let decision = decide(&full, &mut usages, 1, NOW)
            .with_provenance(Provenance::Outage(Fallback::Full))
            .closed_by(&rules, Duration::ZERO);
        assert_eq!(decision.is_allowed(), allowed);
        let parts = [("a", !allowed), ("b", true), ("c", !allowed)];
        assert_eq!(refusals(&decision), parts);
        assert_eq!(decision.provenance(), Provenance::Outage(Fallback::Full));
    }
}

#[test]
fn it_gives_back_what_was_counted_and_nothing_of_what_was_closed() {
    // In the first window of all, what is not known looks like that window's beginning.
    for (algorithm, now) in [
        (Algorithm::FixedWindow, NOW),
        (Algorithm::FixedWindow, Timestamp::from_secs(1)),
        (Algorithm::SlidingWindow, Timestamp::from_secs(1)),
        (Algorithm::TokenBucket, NOW),
    ] {
        let rules = [
            rule("a", Fallback::Full),
            rule("b", Fallback::Closed).with_shadow(true),
        ];
        let rules = rules.map(|rule| {
            let quota = rule.quota().with_algorithm(algorithm);
            rule.with_quota(quota.unwrap())
        });
        let mut usages = [Usage::default(); 2];
        let counted = decide(&rules, &mut usages, 1, now);
        let used = usages;
        let decision = counted.closed_by(&rules, Duration::ZERO);
        give_back(&rules, &mut usages, &decision, now);
        assert_eq!(rules[0].quota().remaining(usages[0], now), 3, "{algorithm}");
        assert_eq!(usages[1], used[1], "{algorithm}");
    }
}

#[test]
fn what_is_closed_gives_back_nothing() {
    let closed = [rule("a", Fallback::Closed)];
    let denied = uncounted(true).closed_by(&closed, Duration::ZERO);
    let mut usages = [Usage::default()];
    let _ = decide(&closed, &mut usages, 1, NOW);
    let used = usages;
    give_back(&closed, &mut usages, &denied, NOW);
    assert_eq!(usages, used);
}

#[test]
fn what_was_denied_without_a_count_stays_denied() {
    let rules = [rule("b", Fallback::Closed).with_shadow(true)];
    let decision = uncounted(false).closed_by(&rules, Duration::ZERO);
    assert_eq!(decision, uncounted(false));
}

#[test]
fn a_grace_closes_when_it_is_over() {
    let grace = Outage::Grace(Grace {
        lasting: Duration::from_secs(30),
        first: Fallback::Open,
        then: Fallback::Closed,
    });
    let rules = [rule("b", grace)];
    let after = |seconds| uncounted(true).closed_by(&rules, Duration::from_secs(seconds));
    assert!(after(29).is_allowed() && after(29).statuses().is_empty());
    assert!(after(30).is_unavailable());
}
