//! Calls that are given up: each is counted once, whether the store took it or not (G5, L6).

use std::time::Duration;

use tidegate_core::tiered::{Outgoing, Timing};
use tidegate_core::{Algorithm, Outage, Timestamp, Tolerance};

use crate::{ALGORITHMS, START, VIEW, WINDOW, World};

const LATER: Timestamp = Timestamp::from_millis(1_000_000_050);

/// A node that has used 20 and told of it, and asks for more. (A bucket needs 4 s to be full again.)
fn asking(algorithm: Algorithm, want: u64) -> (World, Outgoing) {
    let mut world = World::loose(algorithm);
    let _ = world.decide(20, START).unwrap();
    world.call(0, START);
    let outgoing = world.compose(want, START).unwrap();
    (world, outgoing)
}

fn give_up(world: &mut World, outgoing: &Outgoing) -> bool {
    let timing = Timing::default();
    world.group.give_up(outgoing.call, &timing, LATER)
}

#[test]
fn g2_while_requests_wait_for_the_store_none_is_decided_without_it() {
    for algorithm in ALGORITHMS {
        let (mut world, outgoing) = asking(algorithm, 1);
        assert!(world.group.is_asking());
        assert_eq!(world.decide(1, START), None);
        assert_eq!(world.compose(0, START), None, "one call at a time");
        assert!(give_up(&mut world, &outgoing));
        assert!(!world.group.is_asking());
        assert!(world.decide(1, LATER).is_some());

        let _report = world.compose(0, LATER).unwrap();
        assert!(!world.group.is_asking(), "nobody waits for a report");
        assert!(world.decide(1, LATER).is_some());
        assert_eq!(world.compose(1, LATER), None);
    }
}

#[test]
fn g5_the_answer_to_a_call_that_was_given_up_is_not_listened_to() {
    let (mut world, first) = asking(Algorithm::FixedWindow, 1);
    let reply = world.carry(&first, START);
    assert!(give_up(&mut world, &first));
    let second = world.compose(1, LATER).unwrap();
    assert!(!give_up(&mut world, &first), "it is another's turn");
    let timing = Timing::default();
    let heard = world.group.hear(&first, &[reply], 1, &timing, LATER);
    assert_eq!(heard, None);
    assert!(world.group.is_asking());
    assert!(give_up(&mut world, &second));
    assert!(!give_up(&mut world, &second), "once");
}

/// The store took it, and nobody waited for the answer.
#[test]
fn g5_a_grant_whose_answer_was_lost_is_found_soon_and_given_back() {
    for algorithm in ALGORITHMS {
        let (mut world, outgoing) = asking(algorithm, 3);
        world.carry(&outgoing, START);
        assert!(give_up(&mut world, &outgoing));
        let soon = LATER + Timing::default().report;
        assert_eq!(world.due(), Some(soon), "{algorithm}: the store is asked");
        world.call(0, soon);
        world.call(0, soon);
        assert_eq!(world.used(START), 20, "{algorithm}");

        // It reaches the store once more, as late as can be.
        let last = LATER + Timing::default().refresh;
        assert_eq!(world.due(), Some(last), "{algorithm}: and asked again");
        world.carry(&outgoing, START);
        world.call(0, last);
        world.call(0, last);
        assert_eq!(world.used(START), 20, "{algorithm}");
        assert_eq!(world.due(), None, "{algorithm}: nothing is on its way");
    }
}

#[test]
fn r3_a_report_that_was_given_up_is_repeated_and_nothing_is_asked_after_it() {
    for algorithm in ALGORITHMS {
        let mut world = World::loose(algorithm);
        let _ = world.decide(5, START).unwrap();
        let outgoing = world.compose(0, START).unwrap();
        world.carry(&outgoing, START);
        assert!(give_up(&mut world, &outgoing));
        let within = LATER + Timing::default().report;
        assert!(world.due().is_some_and(|due| due <= within), "{algorithm}");
        world.call(0, LATER);
        assert_eq!((world.used(START), world.due()), (5, None), "{algorithm}");
    }
}

/// Three requests were decided without the answer to the call that was to decide them, or more, or fewer; the store had
/// granted three, or never heard of it.
#[test]
fn g5_what_was_decided_without_an_answer_counts_once_whether_it_was_granted_or_not() {
    for algorithm in ALGORITHMS {
        for (granted, admitted) in [(false, 3), (true, 3), (true, 4), (true, 2)] {
            let (mut world, outgoing) = asking(algorithm, 3);
            world.rule = world.rule.with_outage(Outage::FULL);
            if granted {
                world.carry(&outgoing, START);
            }
            assert!(give_up(&mut world, &outgoing));
            let rules = [world.rule];
            let decision = world
                .group
                .decide_without_store(&rules, admitted, &VIEW, true, START);
            let case = format!("{algorithm}, granted: {granted}, {admitted}");
            assert!(decision.is_allowed(), "{case}");
            assert!(world.group.is_untold(), "{case}: L7");
            assert_eq!(world.group.unsent(), admitted, "{case}");
            assert_eq!(world.left(START), 30 - admitted, "{case}");
            world.call(0, START);
            world.call(0, START);
            assert_eq!(world.used(START), 20 + admitted, "{case}");
            assert_eq!(world.left(START), 30 - admitted, "{case}");
            assert!(!world.group.is_untold(), "{case}");
        }
    }
}

/// Of what the store granted to all who waited, some had gone when the answer came.
#[test]
fn l6_what_was_granted_to_requests_that_are_gone_is_given_back() {
    for algorithm in ALGORITHMS {
        let (mut world, outgoing) = asking(algorithm, 7);
        let reply = world.carry(&outgoing, START);
        world.answer(&outgoing, reply, 4, START);
        assert!(world.group.is_untold(), "{algorithm}");
        assert_eq!(world.left(START), 26, "{algorithm}");
        world.call(0, START);
        assert_eq!(
            (world.used(START), world.left(START)),
            (24, 26),
            "{algorithm}"
        );
        assert!(!world.group.is_untold(), "{algorithm}");
    }
}

/// A call reaches the store twice. What that granted the second time has long flowed in again when the node hears of it.
#[test]
fn g2_a_bucket_is_given_nothing_back_that_has_flowed_in_again() {
    let mut world = World::new(Algorithm::TokenBucket);
    world.rule = world.rule.with_tolerance(Tolerance::EXACT);
    assert_eq!(world.decide(1, START), None);
    let outgoing = world.compose(1, START).unwrap();
    let reply = world.carry(&outgoing, START);
    world.carry(&outgoing, START);
    world.answer(&outgoing, reply, 1, START);

    let later = START + WINDOW;
    assert_eq!(world.rival(50, later), 50, "the whole burst");
    world.call(0, later);
    world.call(0, later);
    assert_eq!(world.rival(1, later), 0);
}

/// What is admitted while the store is told of something else is not lost from its answer.
#[test]
fn g5_what_is_admitted_while_a_report_is_under_way_is_still_to_be_told() {
    for algorithm in ALGORITHMS {
        let (mut world, outgoing) = asking(algorithm, 0);
        let _ = world.decide(2, START).unwrap();
        let reply = world.carry(&outgoing, START);
        world.answer(&outgoing, reply, 0, START);
        assert_eq!(
            (world.group.unsent(), world.left(START)),
            (2, 28),
            "{algorithm}"
        );
        let due = world.due().unwrap();
        assert!(due <= START + Duration::from_millis(50), "{algorithm}");
        world.call(0, due);
        assert_eq!(world.used(START), 22, "{algorithm}");
    }
}
