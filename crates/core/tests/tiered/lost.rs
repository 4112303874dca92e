//! A store that has lost its data: what it was told is told again, once, whether there is anything to add or not (G6).

use std::time::Duration;

use tidegate_core::shared::Record;
use tidegate_core::tiered::{Link, LinkConfig, Timing};
use tidegate_core::{Algorithm, Timestamp};

use crate::{ALGORITHMS, START, WINDOW, World};

fn at(millis: u64) -> Timestamp {
    START + Duration::from_millis(millis)
}

/// A node that has used 7, of which the store was told.
fn told(algorithm: Algorithm) -> World {
    let mut world = World::loose(algorithm);
    for _ in 0..5 {
        assert!(world.ask(START));
    }
    world.exchange(2, START);
    assert_eq!((world.used(START), world.group.is_untold()), (7, false));
    world
}

#[test]
fn g6_what_was_acknowledged_is_told_again_to_a_store_that_lost_it() {
    for algorithm in ALGORITHMS {
        let mut world = told(algorithm);
        let left = world.left(at(1));
        world.record = Record::default();
        assert!(world.group.tell_again(at(1)), "{algorithm}");
        assert_eq!(world.left(at(1)), left, "{algorithm}: nothing was used");
        assert!(world.group.is_untold(), "{algorithm}");
        let latest = at(1) + Timing::default().report;
        assert!(world.due().is_some_and(|due| due <= latest), "{algorithm}");
        world.exchange(0, at(2));
        assert_eq!(
            (world.used(at(2)), world.group.is_untold()),
            (7, false),
            "{algorithm}"
        );
        assert_eq!(world.left(at(2)), left, "{algorithm}");
    }
}

#[test]
fn g5_what_is_told_again_to_a_store_that_knows_it_changes_nothing() {
    for algorithm in ALGORITHMS {
        let mut world = told(algorithm);
        let before = world.record.clone();
        world.group.tell_again(START);
        world.exchange(0, START);
        assert_eq!(world.record, before, "{algorithm}");
    }
}

#[test]
fn g6_it_is_told_again_until_that_is_acknowledged() {
    for algorithm in ALGORITHMS {
        let mut world = told(algorithm);
        // An answer that was on its way says nothing of what the store knows now.
        let early = world.compose(1, at(1)).unwrap();
        let reply = world.carry(&early, at(1));
        world.record = Record::default();
        world.group.tell_again(at(2));
        world.answer(&early, reply, 1, at(3));
        assert!(world.group.is_untold(), "{algorithm}");

        let lost = world.compose(0, at(4)).unwrap();
        assert!(world.group.is_untold(), "{algorithm}: under way");
        world.group.give_up(lost.call, &Timing::default(), at(54));
        assert!(world.due().is_some(), "{algorithm}: given up");
        world.exchange(0, at(60));
        assert_eq!(
            (world.used(at(60)), world.group.is_untold()),
            (8, false),
            "{algorithm}"
        );
    }
}

/// The answer to what was told before the loss may come after the word of it.
#[test]
fn g6_what_was_under_way_when_the_loss_was_heard_of_is_told_again() {
    for algorithm in ALGORITHMS {
        let mut world = World::loose(algorithm);
        world.ask(START);
        let first = world.compose(0, START).unwrap();
        let reply = world.carry(&first, START);
        world.record = Record::default();
        assert!(world.group.tell_again(at(1)), "{algorithm}: perhaps told");
        world.answer(&first, reply, 0, at(2));
        assert!(world.due().is_some(), "{algorithm}");
        world.exchange(0, at(52));
        assert_eq!(
            (world.used(at(52)), world.group.is_untold()),
            (1, false),
            "{algorithm}"
        );
    }
}

#[test]
fn g6_what_matters_to_nobody_is_not_told_again() {
    for algorithm in ALGORITHMS {
        let mut world = World::loose(algorithm);
        world.ask(START);
        assert!(!world.group.tell_again(at(1)), "{algorithm}: never told");
        let mut world = told(algorithm);
        assert!(
            !world.group.tell_again(START + WINDOW * 2),
            "{algorithm}: long past"
        );
        assert!(!world.group.is_untold(), "{algorithm}");
    }
}

#[test]
fn g6_another_generation_of_data_is_noticed_once() {
    let mut link = Link::new(LinkConfig::default());
    let heard = [5, 5, 9, 9, 5].map(|generation| link.noticed_generation(generation));
    assert_eq!(heard, [true, false, true, false, true]);
}

/// A node that has used 7 and others 40, of which it has heard, whose store then loses all of that and is told the 7 again.
fn alone_after_a_loss(algorithm: Algorithm) -> World {
    let mut world = told(algorithm);
    assert_eq!(world.rival(40, START), 40);
    world.exchange(0, START);
    assert_eq!(world.left(START), 3, "{algorithm}");
    world.record = Record::default();
    world.exchange(0, at(1));
    world
}

#[test]
fn g6_what_others_used_is_not_admitted_again_although_the_store_has_lost_it() {
    for algorithm in ALGORITHMS {
        let mut world = alone_after_a_loss(algorithm);
        assert_eq!(world.left(at(1)), 3, "{algorithm}");
        assert!(
            world
                .decide(4, at(1))
                .is_some_and(|decision| !decision.is_allowed()),
            "{algorithm}"
        );
        // Nor when it hears that again, or only some of the others have told it again.
        world.rival(20, at(500));
        world.exchange(0, at(1_500));
        let flowed_in = if algorithm == Algorithm::TokenBucket {
            7
        } else {
            0
        };
        assert!(world.left(at(1_500)) <= 3 + flowed_in, "{algorithm}");
    }
}

#[test]
fn g3_it_is_believed_that_others_used_less_when_all_had_the_time_to_tell_it_again() {
    for algorithm in [Algorithm::FixedWindow, Algorithm::SlidingWindow] {
        let mut world = alone_after_a_loss(algorithm);
        let again = Timing::default().refresh * 2;
        world.exchange(0, at(1) + again - Duration::from_nanos(1));
        assert_eq!(world.left(at(1) + again), 3, "{algorithm}");
        world.exchange(0, at(1) + again);
        assert_eq!(world.left(at(1) + again), 43, "{algorithm}");
        // What is lost after that is doubted as long, each time anew.
        world.rival(5, at(3_000));
        world.exchange(0, at(3_000));
        for millis in [4_000, 5_500, 7_000] {
            world.record = Record::default();
            world.exchange(0, at(millis));
            assert_eq!(world.left(at(millis)), 38, "{algorithm}");
            world.rival(1, at(millis));
            world.exchange(0, at(millis));
        }
        world.exchange(0, at(9_000));
        assert_eq!(world.left(at(9_000)), 42, "{algorithm}");
    }
}
