//! What a node holds of a subject: a store's clock that steps does no lasting harm, and all nodes divide by the same
//! final counts.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::sync::Arc;
use std::time::Duration;

use tidegate_core::shared::{NodeId, Record, Report, sync};
use tidegate_core::tiered::{Finished, Group, Heard, Mode, Timing, Urgency, View, Visit};
use tidegate_core::{Algorithm, Decision, PolicyName, Quota, Rule, Timestamp, Tolerance, Usage};

const WINDOW: Duration = Duration::from_secs(10);
const NODE: NodeId = NodeId::from_random(1);
const RIVAL: NodeId = NodeId::from_random(2);
const VIEW: View = View {
    nodes: 2,
    mode: Mode::Connected,
    suspected: false,
};

/// One node, and the store's record.
struct World {
    rule: Rule,
    group: Group,
    record: Record,
    view: View,
}

impl World {
    fn new(algorithm: Algorithm) -> Self {
        let quota = Quota::new(50, WINDOW).unwrap().with_algorithm(algorithm);
        Self {
            rule: Rule::new(PolicyName::new("p").unwrap(), quota.unwrap()),
            group: Group::default(),
            record: Record::default(),
            view: VIEW,
        }
    }

    /// Decides a request, with the store's help where that is needed.
    fn ask(&mut self, now: Timestamp) -> bool {
        let rules = [self.rule];
        let known = self
            .group
            .acquire(&rules, 1, &self.view, now, &mut |rule| Arc::new(*rule));
        known.map_or_else(
            || self.call(1, now),
            |decision| Decision::is_allowed(&decision),
        )
    }

    /// Tells the store what is untold, and hears how much of what is wanted it grants.
    fn call(&mut self, want: u64, now: Timestamp) -> bool {
        self.exchange(want, now).0 > 0
    }

    /// Tells the store what is untold, and hears what the window before was like, if that is final.
    fn hear(&mut self, now: Timestamp) -> Option<Finished> {
        self.exchange(0, now).1.finished.first().copied()
    }

    fn exchange(&mut self, want: u64, now: Timestamp) -> (u64, Heard) {
        let rules = [self.rule];
        let wanting = (want > 0).then_some((&rules[..], want));
        let outgoing = self.group.compose(wanting, now).unwrap();
        let reports: Vec<Report> = outgoing.reports.iter().map(|(_, report)| *report).collect();
        let records = std::slice::from_mut(&mut self.record);
        let replies = sync(records, &rules, &reports, NODE, want, now);
        let got = replies[0].got;
        let heard = self
            .group
            .hear(&outgoing, &replies, got, &Timing::default(), now);
        (got, heard.unwrap())
    }
}

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

/// A call reaches the store twice. What that granted the second time has long flowed in again when the node hears of it.
#[test]
fn g2_a_bucket_is_given_nothing_back_that_has_flowed_in_again() {
    let mut world = World::new(Algorithm::TokenBucket);
    world.rule = world.rule.with_tolerance(Tolerance::EXACT);
    let (rules, start) = ([world.rule], Timestamp::from_secs(1_000_000));
    let intern = &mut |rule: &Rule| Arc::new(*rule);
    assert_eq!(world.group.acquire(&rules, 1, &VIEW, start, intern), None);
    let outgoing = world.group.compose(Some((&rules, 1)), start).unwrap();
    let reports: Vec<Report> = outgoing.reports.iter().map(|(_, report)| *report).collect();
    let records = std::slice::from_mut(&mut world.record);
    let replies = sync(records, &rules, &reports, NODE, 1, start);
    sync(records, &rules, &reports, NODE, 1, start);
    let timing = Timing::default();
    world.group.hear(&outgoing, &replies, 1, &timing, start);

    let later = start + WINDOW;
    let rival = |record: &mut Record, want| {
        let records = std::slice::from_mut(record);
        sync(records, &rules, &[Report::NOTHING], RIVAL, want, later)[0].got
    };
    assert_eq!(rival(&mut world.record, 50), 50, "the whole burst");
    world.call(0, later);
    world.call(0, later);
    assert_eq!(rival(&mut world.record, 1), 0);
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

#[test]
fn g4_final_counts_are_those_that_hold_when_the_others_last_reports_are_in() {
    let mut world = World::new(Algorithm::FixedWindow);
    let start = Timestamp::from_secs(1_000_000);
    world.ask(start);
    world.call(0, start);
    let next = start + WINDOW;
    assert_eq!(world.hear(next), None, "an early answer is not final");
    let settled = next + Timing::default().report * 5;
    assert_eq!(
        world.group.due(&VIEW, &Timing::default()),
        Some(settled),
        "the node asks once more"
    );
    let finished = world.hear(settled).unwrap();
    assert_eq!((finished.own, finished.total), (1, 1));
}

/// A subject that was denied is looked at in a second; what its bucket lets through before that is told within T.
#[test]
fn r3_a_visit_far_ahead_does_not_delay_a_report() {
    let timing = Timing::default();
    let mut world = World::new(Algorithm::TokenBucket);
    world.rule = world
        .rule
        .with_tolerance(Tolerance::from_fraction(0.5).unwrap());
    let denied_at = Timestamp::from_secs(1_000_000);
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

/// The node comes back first of three, to a store that is empty. Until the others are back it admits its share, however
/// often it is told that nobody used anything but itself.
fn g4_the_first_to_return_keeps_to_its_share(algorithm: Algorithm) {
    let mut world = World::new(algorithm);
    let start = Timestamp::from_secs(1_000_000);
    world.view.nodes = 3;
    let lasted = Duration::from_secs(1);
    for (mode, already) in [(Mode::Out { lasted }, 17), (Mode::Returning, 0)] {
        (world.group, world.record) = (Group::default(), Record::default());
        world.view.mode = mode;
        let isolated = (0..100).filter(|_| mode != Mode::Returning && world.ask(start));
        assert_eq!(isolated.count(), already, "{algorithm:?}");
        world.view.mode = Mode::Returning;
        let mut admitted = already;
        for tick in 0..20 {
            let now = start + Duration::from_millis(50 * tick);
            admitted += (0..10).filter(|_| world.ask(now)).count();
            world.call(0, now);
        }
        // A bucket's share lets 1.7 through in a second.
        assert!(admitted <= 19, "{algorithm:?}: {admitted} of a share of 17");
        world.view.mode = Mode::Connected;
        let now = start + Duration::from_secs(1);
        assert!(world.ask(now), "{algorithm:?}: the rest is for all");
    }
}

#[test]
fn g4_the_first_to_return_keeps_to_its_share_of_a_window() {
    g4_the_first_to_return_keeps_to_its_share(Algorithm::FixedWindow);
    g4_the_first_to_return_keeps_to_its_share(Algorithm::SlidingWindow);
}

#[test]
fn g4_the_first_to_return_keeps_to_its_share_of_a_bucket() {
    g4_the_first_to_return_keeps_to_its_share(Algorithm::TokenBucket);
}
