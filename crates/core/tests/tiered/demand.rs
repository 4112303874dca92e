//! What a node learns of its part of the traffic, and what it does not: final counts of a time with the store (G4).

use std::time::Duration;

use tidegate_core::tiered::{Finished, Mode, Timing};
use tidegate_core::{Algorithm, Quota, Timestamp, Usage};

use crate::{START, VIEW, WINDOW, World};

const OUT: Mode = Mode::Out {
    lasted: Duration::ZERO,
};

/// What the node would admit in an outage from `now` on: its share.
fn share(world: &World, now: Timestamp) -> u64 {
    let mut group = world.group.clone();
    let mut view = VIEW;
    view.mode = OUT;
    let rules = [world.rule];
    let admitted = (0..100).filter(|_| {
        let decision = group.decide_without_store(&rules, 1, &view, false, now);
        decision.is_allowed()
    });
    u64::try_from(admitted.count()).unwrap()
}

#[test]
fn g4_final_counts_are_those_that_hold_when_the_others_last_reports_are_in() {
    let mut world = World::new(Algorithm::FixedWindow);
    world.ask(START);
    world.call(0, START);
    let next = START + WINDOW;
    assert_eq!(world.hear(next), None, "an early answer is not final");
    let settled = next + Timing::default().report * 5;
    assert_eq!(world.due(), Some(settled), "the node asks once more");
    let finished = world.hear(settled).unwrap();
    assert_eq!((finished.own, finished.total), (1, 1));
}

/// Whether the node admitted by itself or asked for every request.
#[test]
fn g4_final_counts_are_asked_for_by_whoever_used_anything() {
    for algorithm in [Algorithm::FixedWindow, Algorithm::SlidingWindow] {
        for (by_itself, granted) in [(0, 0), (0, 3), (3, 0), (3, 3)] {
            let mut world = World::loose(algorithm);
            let _ = world.decide(by_itself, START);
            world.call(granted, START);
            let next = START + WINDOW;
            world.roll(next);
            let asks = world.due().is_some();
            assert_eq!(asks, by_itself + granted > 0, "{algorithm}, {granted}");
            let settled = next + Timing::default().report * 5;
            let own = world.hear(settled).map(|finished| finished.own);
            assert_eq!(own.unwrap_or(0), by_itself + granted, "{algorithm}");
        }
    }
}

#[test]
fn g4_a_short_windows_counts_are_final_when_the_next_one_is_half_over() {
    let mut world = World::loose(Algorithm::FixedWindow);
    let window = Duration::from_millis(200);
    world.rule = world.rule.with_quota(Quota::new(50, window).unwrap());
    world.ask(START);
    world.call(0, START);
    world.roll(START + window);
    assert_eq!(world.due(), Some(START + window + window / 2));
}

/// 10 of 40: the share is 0.8 x 10 / 40 and half of a fifth.
#[test]
fn g4_the_share_of_a_window_follows_the_final_counts_of_the_one_before() {
    let mut world = World::loose(Algorithm::FixedWindow);
    let _ = world.decide(10, START).unwrap();
    world.call(0, START);
    world.rival(30, START);
    let settled = START + WINDOW + Timing::default().report * 5;
    assert_eq!(
        share(&world, START + WINDOW),
        25,
        "of two, nothing is known"
    );
    let expected = Finished {
        own: 10,
        total: 40,
        allowance: 50,
    };
    assert_eq!(world.hear(settled), Some(expected));
    assert_eq!(share(&world, settled), 15);
    assert_eq!(world.hear(settled), None, "once");
    assert_eq!(world.due(), None);
}

/// The store must know all that this node used, and this node hear that: what is told with the last report is known by the
/// next reply.
#[test]
fn g4_counts_are_not_final_while_the_store_lacks_some_of_this_nodes() {
    let mut world = World::loose(Algorithm::FixedWindow);
    let _ = world.decide(10, START).unwrap();
    world.call(0, START);
    let _ = world.decide(5, START).unwrap();
    let settled = START + WINDOW + Timing::default().report * 5;
    // Told before the answer that is heard now was given.
    let outgoing = world.compose(0, settled).unwrap();
    let mut reply = world.carry(&outgoing, settled);
    reply.mine_before.local -= 5;
    assert!(
        world
            .answer(&outgoing, reply, 0, settled)
            .finished
            .is_empty()
    );
    let finished = world.hear(settled).unwrap();
    assert_eq!((finished.own, finished.total), (15, 15));
}

