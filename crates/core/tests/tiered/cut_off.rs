//! A subject that the store does not serve, although it serves others.

use std::time::Duration;

use tidegate_core::tiered::{Timing, Urgency};
use tidegate_core::{Algorithm, Decision, Outage, Provenance, Timestamp, Tolerance};

use crate::{ALGORITHMS, START, WINDOW, World};

const SECOND: Duration = Duration::from_secs(1);
/// For how long the store is left alone after each failure.
const RESTS: [Duration; 3] = [
    Duration::from_millis(50),
    Duration::from_millis(200),
    SECOND,
];

impl World {
    /// Asks the store, which does not serve the subject; says whether that call was this subject's.
    fn fail_in_part(&mut self, now: Timestamp) {
        let outgoing = self.compose(0, now).unwrap();
        let dropped = self.group.cut_off(outgoing.call, &Timing::default(), now);
        assert_eq!(dropped, Some(0));
    }

    /// Decides a request as what the subject sees.
    fn decide_cut_off(&mut self, now: Timestamp) -> Decision {
        let view = self.view;
        if self.group.is_cut_off() {
            self.view = view.cut_off(SECOND);
        }
        let decision = self.decide(1, now).unwrap();
        self.view = view;
        decision
    }
}

/// Half of what is left, for one of two nodes, and not half of that again with every request.
#[test]
fn g4_a_share_of_the_limit_is_admitted_whatever_fails() {
    for algorithm in ALGORITHMS {
        let mut world = World::loose(algorithm);
        let _ = world.decide(1, START);
        let mut admitted = 1;
        for tenth in 0..95 {
            let now = START + Duration::from_millis(100 * tenth);
            if tenth % 10 == 0 {
                world.fail_in_part(now);
                assert!(world.group.is_cut_off());
            }
            let decision = world.decide_cut_off(now);
            let outage = matches!(decision.provenance(), Provenance::Outage(_));
            assert!(outage, "{algorithm}: {:?}", decision.provenance());
            admitted += u64::from(decision.is_allowed());
        }
        // A bucket of half the size and half the rate: 25, and one every 400 ms.
        let most = if algorithm == Algorithm::TokenBucket {
            25 + 23 + 1
        } else {
            26
        };
        assert!((25..=most).contains(&admitted), "{algorithm}: {admitted}");
    }
}

#[test]
fn g5_what_was_admitted_is_told_when_the_store_serves_it_again() {
    for algorithm in ALGORITHMS {
        let mut world = World::loose(algorithm);
        let _ = world.decide(1, START);
        world.fail_in_part(START);
        let admitted = (0..5)
            .filter(|_| world.decide_cut_off(START).is_allowed())
            .count();
        assert_eq!(admitted, 5, "{algorithm}");
        assert!(
            world
                .group
                .acquire_usual(&world.rule, 1, &world.view.cut_off(SECOND), START)
                .is_none()
        );
        let soon = START + Timing::default().report;
        assert_eq!(
            world.due(),
            Some(soon),
            "{algorithm}: perhaps it was only a moment"
        );
        world.call(0, START + SECOND);
        assert!(!world.group.is_cut_off());
        assert_eq!(world.used(START + SECOND), 6, "{algorithm}");
    }
}

/// Whoever is denied without the store is not denied for ever: it is asked again although there is nothing to tell. And once
/// nobody asks, nobody tells.
#[test]
fn l4_a_subject_that_is_cut_off_is_tried_again_as_long_as_it_is_asked_for() {
    let mut world = World::new(Algorithm::FixedWindow);
    world.rule = world
        .rule
        .with_tolerance(Tolerance::EXACT)
        .with_outage(Outage::CLOSED);
    assert!(world.decide(1, START).is_none());
    let outgoing = world.compose(1, START).unwrap();
    world
        .group
        .cut_off(outgoing.call, &Timing::default(), START);
    for second in 1..5 {
        let now = START + SECOND * second;
        let decision = world.decide_cut_off(now);
        assert!(!decision.is_allowed());
        let visit = world.group.plan(None, &world.view, &Timing::default(), now);
        assert!(visit.is_some() || second > 1, "tried again");
        world.group.visited(Urgency::Now, now);
        world.group.visited(Urgency::Later, now);
        assert!(world.due().is_some_and(|due| due <= now + SECOND));
        world.fail_in_part(now);
        assert!(world.group.is_cut_off());
    }
    let later = START + SECOND * 6;
    world.fail_in_part(later);
    assert!(!world.group.is_cut_off(), "nobody asked since");
    assert_eq!(world.due(), None);
}

#[test]
fn what_can_no_longer_be_told_is_dropped_and_said_so_and_the_store_left_alone() {
    let mut world = World::loose(Algorithm::FixedWindow);
    let _ = world.decide(1, START);
    for _ in 0..3 {
        world.fail_in_part(START);
    }
    let later = START + WINDOW * 3;
    let outgoing = world.compose(0, later).unwrap();
    let timing = Timing::default();
    assert_eq!(world.group.cut_off(outgoing.call, &timing, later), Some(1));
    assert!(!world.group.is_cut_off());
    assert_eq!(
        world.group.cut_off(outgoing.call, &timing, later),
        None,
        "ended already"
    );
}

#[test]
fn r3_a_subject_that_nobody_asks_for_is_tried_ever_later_and_then_left_alone() {
    for algorithm in ALGORITHMS {
        let mut world = World::loose(algorithm);
        world.left(START);
        world.call(0, START);
        let (view, timing) = (world.view, Timing::default());
        let mut now = START;
        for rest in RESTS {
            world.fail_in_part(now);
            assert!(world.group.is_cut_off(), "{algorithm}");
            let visit = world.group.plan(None, &view, &timing, now).unwrap();
            assert_eq!(visit.at, now + rest, "{algorithm}");
            world.group.visited(visit.urgency, visit.at);
            now = visit.at;
        }
        world.fail_in_part(now);
        assert!(!world.group.is_cut_off(), "{algorithm}");
        assert_eq!(world.due(), None, "{algorithm}");
    }
}

/// Such a call may be carried out late: as long as the subject is of any use, what it may have been granted is asked about.
#[test]
fn g5_a_wish_that_failed_in_part_is_in_doubt_while_anybody_asks_for_the_subject() {
    for algorithm in ALGORITHMS {
        let mut world = World::loose(algorithm);
        world.left(START);
        world.call(0, START);
        let timing = Timing::default();
        let mut now = START;
        for of_use in [true, true, true, false] {
            let wanted = world.compose(1, now).unwrap();
            let dropped = world.group.cut_off(wanted.call, &timing, now);
            assert_eq!(dropped, Some(0), "{algorithm}");
            assert_eq!(world.group.is_cut_off(), of_use, "{algorithm}");
            now = now + timing.refresh;
        }
        assert_eq!(world.due(), None, "{algorithm}: nobody asks any more");

        let wanted = world.compose(1, now).unwrap();
        world.group.cut_off(wanted.call, &timing, now);
        world.call(0, now);
        assert!(!world.group.is_cut_off(), "{algorithm}");
        let later = now + timing.refresh;
        assert!(world.due().is_some_and(|due| due <= later), "{algorithm}");
    }
}
