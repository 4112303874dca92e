//! A policy that is replaced while the node runs: what was counted stays, and everything new holds at once.

use tidegate_core::{Algorithm, Outage, Quota, Rule, Tolerance};

use crate::{ALGORITHMS, START, WINDOW, World};

/// The policy, changed in one respect that does not make it another counter.
fn changed(rule: Rule) -> [Rule; 4] {
    let lower = Quota::new(20, WINDOW).unwrap();
    let lower = lower.with_algorithm(rule.quota().algorithm()).unwrap();
    [
        rule.with_quota(lower),
        rule.with_tolerance(Tolerance::EXACT),
        rule.with_outage(Outage::CLOSED),
        rule.with_shadow(true),
    ]
}

#[test]
fn the_store_is_asked_under_the_policy_as_it_is_now_and_told_what_was_counted_before() {
    for algorithm in ALGORITHMS {
        let before = World::loose(algorithm).rule;
        for rule in changed(before) {
            let mut world = World::loose(algorithm);
            assert!(world.decide(5, START).is_some());
            world.rule = rule;
            let _ = world.decide(5, START);
            let outgoing = world.compose(0, START).unwrap();
            let under: Vec<Rule> = outgoing.reports.iter().map(|(rule, _)| *rule).collect();
            assert_eq!(under, [rule], "{algorithm}");
            world.carry(&outgoing, START);
            assert!(world.used(START) >= 5, "{algorithm}, {rule:?}");
        }
    }
}

#[test]
fn a_lower_limit_holds_from_the_next_request_on() {
    for algorithm in [Algorithm::FixedWindow, Algorithm::SlidingWindow] {
        let mut world = World::loose(algorithm);
        assert!(world.decide(20, START).is_some());
        world.rule = changed(world.rule)[0];
        let denied = world.decide(1, START).unwrap();
        assert!(!denied.is_allowed(), "{algorithm}");
        assert_eq!(denied.statuses()[0].limit(), 20, "{algorithm}");
    }
}

/// Of the 50 that the bucket held 15 are missing, for another three seconds; a smaller one takes in six meanwhile.
#[test]
fn g2_a_bucket_of_another_limit_is_full_again_when_it_was_to_be() {
    let mut world = World::loose(Algorithm::TokenBucket);
    assert_eq!(world.rival(10, START), 10);
    let _ = world.decide(0, START);
    world.call(0, START);
    assert!(world.decide(5, START).is_some());
    assert_eq!(world.left(START), 35);
    world.rule = changed(world.rule)[0];
    let looked = world.left(START);
    assert_eq!(looked, 20 - 6);
}
