//! Decisions without the store: by each policy's outage setting, and within this node's share (G4).

use std::sync::Arc;
use std::time::Duration;

use tidegate_core::shared::Record;
use tidegate_core::tiered::{Group, Mode, Timing};
use tidegate_core::{
    Algorithm, Decision, Fallback, Outage, PolicyName, Provenance, Rule, Tolerance,
};

use crate::{ALGORITHMS, START, VIEW, WINDOW, World};

/// The node comes back first of three, to a store that is empty. Until the others are back it admits its share, however
/// often it is told that nobody used anything but itself.
fn g4_the_first_to_return_keeps_to_its_share(algorithm: Algorithm) {
    let mut world = World::new(algorithm);
    world.view.nodes = 3;
    let lasted = Duration::from_secs(1);
    for (mode, already) in [(Mode::Out { lasted }, 17), (Mode::Returning, 0)] {
        (world.group, world.record) = (Group::default(), Record::default());
        world.view.mode = mode;
        let isolated = (0..100).filter(|_| mode != Mode::Returning && world.ask(START));
        assert_eq!(isolated.count(), already, "{algorithm:?}");
        world.view.mode = Mode::Returning;
        let mut admitted = already;
        for tick in 0..20 {
            let now = START + Duration::from_millis(50 * tick);
            admitted += (0..10).filter(|_| world.ask(now)).count();
            world.call(0, now);
        }
        // A bucket's share lets 1.7 through in a second.
        assert!(admitted <= 19, "{algorithm:?}: {admitted} of a share of 17");
        world.view.mode = Mode::Connected;
        let now = START + Duration::from_secs(1);
        assert!(world.ask(now), "{algorithm:?}: the rest is for all");
    }
}

#[test]
fn g4_the_first_to_return_keeps_to_its_share_of_a_window() {
    g4_the_first_to_return_keeps_to_its_share(Algorithm::FixedWindow);
    g4_the_first_to_return_keeps_to_its_share(Algorithm::SlidingWindow);
}

#[test]
fn g4_the_first_to_return_keeps_to_its_share_of_a_bucket() {
    g4_the_first_to_return_keeps_to_its_share(Algorithm::TokenBucket);
}

/// Decides a request while the store is out.
fn without_store(world: &mut World, cost: u64) -> Decision {
    world.view.mode = Mode::Out {
        lasted: Duration::from_secs(1),
    };
    world.decide(cost, START).unwrap()
}

/// How many single requests are admitted while the store is out.
fn admitted(world: &mut World) -> usize {
    let admitted = (0..100).filter(|_| without_store(world, 1).is_allowed());
    admitted.count()
}

#[test]
fn each_outage_setting_admits_what_it_says_and_the_store_is_told_of_it() {
    for algorithm in ALGORITHMS {
        for (outage, fallback, expected) in [
            (Outage::SHARE, Fallback::Share, 25),
            (Outage::FULL, Fallback::Full, 50),
            (Outage::OPEN, Fallback::Open, 100),
            (Outage::CLOSED, Fallback::Closed, 0),
        ] {
            let mut world = World::new(algorithm);
            world.rule = world.rule.with_outage(outage);
            assert_eq!(admitted(&mut world), expected, "{algorithm}, {fallback}");
            let decision = without_store(&mut world, 1);
            assert_eq!(decision.provenance(), Provenance::Outage(fallback));
            assert_eq!(decision.is_unavailable(), fallback == Fallback::Closed);
            let admitted = expected + usize::from(decision.is_allowed());
            let due = world.due();
            assert_eq!(due.is_some(), admitted > 0, "{algorithm}, {fallback}");
            if let Some(due) = due {
                assert!(due <= START + Timing::default().report);
                world.call(0, START);
            }
            // A bucket owes no more than it holds.
            let told = admitted.min(50);
            assert_eq!(world.used(START), told as u64, "{algorithm}, {fallback}");
        }
    }
}

