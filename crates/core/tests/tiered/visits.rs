//! When the driver is to come: soon enough for what must be told, and no more often (R3).

use std::time::Duration;

use tidegate_core::tiered::{Mode, Timing, Urgency, Visit};
use tidegate_core::{Algorithm, Quota, Rule, Timestamp, Tolerance};

use crate::{ALGORITHMS, START, VIEW, WINDOW, World};

/// A subject that was denied is looked at in a second; what its bucket lets through before that is told within T.
#[test]
fn r3_a_visit_far_ahead_does_not_delay_a_report() {
    let timing = Timing::default();
    let mut world = World::loose(Algorithm::TokenBucket);
    let denied_at = START;
    while world.ask(denied_at) {}
    world.call(0, denied_at);
    assert!(!world.ask(denied_at));
    let plan = |world: &mut World, wanted, now| world.group.plan(wanted, &VIEW, &timing, now);
    let refresh = Visit {
        urgency: Urgency::Later,
        at: denied_at + timing.refresh,
    };
    assert_eq!(plan(&mut world, None, denied_at), Some(refresh));
    assert_eq!(plan(&mut world, None, denied_at), None, "on that list");

    // A unit flows in every 200 ms.
    let admitted_at = denied_at + Duration::from_millis(250);
    assert!(world.ask(admitted_at));
    let report = Visit {
        urgency: Urgency::Soon,
        at: admitted_at + timing.report,
    };
    assert_eq!(plan(&mut world, None, admitted_at), Some(report));
    assert_eq!(plan(&mut world, None, admitted_at), None, "on both lists");
    assert!(plan(&mut world, Some(admitted_at), admitted_at).is_some());
    assert_eq!(plan(&mut world, Some(admitted_at), admitted_at), None);

    world.group.visited(Urgency::Now, admitted_at);
    assert_eq!(plan(&mut world, None, admitted_at), None, "still within T");
    world.group.visited(Urgency::Soon, report.at);
    world.call(0, report.at);
    let later = plan(&mut world, None, report.at);
    assert_eq!(later, None, "the driver still comes to refresh it");
}

/// A node that the store has told of the subject; it may admit 25 by itself.
fn informed(algorithm: Algorithm) -> World {
    let mut world = World::loose(algorithm);
    let _ = world.decide(0, START);
    world.call(1, START);
    world
}

#[test]
fn r3_what_is_admitted_is_told_within_t_and_at_once_when_the_slack_is_used_up() {
    for algorithm in ALGORITHMS {
        for (cost, wait) in [(24, Timing::default().report), (25, Duration::ZERO)] {
            let mut world = informed(algorithm);
            let _ = world.decide(cost, START).unwrap();
            assert_eq!(world.due(), Some(START + wait), "{algorithm}, {cost}");
        }
    }
}

#[test]
fn a_subject_that_the_store_has_not_heard_of_is_told_at_once_and_every_t_while_it_does_not_answer()
{
    let mut world = World::loose(Algorithm::FixedWindow);
    let _ = world.decide(1, START).unwrap();
    assert_eq!(world.due(), Some(START));
    world.view.mode = Mode::Returning;
    let patient = START + Timing::default().report;
    assert_eq!(world.due(), Some(patient));
    world.view.mode = Mode::Out {
        lasted: Duration::ZERO,
    };
    assert_eq!(world.due(), Some(patient));
}

/// It is alone, so it may admit all of the limit, and deny, before the store has said a word.
#[test]
fn r3_a_denial_by_what_only_this_node_knows_is_looked_at_with_the_report() {
    let mut world = World::loose(Algorithm::FixedWindow);
    (world.view.nodes, world.view.alone) = (1, true);
    let _ = world.decide(50, START).unwrap();
    assert!(!world.decide(1, START).unwrap().is_allowed());
    assert_eq!(world.due(), Some(START));
    let outgoing = world.compose(0, START).unwrap();
    assert_eq!(world.due(), None, "while it is under way");
    let timing = Timing::default();
    world.group.give_up(outgoing.call, &timing, START);
    world.view.mode = Mode::Returning;
    assert_eq!(world.due(), Some(START + timing.report));
}

/// Denied traffic costs one look a second, however much of it there is.
#[test]
fn r3_a_denied_subject_is_looked_at_once_a_second() {
    for algorithm in [Algorithm::FixedWindow, Algorithm::SlidingWindow] {
        let mut world = World::new(algorithm);
        assert_eq!(world.rival(50, START), 50);
        let mut visits = 0;
        let mut planned: Vec<Visit> = Vec::new();
        for tick in 0..500 {
            let now = START + Duration::from_millis(10 * tick);
            let _ = world.ask(now);
            planned.extend(world.group.plan(None, &VIEW, &Timing::default(), now));
            for visit in planned.extract_if(.., |visit| visit.at <= now) {
                world.group.visited(visit.urgency, now);
                if world.due().is_some_and(|due| due <= now) {
                    world.call(0, now);
                    visits += 1;
                }
            }
            planned.extend(world.group.plan(None, &VIEW, &Timing::default(), now));
        }
        assert!(
            (5..=7).contains(&visits),
            "{algorithm}: {visits} in five seconds"
        );
    }
}

