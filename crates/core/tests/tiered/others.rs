//! What a node sees of others: that they use a subject too, which one that took itself for the only one must know (G2).

use std::time::Duration;

use crate::{ALGORITHMS, START, WINDOW, World};

#[test]
fn g2_what_others_use_after_a_node_has_heard_of_a_subject_is_seen_and_nothing_else_is_taken_for_it()
{
    for algorithm in ALGORITHMS {
        let mut world = World::new(algorithm);
        let at = |millis| START + Duration::from_millis(millis);
        world.rival(1, START);
        world.decide(1, START);
        // Who used that may be long gone.
        assert!(
            !world.exchange(1, at(1)).1.others,
            "{algorithm}: the first word"
        );
        assert!(!world.exchange(2, at(2)).1.others, "{algorithm}: its own");
        world.rival(1, at(3));
        assert!(world.exchange(1, at(4)).1.others, "{algorithm}");
    }
}

#[test]
fn g2_what_others_use_in_a_new_window_is_seen_by_who_heard_of_the_one_before() {
    for algorithm in ALGORITHMS {
        for (windows, seen) in [(1, true), (2, false)] {
            let mut world = World::new(algorithm);
            world.decide(1, START);
            world.exchange(1, START);
            let later = START + WINDOW * windows;
            world.rival(1, later);
            let others = world.exchange(1, later).1.others;
            // A bucket has no windows.
            let seen = seen || algorithm == tidegate_core::Algorithm::TokenBucket;
            assert_eq!(others, seen, "{algorithm}, {windows} windows later");
        }
    }
}

#[test]
fn g2_what_a_node_uses_in_a_new_window_shows_no_others() {
    for algorithm in ALGORITHMS {
        let mut world = World::new(algorithm);
        world.decide(1, START);
        world.exchange(1, START);
        let later = START + WINDOW;
        world.decide(1, later);
        assert!(!world.exchange(1, later).1.others, "{algorithm}");
    }
}