#[test]
fn g8_a_request_that_is_denied_without_the_store_changes_no_count() {
    for algorithm in ALGORITHMS {
        let mut world = World::new(algorithm);
        assert!(!without_store(&mut world, 26).is_allowed());
        assert!(without_store(&mut world, 25).is_allowed());
        assert!(!without_store(&mut world, 1).is_allowed());
        assert_eq!(world.group.unsent(), 25, "{algorithm}");
        let free = without_store(&mut world, 0);
        assert!(free.is_allowed(), "{algorithm}: it costs nothing");
        assert_eq!(world.group.unsent(), 25, "{algorithm}");
    }
}

/// It is over its share already: what others used is not known to be anybody's.
#[test]
fn g8_what_costs_nothing_is_allowed_even_where_more_is_used_than_there_is() {
    let mut world = World::new(Algorithm::FixedWindow);
    world.rule = world.rule.with_outage(Outage::FULL);
    assert!(without_store(&mut world, 50).is_allowed());
    world.rule = world
        .rule
        .with_quota(world.rule.quota().with_limit(10).unwrap());
    assert!(without_store(&mut world, 0).is_allowed());
    assert!(!without_store(&mut world, 1).is_allowed());
}

#[test]
fn g8_what_costs_nothing_is_allowed_while_returning_although_the_share_is_used_up() {
    let mut world = World::new(Algorithm::FixedWindow);
    world.rule = world.rule.with_outage(Outage::FULL);
    assert!(without_store(&mut world, 40).is_allowed());
    world.rule = world.rule.with_outage(Outage::SHARE);
    world.view.mode = Mode::Returning;
    let denied = world.decide(1, START).unwrap();
    assert_eq!(denied.provenance(), Provenance::Outage(Fallback::Share));
    assert!(!denied.is_allowed());
    let free = world.decide(0, START).unwrap();
    assert!(free.is_allowed() && !free.statuses()[0].is_violated());
}

#[test]
fn what_a_shadow_policy_would_deny_is_allowed_and_not_counted() {
    for outage in [Outage::SHARE, Outage::FULL, Outage::CLOSED] {
        let mut world = World::new(Algorithm::FixedWindow);
        world.rule = world.rule.with_shadow(true).with_outage(outage);
        let decision = without_store(&mut world, 51);
        assert!(decision.is_allowed());
        assert!(decision.statuses()[0].is_violated());
        assert_eq!(world.group.unsent(), 0);
    }
}

/// What was used while the store answered, in the whole life of a node, is none of a share that holds from now on.
#[test]
fn g4_a_share_is_whole_when_it_comes_to_hold() {
    for granted in [false, true] {
        let mut world = World::loose(Algorithm::TokenBucket);
        for window in 0..10 {
            let now = START - WINDOW * 20 + WINDOW * window;
            let by_itself = if granted { 0 } else { 20 };
            let _ = world.decide(by_itself, now).unwrap();
            world.call(20 - by_itself, now);
            assert_eq!(world.rival(20, now), 20, "a half is this node's");
        }
        // While the store answers, a request comes now and then.
        let _ = world.decide(0, START - WINDOW);
        world.view.mode = Mode::Returning;
        let admitted = world.decide(25, START);
        assert!(admitted.is_some_and(|decision| decision.is_allowed()));
        let more = world.decide(1, START).unwrap();
        assert!(!more.is_allowed(), "and no more than that");
    }
}

#[test]
fn g4_while_returning_only_shares_of_policies_that_enforce_them_hold() {
    let half = |outage, shadow| {
        let mut world = World::loose(Algorithm::FixedWindow);
        world.rule = world.rule.with_outage(outage).with_shadow(shadow);
        world.view.mode = Mode::Returning;
        let _ = world.decide(20, START).unwrap();
        world.call(0, START);
        let next = world.decide(10, START).unwrap();
        (next.is_allowed(), next.provenance())
    };
    let local = Provenance::Local {
        age: Duration::ZERO,
    };
    let by_share = Provenance::Outage(Fallback::Share);
    assert_eq!(half(Outage::SHARE, false), (false, by_share));
    assert_eq!(half(Outage::SHARE, true), (true, local));
    assert_eq!(half(Outage::FULL, false), (true, local));
}

