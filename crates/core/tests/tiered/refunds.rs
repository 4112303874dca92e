//! What is given back, and what is forgotten: for requests that were never served, and for subjects that are reset.

use std::time::Duration;

use tidegate_core::shared::Report;
use tidegate_core::tiered::Timing;
use tidegate_core::{Algorithm, Usage};

use crate::{ALGORITHMS, START, WINDOW, World};

#[test]
fn g5_what_is_given_back_is_told_to_the_store_within_t_and_is_there_again() {
    for algorithm in ALGORITHMS {
        let mut world = World::loose(algorithm);
        let charged = world.decide(3, START).unwrap();
        world.call(0, START);
        assert_eq!((world.used(START), world.due()), (3, None), "{algorithm}");

        world.group.give_back(&[world.rule], &charged, START);
        assert_eq!(world.left(START), 50, "{algorithm}: the node knows at once");
        assert!(world.group.is_untold(), "{algorithm}");
        let within = START + Timing::default().report;
        assert!(world.due().is_some_and(|due| due <= within), "{algorithm}");

        world.call(0, START);
        world.call(0, START);
        assert_eq!(
            (world.used(START), world.left(START)),
            (0, 50),
            "{algorithm}"
        );
        assert!(!world.group.is_untold(), "{algorithm}");
    }
}

/// Of five units two and a half have flowed in: two whole ones are given back, and the half is lost.
#[test]
fn g2_a_bucket_is_not_given_back_what_has_flowed_in_since() {
    let mut world = World::loose(Algorithm::TokenBucket);
    let charged = world.decide(5, START).unwrap();
    world.call(0, START);
    let half = START + Duration::from_millis(500);
    assert_eq!(world.used(half), 3);
    world.group.give_back(&[world.rule], &charged, half);
    world.call(0, half);
    assert_eq!((world.used(half), world.left(half)), (1, 49));

    let later = START + Duration::from_secs(1);
    world.group.give_back(&[world.rule], &charged, later);
    assert!(!world.group.is_untold(), "all of it has flowed in by now");
}

#[test]
fn g5_what_is_given_back_goes_into_the_window_that_it_was_charged_to() {
    for algorithm in [Algorithm::FixedWindow, Algorithm::SlidingWindow] {
        let mut world = World::loose(algorithm);
        let charged = world.decide(3, START).unwrap();
        world.call(0, START);
        let next = START + WINDOW;
        let _ = world.decide(2, next).unwrap();
        world.call(0, next);
        world.group.give_back(&[world.rule], &charged, next);
        world.call(0, next);
        let usage = world.record.usage();
        assert_eq!((usage.previous(), usage.current()), (0, 2), "{algorithm}");

        // Two windows later nobody wants to know.
        let charged = world.decide(2, next).unwrap();
        world.call(0, next);
        let later = next + WINDOW * 2;
        let _ = world.decide(1, later).unwrap();
        world.call(0, later);
        world.group.give_back(&[world.rule], &charged, later);
        assert!(!world.group.is_untold(), "{algorithm}");
        assert_eq!(world.left(later), 49, "{algorithm}");
    }
}

#[test]
fn g8_what_was_not_counted_is_not_given_back() {
    for algorithm in ALGORITHMS {
        for shadow in [false, true] {
            let mut world = World::loose(algorithm);
            world.rule = world.rule.with_shadow(shadow);
            let _ = world.decide(1, START).unwrap();
            world.call(0, START);
            let passed = world.decide(50, START).unwrap();
            assert_eq!(passed.is_allowed(), shadow);
            world.group.give_back(&[world.rule], &passed, START);
            assert!(!world.group.is_untold(), "{algorithm}");
            assert_eq!(world.left(START), 49, "{algorithm}");
        }
    }
}

/// The store drops the count and keeps what each node has told of itself, as all stores do.
#[test]
fn g5_after_a_reset_the_whole_limit_is_there_once_more() {
    for algorithm in ALGORITHMS {
        let mut world = World::new(algorithm);
        while world.ask(START) {}
        world.call(0, START);
        let quota = *world.rule.quota();
        world.record.set_usage(&quota, Usage::default(), START);
        world.group.forget(&[world.rule], START);
        assert_eq!(world.left(START), 50, "{algorithm}");
        assert!(!world.group.is_untold(), "{algorithm}: all of it was told");

        let admitted = (0..100).filter(|_| world.ask(START)).count();
        world.call(0, START);
        assert_eq!((admitted, world.used(START)), (50, 50), "{algorithm}");
    }
}

/// What a bucket's report says that the node gave back, and that the store has acknowledged of that.
fn returned(world: &mut World) -> (u64, u64) {
    match world.compose(0, START).unwrap().reports[0].1 {
        Report::Bucket(report) => (report.totals.returned, report.acknowledged.returned),
        other => panic!("{other:?}"),
    }
}

/// Nothing else is said to be known to the store: it would take that for a loss of its data.
#[test]
fn g5_a_bucket_says_what_was_given_back_on_top_of_what_the_store_knows() {
    let mut world = World::loose(Algorithm::TokenBucket);
    let charged = world.decide(3, START).unwrap();
    world.call(0, START);
    world.group.give_back(&[world.rule], &charged, START);
    assert_eq!(returned(&mut world), (3, 0));
}

/// Before the first answer nobody knows what the store remembers; all of it counts all the same.
#[test]
fn g5_what_is_given_back_bit_by_bit_before_the_store_was_heard_adds_up() {
    let mut world = World::loose(Algorithm::TokenBucket);
    let charged = [1, 2, 3].map(|cost| world.decide(cost, START).unwrap());
    for decision in &charged {
        world.group.give_back(&[world.rule], decision, START);
    }
    let (told, acknowledged) = returned(&mut world);
    assert_eq!(told - acknowledged, 6);
}
