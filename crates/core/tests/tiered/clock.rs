//! A store's clock that steps does no lasting harm (G7).

use std::time::Duration;

use tidegate_core::shared::Record;
use tidegate_core::tiered::{Mode, Timing, Urgency};
use tidegate_core::{Algorithm, Quota, Timestamp, Usage};

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
        for _ in 0..2 {
            assert_eq!(world.decide(1, after), None, "{algorithm}");
        }
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

/// Requests that overtake each other do so by less than half of a short window.
#[test]
fn g7_a_step_back_over_the_boundary_of_a_short_window_is_one() {
    let mut world = World::new(Algorithm::FixedWindow);
    let window = Duration::from_secs(1);
    world.rule = world.rule.with_quota(Quota::new(50, window).unwrap());
    world.ask(START);
    world.call(0, START);
    let after = START - Duration::from_millis(700);
    world.ask(after);
    world.call(0, after);
    assert_eq!(world.record.usage().current(), 2, "both in that window");
}

/// By its own clock the node was in the next window when it asked; by the answer it is not.
#[test]
fn g5_g7_what_was_counted_in_a_window_that_has_not_begun_belongs_to_the_present_one() {
    let mut world = World::loose(Algorithm::FixedWindow);
    let (ahead, now) = (START + WINDOW, START + WINDOW - Duration::from_millis(1));
    let _ = world.decide(2, START).unwrap();
    world.call(0, START);
    let _ = world.decide(3, ahead).unwrap();
    let outgoing = world.compose(0, ahead).unwrap();
    let reply = world.carry(&outgoing, now);
    world.answer(&outgoing, reply, 0, now);
    assert_eq!((world.left(now), world.group.unsent()), (45, 3));
    world.call(0, now);
    assert_eq!(world.used(now), 5);
}

#[test]
fn g5_an_answer_that_comes_in_the_next_window_is_about_the_one_that_it_was_given_in() {
    for asked_meanwhile in [false, true] {
        let mut world = World::loose(Algorithm::SlidingWindow);
        let next = START + WINDOW;
        let _ = world.decide(5, START).unwrap();
        let outgoing = world.compose(0, START).unwrap();
        let reply = world.carry(&outgoing, START);
        world.rival(20, START);
        if asked_meanwhile {
            let _ = world.decide(3, next).unwrap();
        }
        world.answer(&outgoing, reply, 0, next);
        if !asked_meanwhile {
            let _ = world.decide(3, next).unwrap();
        }
        assert_eq!(world.group.unsent(), 3);
        assert_eq!(
            world.left(next),
            50 - 5 - 3,
            "all of that window counts yet"
        );
        world.call(0, next);
        let usage = world.record.usage();
        assert_eq!((usage.previous(), usage.current()), (25, 3));
    }
}

#[test]
fn g5_an_answer_that_comes_two_windows_late_moves_nothing_into_the_present_one() {
    let mut world = World::loose(Algorithm::FixedWindow);
    let (next, last) = (START + WINDOW, START + WINDOW * 2);
    let _ = world.decide(5, START).unwrap();
    let outgoing = world.compose(0, START).unwrap();
    let reply = world.carry(&outgoing, START);
    let _ = world.decide(3, next).unwrap();
    world.answer(&outgoing, reply, 0, last);
    assert_eq!((world.left(last), world.group.unsent()), (50, 0));
    world.call(0, last);
    let usage = world.record.usage();
    assert_eq!((usage.previous(), usage.current()), (3, 0));
}

/// The node's clock was set back a little meanwhile; the store's word is of the window that both were in.
#[test]
fn g5_an_answer_of_the_present_window_is_taken_whatever_this_nodes_clock_shows() {
    let mut world = World::loose(Algorithm::FixedWindow);
    let _ = world.decide(5, START).unwrap();
    let outgoing = world.compose(0, START).unwrap();
    let reply = world.carry(&outgoing, START);
    world.answer(&outgoing, reply, 0, START - Duration::from_millis(1));
    assert_eq!((world.left(START), world.group.unsent()), (45, 0));
    assert!(!world.group.is_untold());
}

/// Five units flow in within a second, and it takes two until the store is told.
#[test]
fn g7_what_is_unsent_when_the_clock_steps_back_flows_in_from_then_on() {
    let mut world = World::loose(Algorithm::TokenBucket);
    let _ = world.decide(5, START).unwrap();
    let after = START - Duration::from_secs(3_600);
    assert_eq!(world.left(after), 45);
    let told = after + Duration::from_secs(2);
    world.call(0, told);
    assert_eq!((world.used(told), world.left(told)), (0, 50));
}
