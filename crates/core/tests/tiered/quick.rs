//! The common case is decided quickly: one policy, a store that answers, nothing unusual.

use std::sync::Arc;
use std::time::Duration;

use tidegate_core::tiered::{Group, Mode, Timing, Urgency};
use tidegate_core::{Decision, Provenance, Rule, Timestamp};

use crate::{ALGORITHMS, START, World};

fn quickly(group: &mut Group, world: &World, cost: u64, now: Timestamp) -> Option<Decision> {
    let verdict = group.acquire_usual(&world.rule, cost, &world.view, now)?;
    Some(verdict.decision(&world.rule, cost, now))
}

#[test]
fn a_request_under_one_policy_is_decided_quickly_while_nothing_is_unusual() {
    for algorithm in ALGORITHMS {
        let mut world = World::loose(algorithm);
        assert!(world.decide(1, START).is_some());
        for _ in 0..2 {
            let mut group = world.group.clone();
            for cost in [0, 1, 51] {
                let quick = quickly(&mut group, &world, cost, START);
                assert!(quick.is_some(), "{algorithm}, {cost}");
                assert_eq!(quick, world.decide(cost, START), "{algorithm}, {cost}");
            }
            assert_eq!(group.unsent(), world.group.unsent());
            world.call(0, START);
        }
    }
}

#[test]
fn what_is_unusual_is_not_decided_quickly() {
    for algorithm in ALGORITHMS {
        let mut world = World::loose(algorithm);
        let _ = world.decide(1, START);
        world.call(0, START);
        let mut group = world.group.clone();
        assert_eq!(quickly(&mut group, &world, 26, START), None, "slack");
        world.view.mode = Mode::Returning;
        assert_eq!(quickly(&mut group, &world, 1, START), None, "{algorithm}");
        world.view = crate::VIEW;
        let earlier = START - crate::WINDOW;
        assert_eq!(quickly(&mut group, &world, 1, earlier), None, "{algorithm}");
        world.compose(1, START).unwrap();
        let mut group = world.group.clone();
        assert_eq!(quickly(&mut group, &world, 1, START), None, "{algorithm}");
        assert_eq!(group.unsent(), 0, "{algorithm}: nothing was counted");
    }
}

#[test]
fn a_decision_on_what_was_heard_says_how_old_that_is() {
    for algorithm in ALGORITHMS {
        let mut world = World::loose(algorithm);
        let age = |decision: Option<Decision>| match decision.unwrap().provenance() {
            Provenance::Local { age } => age,
            other => panic!("{other:?}"),
        };
        let later = START + Duration::from_secs(3);
        assert_eq!(age(world.decide(1, later)), Duration::ZERO, "{algorithm}");
        world.call(0, later);
        let later = later + Duration::from_secs(2);
        let quick = quickly(&mut world.group.clone(), &world, 1, later);
        for decision in [quick, world.decide(1, later)] {
            assert_eq!(age(decision), Duration::from_secs(2), "{algorithm}");
        }
        let intern = &mut |rule: &Rule| Arc::new(*rule);
        let look = world.group.look(&[world.rule], 1, later, intern);
        assert_eq!(age(Some(look)), Duration::from_secs(2), "{algorithm}");
    }
}

/// When all of the 25 are used that may be admitted before the store is told, it is told at once.
#[test]
fn r3_a_usual_decision_says_by_itself_that_the_driver_comes_in_time() {
    for algorithm in ALGORITHMS {
        let mut world = World::loose(algorithm);
        let covered = |world: &mut World, cost| {
            let view = world.view;
            let verdict = world.group.acquire_usual(&world.rule, cost, &view, START);
            verdict.unwrap().is_covered()
        };
        let _ = world.decide(1, START);
        assert!(!covered(&mut world, 1), "{algorithm}: nothing is planned");
        world.call(0, START);
        assert!(!covered(&mut world, 1), "{algorithm}: nothing is planned");
        let visit = world
            .group
            .plan(None, &world.view, &Timing::default(), START);
        assert_eq!(visit.map(|visit| visit.urgency), Some(Urgency::Soon));
        assert!(covered(&mut world, 23), "{algorithm}: 24 are untold");
        assert!(!covered(&mut world, 1), "{algorithm}: 25 are");
    }
}
