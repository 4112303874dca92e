//! What a decision says: by which policy, how long to wait, and how it is known.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::time::Duration;

use tidegate_core::{
    Algorithm, Decision, Fallback, PolicyName, Provenance, Quota, Rule, Timestamp, Usage, decide,
    give_back, look,
};

/// A window of a minute begins.
const NOW: Timestamp = Timestamp::from_secs(60_000);

fn rule(name: &'static str, quota: Quota) -> Rule {
    let quota = quota.with_algorithm(Algorithm::FixedWindow).unwrap();
    Rule::new(PolicyName::new(name).unwrap(), quota)
}

fn minute(limit: u64) -> Rule {
    rule("minute", Quota::per_minute(limit).unwrap())
}

fn hour(limit: u64) -> Rule {
    rule("hour", Quota::per_hour(limit).unwrap())
}

fn name_of_most_restrictive(decision: &Decision) -> &'static str {
    decision.most_restrictive().unwrap().name().as_str()
}

#[test]
fn the_way_in_which_it_was_reached_has_a_name() {
    let age = Duration::ZERO;
    let ways = [
        Provenance::Store,
        Provenance::Local { age },
        Provenance::Outage(Fallback::Share),
        Provenance::Outage(Fallback::Closed),
        Provenance::Overflow,
        Provenance::Resolved,
    ];
    let names = ways.map(|way| way.as_str());
    assert_eq!(
        names,
        ["store", "local", "share", "closed", "overflow", "resolved"]
    );
    let decision = Decision::uncounted(true, 3, NOW, Provenance::Resolved);
    assert_eq!(decision.provenance(), Provenance::Resolved);
    assert_eq!((decision.cost(), decision.at()), (3, NOW));
    assert!(decision.is_allowed() && decision.statuses().is_empty());
    assert!(decision.most_restrictive().is_none());
    let overflow = decision.with_provenance(Provenance::Overflow);
    assert_eq!(overflow.provenance(), Provenance::Overflow);
}

/// An outage is never disguised as an ordinary denial: 503, not 429.
#[test]
fn only_what_an_outage_closes_is_unavailable() {
    let unavailable = |allowed, way| Decision::uncounted(allowed, 1, NOW, way).is_unavailable();
    assert!(unavailable(false, Provenance::Outage(Fallback::Closed)));
    assert!(!unavailable(true, Provenance::Outage(Fallback::Closed)));
    assert!(!unavailable(false, Provenance::Outage(Fallback::Share)));
    assert!(!unavailable(false, Provenance::Resolved));
}

#[test]
fn each_policy_says_its_part() {
    let rules = [minute(10), hour(5).with_shadow(true)];
    let mut usages = [Usage::default(); 2];
    let decision = decide(&rules, &mut usages, 4, NOW);
    let [minute, hour] = decision.statuses() else {
        panic!("two policies");
    };
    assert_eq!(
        (minute.name().as_str(), hour.name().as_str()),
        ("minute", "hour")
    );
    assert_eq!((minute.limit(), minute.remaining()), (10, 6));
    assert_eq!((hour.limit(), hour.remaining()), (5, 1));
    assert_eq!(minute.quota(), rules[0].quota());
    assert_eq!(minute.usage(), Usage::window(NOW, 4, 0));
    assert!(!minute.is_shadow() && hour.is_shadow());
    assert!(!minute.is_violated() && !hour.is_violated());
    assert_eq!(minute.full_in(), Duration::from_secs(60));
    assert_eq!(minute.replenishes_in(), Duration::from_secs(60));
    assert_eq!(minute.retry_after(), Some(Duration::ZERO));
    assert_eq!(decision.provenance(), Provenance::Store);
    assert_eq!((decision.cost(), decision.at()), (4, NOW));
}

#[test]
fn what_is_whole_replenishes_in_the_time_that_it_would_take() {
    let decision = look(&[minute(10)], &[Usage::default()], 1, NOW);
    let status = decision.statuses()[0];
    assert_eq!(status.remaining(), 10);
    assert_eq!(status.replenishes_in(), Duration::from_secs(60));
}

/// L5: the request waits for the policy that refuses it for longest.
#[test]
fn l5_the_longest_wait_of_those_that_refuse_is_told() {
    let rules = [
        hour(2),
        minute(2),
        rule("third", Quota::per_day(100).unwrap()),
    ];
    let mut usages = [Usage::default(); 3];
    assert!(decide(&rules, &mut usages, 2, NOW).is_allowed());
    let denied = decide(&rules, &mut usages, 1, NOW);
    assert!(!denied.is_allowed());
    let violated: Vec<_> = denied.violated().map(|part| part.name().as_str()).collect();
    assert_eq!(violated, ["hour", "minute"]);
    // NOW is 2400 s into its hour.
    assert_eq!(denied.retry_after(), Some(Duration::from_secs(1_200)));
    assert_eq!(name_of_most_restrictive(&denied), "hour");
    let never = look(&rules, &usages, 3, NOW);
    assert_eq!(never.retry_after(), None, "waiting does not help");
}

