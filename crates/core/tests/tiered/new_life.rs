//! A subject that a node forgot, as it may once nothing of it matters any more, and is asked for again: others have kept its
//! record alive, and the store still knows what the node did before. What it does now is counted on top of that, once (G2, G5).

use std::time::Duration;

use tidegate_core::shared::{BucketReport, Report, Totals, WindowReport};
use tidegate_core::tiered::{Group, Timing};
use tidegate_core::{Algorithm, Outage, Timestamp};

use crate::{ALGORITHMS, NODE, START, VIEW, WINDOW, World};

/// When whatever was used at the start has long ceased to matter.
fn later() -> Timestamp {
    START + WINDOW * 3
}

/// A node that forgot the subject, of which it used `local` by itself and was granted `granted`, and gave back `returned`.
fn forgotten(algorithm: Algorithm, [local, granted, returned]: [u64; 3]) -> World {
    let mut world = World::loose(algorithm);
    world.rule = world.rule.with_outage(Outage::FULL);
    if local > 0 {
        assert!(world.decide(local, START).is_some());
    }
    world.left(START);
    if granted > 0 {
        assert!(world.call(granted, START));
    }
    for _ in 0..returned {
        let rules = [world.rule];
        let decision = world.decide(1, START).unwrap();
        world.group.give_back(&rules, &decision, START);
    }
    world.call(0, START);
    world.call(0, START);
    assert!(world.group.is_idle(later()) && !world.group.is_untold());
    world.group = Group::default();
    world
}

const LIVES: [[u64; 3]; 6] = [
    [1, 0, 0],
    [20, 0, 0],
    [0, 5, 0],
    [5, 20, 0],
    [3, 0, 2],
    [0, 0, 0],
];

#[test]
fn g5_what_is_admitted_of_a_subject_that_was_forgotten_is_counted() {
    for algorithm in ALGORITHMS {
        for (life, cost) in LIVES
            .into_iter()
            .flat_map(|life| [(life, 1), (life, 5), (life, 24)])
        {
            let case = format!("{algorithm}, {cost} after {life:?}");
            let mut world = forgotten(algorithm, life);
            assert!(world.decide(cost, later()).is_some(), "{case}");
            world.call(0, later());
            assert_eq!(world.left(later()), 50 - cost, "{case}");
            assert_eq!(world.group.unsent(), 0, "{case}");
            let _ = world.decide(1, later()).unwrap();
            world.call(0, later());
            assert_eq!(world.used(later()), cost + 1, "{case}");
            assert!(!world.group.is_untold(), "{case}");
        }
    }
}

#[test]
fn g5_grants_of_an_earlier_life_are_not_taken_for_lost_ones() {
    for algorithm in ALGORITHMS {
        for life in LIVES {
            let case = format!("{algorithm}, {life:?}");
            let mut world = forgotten(algorithm, life);
            let _ = world.decide(2, later()).unwrap();
            assert!(world.call(3, later()), "{case}");
            world.call(0, later());
            assert_eq!(world.used(later()), 5, "{case}");
            assert!(!world.group.is_untold(), "{case}: nothing to give back");
        }
    }
}

/// The first call of the new life wants something, and nobody hears the answer; those who waited are admitted all the same.
#[test]
fn g5_what_was_decided_without_the_first_answer_counts_once_whether_it_was_granted_or_not() {
    for algorithm in ALGORITHMS {
        for life in LIVES {
            for granted in [0, 1, 2] {
                let case = format!("{algorithm}, {granted} times granted, {life:?}");
                let mut world = forgotten(algorithm, life);
                let _ = world.decide(2, later()).unwrap();
                let call = world.compose(3, later()).unwrap();
                for _ in 0..granted {
                    world.carry(&call, later());
                }
                world.group.give_up(call.call, &Timing::default(), later());
                let rules = [world.rule];
                let alone = world
                    .group
                    .decide_without_store(&rules, 3, &VIEW, true, later());
                assert!(alone.is_allowed(), "{case}");
                assert_eq!(world.group.unsent(), 5, "{case}");
                world.call(0, later());
                world.call(0, later());
                // What a bucket granted twice, and nobody knows when, may have flowed in again.
                let twice = granted == 2 && algorithm == Algorithm::TokenBucket;
                let lost = if twice { 3 } else { 0 };
                assert_eq!(world.used(later()), 5 + lost, "{case}");
                assert_eq!(world.left(later()), 45 - lost, "{case}");
            }
        }
    }
}

/// A report that nobody answers is repeated, with more in it.
#[test]
fn g5_a_first_report_that_is_repeated_counts_once() {
    for algorithm in ALGORITHMS {
        for life in LIVES {
            let mut world = forgotten(algorithm, life);
            let _ = world.decide(2, later()).unwrap();
            let first = world.compose(0, later()).unwrap();
            world.carry(&first, later());
            world.group.give_up(first.call, &Timing::default(), later());
            let _ = world.decide(4, later()).unwrap();
            world.call(0, later());
            world.carry(&first, later());
            assert_eq!(world.used(later()), 6, "{algorithm}, {life:?}");
            assert!(!world.group.is_untold(), "{algorithm}, {life:?}");
        }
    }
}

