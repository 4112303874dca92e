//! A store's clock that steps does no lasting harm (G7).

use std::time::Duration;

use tidegate_core::shared::Record;
use tidegate_core::tiered::{Mode, Timing, Urgency};
use tidegate_core::{Algorithm, Timestamp, Usage};

use crate::{START, VIEW, WINDOW, World};

/// Asks ten times a second after the clock stepped back, until a request is admitted: within a window, whether the store
/// answers what is due or not.
fn g7_after_a_step_back(algorithm: Algorithm, answers: bool) {
    let mut world = World::new(algorithm);
    let before = Timestamp::from_secs(1_000_000);
    while world.ask(before) {}
    world.call(0, before);
    let after = before - Duration::from_secs(3_600);
    let admitted = (0..=120).find(|tenth| {
        let now = after + Duration::from_millis(100) * *tenth;
        let admitted = world.ask(now);
        let due = world.group.due(&VIEW, &Timing::default());
        if answers && !admitted && due.is_some_and(|due| due <= now) {
            world.call(0, now);
        }
        admitted
    });
    assert!(
        admitted.is_some_and(|tenth| tenth <= 100),
        "{algorithm}, the store answers: {answers}; denied for longer than the window"
    );
}

#[test]
fn g7_a_step_back_of_the_stores_clock_denies_for_no_longer_than_a_window() {
    for algorithm in [Algorithm::FixedWindow, Algorithm::TokenBucket] {
        for answers in [true, false] {
            g7_after_a_step_back(algorithm, answers);
        }
    }
}

#[test]
fn g7_a_denied_subject_is_looked_at_within_a_second_after_such_a_step() {
    for algorithm in [
        Algorithm::FixedWindow,
        Algorithm::SlidingWindow,
        Algorithm::TokenBucket,
    ] {
        let mut world = World::new(algorithm);
        let before = Timestamp::from_secs(1_000_000);
        while world.ask(before) {}
        world.call(0, before);
        let after = before - Duration::from_secs(3_600);
        world.ask(after);
        let due = world.group.due(&VIEW, &Timing::default()).unwrap();
        assert!(
            due <= after + Timing::default().refresh,
            "{algorithm}: {due:?}"
        );
    }
}

#[test]
fn g7_after_a_step_back_of_an_hour_an_idle_subject_owes_a_bucket_nothing() {
    let mut world = World::new(Algorithm::TokenBucket);
    let before = Timestamp::from_secs(1_000_000);
    while world.ask(before) {}
    world.call(0, before);
    // Long afterwards, and nothing was heard of the subject since.
    world.record = Record::default();
    assert!(world.ask(before - Duration::from_secs(3_000)));
}

/// The step is so small that a bucket can owe so much, but what was heard is of a time to come: nobody knows how old it is.
#[test]
fn g7_what_was_heard_at_a_time_to_come_is_no_reason_to_deny_but_to_ask() {
    for algorithm in [Algorithm::TokenBucket, Algorithm::FixedWindow] {
        let mut world = World::new(algorithm);
        let before = Timestamp::from_secs(1_000_004);
        while world.ask(before) {}
        world.call(0, before);
        let after = before - Duration::from_secs(3);
        let quota = *world.rule.quota();
        let room = quota.brought_forward(Usage::default(), after);
        world.record.set_usage(&quota, room, after);
        assert!(world.ask(after), "{algorithm}: the store has room");
        assert!(world.ask(after), "{algorithm}: and the node knows it");
    }
}

/// All that the node heard since is that the store lives and what its clock shows: nothing of the subject.
#[test]
fn g4_g5_windows_end_after_a_step_back_of_which_only_a_probe_has_told() {
    let mut world = World::new(Algorithm::FixedWindow);
    let lasted = Duration::from_secs(1);
    (world.view.nodes, world.view.mode) = (3, Mode::Out { lasted });
    let before = Timestamp::from_secs(1_000_000);
    assert!((0..5).all(|_| world.ask(before)));
    let mut admitted = Vec::new();
    for window in 0..3 {
        let now = before - WINDOW * 4 + WINDOW * window;
        admitted.push((0..100).filter(|_| world.ask(now)).count());
    }
    // What was not told before the step is taken for a part of the first.
    assert_eq!(admitted, [12, 17, 17], "of a share of 17");
    world.view.mode = Mode::Connected;
    world.call(0, before - WINDOW * 2);
    let usage = world.record.usage();
    assert_eq!((usage.previous(), usage.current()), (17, 17));
}

#[test]
fn g2_a_request_that_was_overtaken_does_not_set_a_window_back() {
    let mut world = World::new(Algorithm::FixedWindow);
    let start = Timestamp::from_secs(1_000_000);
    for at in [start - WINDOW, start] {
        world.ask(at);
        world.call(0, at);
    }
    world.ask(start - Duration::from_millis(900));
    world.call(0, start);
    let usage = world.record.usage();
    assert_eq!((usage.previous(), usage.current()), (1, 2));
}

#[test]
fn g7_a_small_step_back_forgives_a_bucket_nothing() {
    let mut world = World::new(Algorithm::TokenBucket);
    let before = Timestamp::from_secs(1_000_000);
    while world.ask(before) {}
    assert!(!world.ask(before - Duration::from_millis(1)));
}

#[test]
fn g7_what_the_store_was_told_before_a_step_back_is_not_counted_again_after_it() {
    let mut world = World::new(Algorithm::FixedWindow);
    let before = Timestamp::from_secs(1_000_000);
    // In two windows.
    for at in [before - WINDOW, before] {
        for _ in 0..5 {
            world.ask(at);
        }
        world.call(0, at);
    }
    let after = before - Duration::from_secs(3_600);
    world.ask(after);
    world.call(0, after);
    world.call(0, after);
    assert_eq!(world.record.usage().current(), 1);
}

#[test]
fn g5_what_is_untold_when_the_stores_clock_steps_back_is_due_although_nobody_asks() {
    for algorithm in [Algorithm::FixedWindow, Algorithm::TokenBucket] {
        let mut world = World::new(algorithm);
        world.ask(Timestamp::from_secs(1_000_000));
        let after = Timestamp::from_secs(996_400);
        world.group.visited(Urgency::Now, after);
        let due = world.group.due(&VIEW, &Timing::default()).unwrap();
        assert!(due <= after + Timing::default().report, "{algorithm}");
    }
}

/// What is missing afterwards is more than a bucket may owe, but not so much more that what was heard must be of another time.
#[test]
fn g7_a_step_back_by_less_than_a_bucket_may_owe_forgives_it_nothing() {
    for (step, left) in [(WINDOW * 3 / 2, 0), (WINDOW * 100, 50)] {
        let mut world = World::new(Algorithm::TokenBucket);
        while world.ask(START) {}
        world.call(0, START);
        assert_eq!(world.left(START - step), left, "{step:?}");
    }
}