#[test]
fn a_policy_in_shadow_mode_refuses_nothing_and_is_not_the_most_restrictive() {
    let rules = [minute(10), hour(1).with_shadow(true)];
    let mut usages = [Usage::default(); 2];
    let decision = decide(&rules, &mut usages, 2, NOW);
    assert!(decision.is_allowed() && decision.statuses()[1].is_violated());
    assert_eq!(
        (decision.violated().count(), decision.retry_after()),
        (0, None)
    );
    assert_eq!((usages[0].current(), usages[1].current()), (2, 0));
    assert_eq!(name_of_most_restrictive(&decision), "minute");

    let alone = [minute(1).with_shadow(true)];
    let mut usage = [Usage::default()];
    let decision = decide(&alone, &mut usage, 2, NOW);
    assert!(decision.is_allowed() && decision.statuses()[0].is_violated());
    assert!(decision.most_restrictive().is_none());
}

/// The one with the smallest part of its limit left: 1 of 2, though 4 of 10 is more in number.
#[test]
fn of_policies_that_admit_the_one_with_the_smallest_part_left_is_most_restrictive() {
    for (used, expected) in [([1, 6], "minute"), ([1, 4], "hour")] {
        let rules = [hour(2), minute(10)];
        let usages = [
            Usage::window(Timestamp::from_secs(57_600), used[0], 0),
            Usage::window(NOW, used[1], 0),
        ];
        let decision = look(&rules, &usages, 0, NOW);
        assert_eq!(name_of_most_restrictive(&decision), expected);
        let (rules, usages) = ([rules[1], rules[0]], [usages[1], usages[0]]);
        let decision = look(&rules, &usages, 0, NOW);
        assert_eq!(
            name_of_most_restrictive(&decision),
            expected,
            "in any order"
        );
    }
}

/// G8: what costs nothing is admitted and charged to nobody, also where nothing is left.
#[test]
fn g8_a_cost_of_nothing_is_always_admitted() {
    for rules in [&[minute(1)][..], &[minute(1), hour(1)]] {
        let mut usages = vec![Usage::default(); rules.len()];
        assert!(decide(rules, &mut usages, 1, NOW).is_allowed());
        let before = usages.clone();
        assert!(look(rules, &usages, 0, NOW).is_allowed());
        assert!(!look(rules, &usages, 1, NOW).is_allowed());
        let nothing = decide(rules, &mut usages, 0, NOW);
        assert!(nothing.is_allowed() && nothing.violated().count() == 0);
        assert_eq!(usages, before);
    }
}

/// G8: more than the limit may be used, after an outage or when the limit was lowered; a bucket may have long been full.
#[test]
fn g8_a_cost_of_nothing_is_admitted_beyond_the_limit_and_leaves_a_bucket_as_it_is() {
    let bucket = Quota::per_minute(60).unwrap();
    let bucket = bucket.with_algorithm(Algorithm::TokenBucket).unwrap();
    let bucket = Rule::new(PolicyName::new("bucket").unwrap(), bucket);
    let full = Usage::bucket(NOW - Duration::from_secs(1));
    for (rules, usages) in [
        (&[minute(1)][..], &[Usage::window(NOW, 2, 0)][..]),
        (&[minute(1), bucket], &[Usage::window(NOW, 2, 0), full]),
    ] {
        let mut after = usages.to_vec();
        assert!(look(rules, usages, 0, NOW).is_allowed());
        assert!(decide(rules, &mut after, 0, NOW).is_allowed());
        assert_eq!(after, usages);
    }
}

/// G8: all policies get back what they were charged, and the one that was not gets nothing.
#[test]
fn g8_what_was_charged_together_is_given_back_together() {
    let rules = [minute(10), hour(3).with_shadow(true)];
    let mut usages = [Usage::default(); 2];
    let first = decide(&rules, &mut usages, 2, NOW);
    let second = decide(&rules, &mut usages, 2, NOW);
    let counts = |usages: &[Usage]| [usages[0].current(), usages[1].current()];
    assert_eq!(counts(&usages), [4, 2]);
    give_back(&rules, &mut usages, &second, NOW);
    assert_eq!(
        counts(&usages),
        [2, 2],
        "it was never charged to the second"
    );
    give_back(&rules, &mut usages, &first, NOW);
    assert_eq!(counts(&usages), [0, 0]);
}
