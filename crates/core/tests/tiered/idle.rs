//! When a subject may be forgotten (R1): not before what is known of it is of no use to anybody.

use std::time::Duration;

use tidegate_core::Algorithm;
use tidegate_core::tiered::{Mode, Timing, Urgency, View};

use crate::{ALGORITHMS, START, VIEW, WINDOW, World};

const NANO: Duration = Duration::from_nanos(1);

#[test]
fn r1_a_subject_is_kept_for_the_window_after_the_one_that_it_was_used_in() {
    for algorithm in ALGORITHMS {
        let mut world = World::new(algorithm);
        world.ask(START);
        world.call(0, START);
        let idle = START + WINDOW * 2;
        assert!(!world.group.is_idle(idle - NANO), "{algorithm}");
        assert!(world.group.is_idle(idle), "{algorithm}");
    }
}

#[test]
fn r1_a_bucket_is_kept_until_it_is_full() {
    let mut world = World::new(Algorithm::TokenBucket);
    world.rule = world
        .rule
        .with_quota(world.rule.quota().with_burst(200).unwrap());
    assert_eq!(world.rival(200, START), 200);
    world.ask(START);
    world.call(0, START);
    let full = world.record.usage().at();
    assert!(full > START + WINDOW * 4);
    assert!(!world.group.is_idle(full - NANO));
    assert!(world.group.is_idle(full));
}

#[test]
fn r1_a_subject_is_kept_while_the_driver_or_an_answer_is_to_come() {
    let mut world = World::loose(Algorithm::FixedWindow);
    let idle = START + WINDOW * 2;
    let _ = world.decide(1, START);
    let visit = world.group.plan(None, &VIEW, &Timing::default(), START);
    assert_eq!(visit.map(|visit| visit.urgency), Some(Urgency::Now));
    assert!(!world.group.is_idle(idle), "the driver is to come");
    world.group.visited(Urgency::Now, START);
    assert!(world.group.is_idle(idle));

    let outgoing = world.compose(0, START).unwrap();
    assert!(!world.group.is_idle(idle), "an answer is to come");
    let timing = Timing::default();
    world.group.give_up(outgoing.call, &timing, START);
    assert!(world.group.is_idle(idle));
}

#[test]
fn r1_what_cannot_be_told_is_given_up_when_it_matters_to_nobody_any_more() {
    let out = Mode::Out { lasted: WINDOW };
    let view = View { mode: out, ..VIEW };
    for algorithm in ALGORITHMS {
        let mut world = World::loose(algorithm);
        let timing = Timing::default();
        for _ in 0..3 {
            world.ask(START);
        }
        let visit = world.group.plan(None, &view, &timing, START).unwrap();
        let sit_out =
            |world: &mut World, now| world.group.sit_out(visit.urgency, &view, &timing, now);
        let (dropped, again) = sit_out(&mut world, START);
        let again = again.unwrap();
        assert_eq!((dropped, world.group.unsent()), (0, 3), "{algorithm}");
        assert!(again <= START + WINDOW * 2, "{algorithm}");
        let early = sit_out(&mut world, again - NANO);
        assert_eq!(early, (0, Some(again)), "{algorithm}");
        assert_eq!(sit_out(&mut world, again), (3, None), "{algorithm}");
        assert!(world.group.is_idle(again), "{algorithm}");
        assert_eq!(world.group.due(&view, &timing), None, "{algorithm}");
    }
}

#[test]
fn r1_what_the_store_was_told_is_not_looked_at_in_an_outage() {
    for algorithm in ALGORITHMS {
        let mut world = World::new(algorithm);
        world.ask(START);
        world.call(0, START);
        let timing = Timing::default();
        let nothing = world.group.sit_out(Urgency::Later, &VIEW, &timing, START);
        assert_eq!(nothing, (0, None), "{algorithm}");
        assert_eq!(world.used(START), 1, "{algorithm}");
    }
}

/// What was forgotten is forgotten, but for what others still know of it: a call, whose answer may come late, and the driver's lists.
#[test]
fn g5_after_all_is_forgotten_in_an_outage_no_late_answer_is_taken_for_that_to_another_call() {
    let out = Mode::Out { lasted: WINDOW };
    let view = View { mode: out, ..VIEW };
    for algorithm in ALGORITHMS {
        let mut world = World::loose(algorithm);
        let (timing, later) = (Timing::default(), START + WINDOW * 3);
        let _ = world.decide(3, START);
        let first = world.compose(0, START).unwrap();
        let reply = world.carry(&first, START);
        world.group.give_up(first.call, &timing, START);
        let soon = START + timing.report;
        for at in [soon, START] {
            let visit = world.group.plan(Some(at), &view, &timing, START).unwrap();
            assert_eq!(visit.at, at, "{algorithm}");
        }
        let (dropped, again) = world.group.sit_out(Urgency::Now, &view, &timing, later);
        assert_eq!((dropped, again), (3, None), "{algorithm}");
        let soon = later + timing.report;
        let planned = world.group.plan(Some(soon), &view, &timing, later);
        assert_eq!(planned, None, "{algorithm}: it is on that list still");

        let _ = world.decide(2, later);
        let second = world.compose(0, later).unwrap();
        let heard = world.group.hear(&first, &[reply], 0, &timing, later);
        assert!(heard.is_none(), "{algorithm}");
        let reply = world.carry(&second, later);
        world.answer(&second, reply, 0, later);
        assert_eq!(world.group.unsent(), 0, "{algorithm}");
    }
}