/// The last call was not answered: requests that can wait for no answer are decided by the outage setting at once.
#[test]
fn g4_a_request_does_not_wait_for_a_store_that_is_suspected_unless_its_policy_is_exact() {
    for (tolerance, shadow, waits) in [(0.5, false, false), (0.0, false, true), (0.0, true, false)]
    {
        let mut world = World::new(Algorithm::FixedWindow);
        let tolerance = Tolerance::from_fraction(tolerance).unwrap();
        let shadowed = Rule::new(PolicyName::new("q").unwrap(), *world.rule.quota());
        let exact = shadowed
            .with_tolerance(Tolerance::EXACT)
            .with_shadow(shadow);
        let rules = if tolerance.is_exact() {
            vec![world.rule, exact]
        } else {
            vec![world.rule]
        };
        world.view.suspected = true;
        let intern = &mut |rule: &Rule| Arc::new(*rule);
        let view = world.view;
        // More than may be admitted before the store is told.
        let decision = world.group.acquire(&rules, 2, &view, START, intern);
        assert_eq!(decision.is_none(), waits, "{tolerance}, {shadow}");
        if let Some(decision) = decision {
            let by_share = Provenance::Outage(Fallback::Share);
            assert_eq!(decision.provenance(), by_share);
        }
    }
}

/// It was admitted while a report was under way: the answer to that does not make it an ordinary debt.
#[test]
fn g4_a_bucket_owes_no_more_than_it_holds_after_an_outage_however_late_it_is_told() {
    let mut world = World::new(Algorithm::TokenBucket);
    world.rule = world.rule.with_outage(Outage::OPEN);
    assert_eq!(world.rival(40, START), 40);
    world.ask(START);
    let outgoing = world.compose(0, START).unwrap();
    assert_eq!(admitted(&mut world), 100);
    let reply = world.carry(&outgoing, START);
    world.answer(&outgoing, reply, 0, START);
    world.call(0, START);
    assert_eq!(world.record.usage().at(), START + WINDOW);
}

/// What nodes take beyond an empty bucket while the store answers is owed, or else it could be taken again and again.
#[test]
fn g2_what_is_owed_beyond_an_empty_bucket_is_owed_again_once_an_outage_has_been_told() {
    let mut world = World::loose(Algorithm::TokenBucket);
    assert!(without_store(&mut world, 1).is_allowed());
    world.view = VIEW;
    world.call(0, START);
    let _ = world.decide(5, START).unwrap();
    assert_eq!(world.rival(49, START), 49);
    world.call(0, START);
    assert_eq!(world.record.usage().at(), START + WINDOW + WINDOW / 10);
}

#[test]
fn g4_while_returning_a_share_denies_what_is_beyond_it_and_closes_nothing_else() {
    let mut world = World::new(Algorithm::FixedWindow);
    let shared = world.rule.with_outage(Outage::SHARE);
    let name = PolicyName::new("closed").unwrap();
    let closed = Rule::new(name, *world.rule.quota()).with_outage(Outage::CLOSED);
    world.view.mode = Mode::Returning;
    let intern = &mut |rule: &Rule| Arc::new(*rule);
    let beyond = world
        .group
        .acquire(&[shared, closed], 26, &world.view, START, intern);
    let beyond = beyond.unwrap();
    assert_eq!(beyond.provenance(), Provenance::Outage(Fallback::Share));
    let violated: Vec<bool> = beyond
        .statuses()
        .iter()
        .map(|status| status.is_violated())
        .collect();
    assert_eq!((beyond.is_allowed(), violated), (false, vec![true, false]));
}