#[test]
fn r3_a_visit_that_is_wanted_is_planned_if_none_comes_as_soon() {
    let timing = Timing::default();
    let mut world = informed(Algorithm::FixedWindow);
    let plan = |world: &mut World, wanted: Option<u64>| {
        let wanted = wanted.map(|millis| START + Duration::from_millis(millis));
        let visit = world.group.plan(wanted, &VIEW, &timing, START);
        visit.map(|visit| visit.urgency)
    };
    assert_eq!(plan(&mut world, None), None, "nothing is due");
    assert_eq!(plan(&mut world, Some(60)), Some(Urgency::Later));
    assert_eq!(plan(&mut world, Some(70)), None);
    assert_eq!(plan(&mut world, Some(50)), Some(Urgency::Soon));
    assert_eq!(plan(&mut world, Some(0)), Some(Urgency::Now));
    assert_eq!(plan(&mut world, Some(0)), None);
    world.group.visited(Urgency::Now, START);
    world.group.visited(Urgency::Soon, START);
    assert_eq!(plan(&mut world, Some(60)), None, "still on that list");
    world.group.visited(Urgency::Later, START);
    assert_eq!(plan(&mut world, Some(60)), Some(Urgency::Later));
}

/// The driver is to come for some other reason, long after the denied subject is to be looked at.
#[test]
fn g3_a_denied_subject_is_looked_at_in_time_whenever_the_driver_comes_otherwise() {
    let timing = Timing::default();
    let refresh = START + timing.refresh;
    for early in [0, 1, 49, 50] {
        let mut world = World::new(Algorithm::FixedWindow);
        assert_eq!(world.rival(50, START), 50);
        let _ = world.ask(START);
        world.call(0, START);
        assert!(!world.decide(1, START).unwrap().is_allowed());
        let far = Some(START + timing.refresh * 5);
        assert!(world.group.plan(far, &VIEW, &timing, START).is_some());
        let now = refresh - Duration::from_millis(early);
        let visit = world.group.plan(None, &VIEW, &timing, now).unwrap();
        assert_eq!(visit.at, refresh, "{early}");
    }
}

/// As [`informed`], under a limit that lasts for as many calls as a pace takes to be believed.
fn hot() -> World {
    let mut world = World::new(Algorithm::FixedWindow);
    let quota = Quota::new(2_500, WINDOW).unwrap();
    let quota = quota.with_algorithm(Algorithm::FixedWindow).unwrap();
    let rule = Rule::new(world.rule.name(), quota);
    world.rule = rule.with_tolerance(Tolerance::from_fraction(0.01).unwrap());
    let _ = world.decide(0, START);
    world.call(1, START);
    world
}

/// How often one pace is seen until it is believed.
const CALLS: u32 = 5;

/// How early a report begins after a few calls that took a millisecond, each telling what had been used in `time`.
fn due_early(used: u64, time: Duration) -> u64 {
    let mut world = hot();
    let mut answered_at = START;
    for _ in 0..CALLS {
        // After the last answer: what was admitted before that says nothing of the pace.
        let used_at = answered_at + Duration::from_nanos(1);
        let _ = world.decide(used, used_at).unwrap();
        let asked_at = answered_at + time;
        let outgoing = world.compose(0, asked_at).unwrap();
        answered_at = asked_at + Duration::from_millis(1);
        let reply = world.carry(&outgoing, answered_at);
        world.answer(&outgoing, reply, 0, answered_at);
    }
    let mut untold = 0;
    while world.due() != Some(answered_at) {
        untold += 1;
        if world.decide(1, answered_at).is_none() {
            let patient = answered_at + Timing::default().report;
            assert_eq!(world.due(), Some(patient));
            break;
        }
    }
    untold
}

/// A node may admit 25 by itself. Where requests come so fast that they have to wait for the answer anyway, no report begins
/// before T: the first that waits asks, and each call tells as much as it can.
#[test]
fn r3_a_report_begins_as_early_as_its_answer_takes_and_not_where_that_helps_nobody() {
    let millis = Duration::from_millis;
    assert_eq!(due_early(20, millis(40)), 25, "hardly a request meanwhile");
    assert_eq!(due_early(20, millis(5)), 22, "four meanwhile");
    assert_eq!(due_early(20, millis(2)), 13, "ten meanwhile");
    assert_eq!(
        due_early(20, Duration::from_micros(100)),
        26,
        "200 meanwhile"
    );
}

/// Reports that take a millisecond, while each of which 12 are admitted and a request waits that costs so much. Says when the last
/// was answered.
fn kept_waiting(world: &mut World, waits: u64) -> Timestamp {
    let mut now = START;
    let _ = world.decide(13, now).unwrap();
    for _ in 0..CALLS {
        let report = world.compose(0, now).unwrap();
        let used = world.group.unsent();
        let _ = world.decide(25 - used, now).unwrap();
        assert!(world.decide(waits, now).is_none(), "it has to wait");
        now = now + Duration::from_millis(1);
        let reply = world.carry(&report, now);
        world.answer(&report, reply, 0, now);
        let untold = 13 - world.group.unsent();
        let _ = world.decide(untold, now).unwrap();
    }
    now
}

/// A node may admit 25 by itself. Reports began early, and requests had to wait for their answers all the same.
#[test]
fn r3_where_requests_had_to_wait_for_a_report_the_first_that_waits_asks() {
    let mut world = hot();
    let mut now = kept_waiting(&mut world, 1);
    assert_eq!(world.due(), Some(now + Timing::default().report));

    // Nobody knows how many would have come while requests wait, as nothing is admitted then.
    for _ in 0..2 {
        let asked = world.compose(1, now).unwrap();
        now = now + Duration::from_millis(1);
        let reply = world.carry(&asked, now);
        world.answer(&asked, reply, 1, now);
    }
    let later = now + Duration::from_millis(30);
    let _ = world.decide(20, later).unwrap();
    assert_eq!(world.due(), Some(later + Timing::default().report));
}

/// A node may admit 25 by itself. No report that began earlier would have spared a request the wait that costs more.
#[test]
fn r3_a_request_that_always_waits_says_nothing_of_when_a_report_should_begin() {
    let mut world = hot();
    let now = kept_waiting(&mut world, 26);
    assert_eq!(world.due(), Some(now), "half of it is untold");
}