#[test]
fn g5_what_is_given_back_before_the_first_answer_is_given_back() {
    for algorithm in ALGORITHMS {
        for life in LIVES {
            let mut world = forgotten(algorithm, life);
            let rules = [world.rule];
            let decision = world.decide(2, later()).unwrap();
            world.group.give_back(&rules, &decision, later());
            let _ = world.decide(1, later()).unwrap();
            world.call(0, later());
            world.call(0, later());
            assert_eq!(world.used(later()), 1, "{algorithm}, {life:?}");
            assert_eq!(world.left(later()), 49, "{algorithm}, {life:?}");
        }
    }
}

/// What the store knows of the node is more than it can have used, or of a time that comes again: what it tells before it has
/// heard that is not counted, and told again afterwards.
#[test]
fn g5_what_the_store_did_not_count_since_it_remembers_more_is_told_again() {
    for algorithm in ALGORITHMS {
        for pending in [0, 3] {
            let mut world = World::loose(algorithm);
            world.rule = world.rule.with_outage(Outage::FULL);
            let totals = Totals {
                local: 40_000_000,
                granted: 30_000_000,
                returned: 69_999_990,
            };
            let now = START + Duration::from_secs(1);
            world.serve(NODE, remembered(algorithm, totals), 0, START);
            let before = world.used(now);
            let _ = world.decide(3, now).unwrap();
            if pending > 0 {
                let call = world.compose(pending, now).unwrap();
                world.group.give_up(call.call, &Timing::default(), now);
                let rules = [world.rule];
                let _ = world
                    .group
                    .decide_without_store(&rules, pending, &VIEW, true, now);
            }
            world.call(0, now);
            assert_eq!(world.group.unsent(), 3 + pending, "{algorithm}");
            world.call(0, now);
            assert_eq!(world.used(now), before + 3 + pending, "{algorithm}");
            assert!(!world.group.is_untold(), "{algorithm}");
        }
    }
}

/// So much cannot have been granted since by a call whose answer was lost.
#[test]
fn g5_grants_that_nobody_can_have_lost_since_cover_nothing() {
    let mut world = World::loose(Algorithm::TokenBucket);
    world.rule = world.rule.with_outage(Outage::FULL);
    let totals = Totals {
        granted: 30_000_000,
        ..Totals::default()
    };
    world.serve(NODE, remembered(Algorithm::TokenBucket, totals), 0, START);
    let _ = world.decide(3, START).unwrap();
    let call = world.compose(3, START).unwrap();
    world.group.give_up(call.call, &Timing::default(), START);
    let rules = [world.rule];
    let alone = world
        .group
        .decide_without_store(&rules, 3, &VIEW, true, START);
    assert!(alone.is_allowed());
    world.call(0, START);
    world.call(0, START);
    assert_eq!((world.used(START), world.group.is_untold()), (6, false));
}

/// The node's report of that, told at the start and full again soon after.
fn remembered(algorithm: Algorithm, totals: Totals) -> Report {
    if algorithm == Algorithm::TokenBucket {
        return Report::Bucket(BucketReport {
            totals,
            acknowledged: totals,
            ..BucketReport::default()
        });
    }
    Report::Windows {
        current: WindowReport {
            start: START,
            totals,
        },
        previous: WindowReport::default(),
    }
}

/// A node forgets a subject again and again, while another one goes on.
#[test]
fn g2_in_every_life_of_a_subject_that_is_forgotten_no_more_is_admitted_than_in_the_first() {
    for algorithm in ALGORITHMS {
        let mut world = World::loose(algorithm);
        let mut now = START;
        for life in 0..20 {
            world.group = Group::default();
            world.rival(1, now);
            let admitted = (0..200).filter(|_| world.ask(now)).count();
            assert_eq!(admitted, 49, "{algorithm}, life {life}");
            world.call(0, now);
            now = now + WINDOW * 3;
            assert!(world.group.is_idle(now), "{algorithm}");
            world.rival(1, now - WINDOW * 2);
        }
    }
}

/// A store may say nothing of what it was told: what was admitted is reported on top of what it does say.
#[test]
fn l4_a_store_that_believes_no_totals_makes_nobody_wait_for_long() {
    let mut world = World::loose(Algorithm::TokenBucket);
    let _ = world.decide(3, START).unwrap();
    let call = world.compose(0, START).unwrap();
    let mut reply = world.carry(&call, START);
    reply.mine = Totals::default();
    world.answer(&call, reply, 0, START);
    assert_eq!((world.group.unsent(), world.left(START)), (3, 44));
    // Should it remember after all, the node goes by that.
    world.call(0, START);
    assert!(world.group.unsent() <= 3);
    world.call(0, START);
    assert!(!world.group.is_untold());

    let mut idle = World::loose(Algorithm::TokenBucket);
    idle.left(START);
    let call = idle.compose(0, START).unwrap();
    let mut reply = idle.carry(&call, START);
    reply.mine = Totals::default();
    idle.answer(&call, reply, 0, START);
    assert!(!idle.group.is_untold(), "there is nothing to tell");
}
