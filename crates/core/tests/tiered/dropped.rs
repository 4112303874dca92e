//! What was admitted and can no longer be reported is said once, whoever found that out (L7); and what still can be is counted
//! for people.

use std::sync::Arc;

use tidegate_core::tiered::Timing;
use tidegate_core::{Algorithm, Outage, PolicyName, Quota, Rule, Timestamp};

use crate::{START, VIEW, WINDOW, World};

const WINDOWS: [Algorithm; 2] = [Algorithm::FixedWindow, Algorithm::SlidingWindow];

/// What happens to a subject first when its counts are too old to be reported.
type First = fn(&mut World, Timestamp);

const FIRST: [(&str, First); 7] = [
    ("nothing", |_, _| ()),
    ("a request", |world, now| {
        let _ = world.decide(1, now);
    }),
    ("a look", |world, now| {
        world.left(now);
    }),
    ("a roll", |world, now| world.roll(now)),
    ("a loss of data", |world, now| {
        world.group.tell_again(now);
    }),
    ("no answer", |world, now| {
        let call = world.compose(0, now).unwrap();
        world.group.give_up(call.call, &Timing::default(), now);
    }),
    ("an outage", |world, now| {
        let rules = [world.rule];
        let alone = &mut world.group;
        let _ = alone.decide_without_store(&rules, 1, &VIEW, false, now);
    }),
];

#[test]
fn what_can_no_longer_be_reported_is_said_by_the_next_answer_and_once() {
    for (algorithm, windows) in WINDOWS.into_iter().flat_map(|one| [(one, 2), (one, 5)]) {
        for (name, first) in FIRST {
            let case = format!("{algorithm}, {windows} windows, {name}");
            let mut world = World::loose(algorithm);
            world.rule = world.rule.with_outage(Outage::FULL);
            assert!(world.decide(20, START).is_some(), "{case}");
            let now = START + WINDOW * windows;
            first(&mut world, now);
            assert!(world.group.is_untold(), "{case}: the answer is wanted");
            assert!(world.due().is_some(), "{case}");
            assert_eq!(world.exchange(0, now).1.dropped, 20, "{case}");
            world.exchange(0, now);
            assert!(!world.group.is_untold(), "{case}");
            assert_eq!(world.exchange(0, now).1.dropped, 0, "{case}");
        }
    }
}

#[test]
fn what_was_dropped_in_several_windows_and_of_any_size_is_said_together() {
    for algorithm in WINDOWS {
        let mut world = World::loose(algorithm);
        let quota = Quota::new(1_000_000, WINDOW).unwrap();
        let quota = quota.with_algorithm(algorithm).unwrap();
        world.rule = world.rule.with_quota(quota);
        for (window, cost) in [(0, 70_000), (1, 3), (2, 80_000), (3, 5)] {
            assert!(world.decide(cost, START + WINDOW * window).is_some());
        }
        let heard = world.exchange(0, START + WINDOW * 3).1;
        assert_eq!(heard.dropped, 70_003, "{algorithm}");

        assert!(world.decide(80_000, START + WINDOW * 3).is_some());
        let much_later = START + WINDOW * 9;
        world.roll(much_later);
        assert!(world.group.is_untold(), "{algorithm}: that is to be said");
        let heard = world.exchange(0, much_later).1;
        assert_eq!(heard.dropped, 80_000, "{algorithm}");
        assert!(!world.group.is_untold(), "{algorithm}");
    }
}

#[test]
fn l7_what_could_not_be_told_is_counted_with_the_window_before_and_once_under_several_policies() {
    for algorithm in WINDOWS {
        let mut world = World::loose(algorithm);
        let name = PolicyName::new("long").unwrap();
        let long = Quota::new(100, WINDOW * 4).unwrap();
        let long = Rule::new(name, long).with_tolerance(world.rule.tolerance());
        let rules = [world.rule, long];
        let intern = &mut |rule: &Rule| Arc::new(*rule);
        for now in [START, START + WINDOW] {
            let decided = world.group.acquire(&rules, 20, &VIEW, now, intern);
            assert!(decided.is_some_and(|decision| decision.is_allowed()));
        }
        let unsent = [1, 2, 3].map(|windows| world.group.unsent_requests(START + WINDOW * windows));
        assert_eq!(unsent, [40; 3], "{algorithm}: the long policy knows all");
        assert_eq!(world.group.unsent(), 20 + 40, "{algorithm}");
    }
    for algorithm in WINDOWS {
        let mut world = World::loose(algorithm);
        let _ = world.decide(20, START);
        let unsent = [0, 1, 2].map(|windows| world.group.unsent_requests(START + WINDOW * windows));
        assert_eq!(unsent, [20, 20, 0], "{algorithm}");
    }
}