#[test]
fn g4_a_window_partly_spent_without_the_store_says_nothing_about_demand() {
    let mut world = World::loose(Algorithm::FixedWindow);
    let _ = world.decide(10, START).unwrap();
    world.call(0, START);
    world.rival(30, START);
    world.view.mode = OUT;
    // Denied or not: it was decided without the store.
    assert!(!world.decide(40, START).unwrap().is_allowed());
    world.view.mode = VIEW.mode;
    let settled = START + WINDOW + Timing::default().report * 5;
    world.roll(START + WINDOW);
    assert_eq!(world.due(), None, "it need not be asked for");
    world.call(0, settled);
    assert_eq!(share(&world, settled), 25);
}

/// A bucket that has told the store of itself at the beginning of a stretch.
fn bucket() -> World {
    let mut world = World::loose(Algorithm::TokenBucket);
    let _ = world.decide(1, START).unwrap();
    assert_eq!(world.hear(START), None, "of an unknown length");
    world
}

#[test]
fn g4_a_buckets_demand_is_measured_over_a_windows_length() {
    let mut world = bucket();
    let _ = world.decide(4, START).unwrap();
    assert_eq!(world.hear(START), None, "no time has passed");
    world.rival(30, START);
    let half = START + WINDOW / 2;
    let _ = world.decide(6, half).unwrap();
    assert_eq!(world.hear(half), None, "too short");
    let end = START + WINDOW;
    let expected = Finished {
        own: 10,
        total: 40,
        // The burst, and what flowed in.
        allowance: 100,
    };
    assert_eq!(world.hear(end), Some(expected));
    assert_eq!(share(&world, end + WINDOW * 2), 15);
    let quiet = end + WINDOW;
    assert_eq!(world.hear(quiet), None, "nothing was used");
    assert_eq!(
        share(&world, quiet + WINDOW * 2),
        15,
        "so nothing was learned"
    );
}

#[test]
fn g4_a_stretch_partly_spent_without_the_store_says_nothing_about_demand() {
    let mut world = bucket();
    world.rival(30, START);
    world.view.mode = OUT;
    assert!(!world.decide(50, START).unwrap().is_allowed());
    world.view.mode = VIEW.mode;
    let half = START + WINDOW / 2;
    assert_eq!(world.hear(half), None);
    // From here on a stretch is whole again.
    world.rival(3, half);
    let _ = world.decide(1, half).unwrap();
    let end = half + WINDOW - Duration::from_millis(1);
    assert_eq!(world.hear(end), None);
    let finished = world.hear(half + WINDOW).unwrap();
    assert_eq!((finished.own, finished.total), (1, 4));
}

#[test]
fn g6_a_store_that_lost_its_data_says_nothing_about_demand_until_a_stretch_is_whole() {
    let mut world = bucket();
    world.rival(30, START);
    world.call(0, START);
    world.record = Default::default();
    let half = START + WINDOW / 2;
    assert_eq!(world.hear(half), None);
    assert_eq!(world.hear(START + WINDOW), None, "half of it was lost");
    let _ = world.decide(2, START + WINDOW).unwrap();
    let finished = world.hear(half + WINDOW).unwrap();
    assert_eq!((finished.own, finished.total), (2, 2));
}

#[test]
fn g7_a_stretch_begins_anew_when_the_stores_clock_steps_back() {
    let mut world = bucket();
    world.rival(30, START);
    let before = START - Duration::from_secs(3_600);
    // As little is missing as can be after such a step.
    let quota = *world.rule.quota();
    world.record.set_usage(&quota, Usage::default(), before);
    assert_eq!(world.hear(before), None);
    assert!(world.decide(2, before).unwrap().is_allowed());
    let finished = world.hear(before + WINDOW).unwrap();
    assert_eq!((finished.own, finished.total), (2, 2));
}

/// What was decided without the store was so in a window that is taken for the one before.
#[test]
fn g4_g7_a_window_is_no_less_without_the_store_because_its_clock_stepped_back() {
    for isolated_first in [false, true] {
        let mut world = World::loose(Algorithm::FixedWindow);
        for (start, isolated) in [(START, isolated_first), (START + WINDOW, !isolated_first)] {
            world.view.mode = if isolated { OUT } else { VIEW.mode };
            let _ = world.decide(5, start).unwrap();
            world.view.mode = VIEW.mode;
            world.call(0, start);
        }
        world.call(0, START + WINDOW / 2);
        world.rival(30, START + WINDOW / 2);
        let settled = START + WINDOW + Timing::default().report * 5;
        world.call(0, settled);
        assert_eq!(share(&world, settled), 25, "{isolated_first}");
    }
}

#[test]
fn g4_a_window_in_which_nobody_used_anything_says_nothing_about_demand() {
    let mut world = World::loose(Algorithm::FixedWindow);
    let settled = START + Timing::default().report * 5;
    let _ = world.decide(1, settled).unwrap();
    world.call(0, settled);
    let now = START + WINDOW / 2;
    world.call(0, now);
    assert_eq!(share(&world, START + WINDOW * 5), 25);
}
