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
