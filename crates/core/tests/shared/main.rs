//! The shared counter: reports may be repeated, delayed and reordered, and the store may lose everything.

#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a test that cannot go on says where"
)]

mod buckets;
mod windows;

use std::time::Duration;

use proptest::prelude::*;
use tidegate_core::shared::{
    BucketReport, NodeId, Record, Reply, Report, Totals, WindowReport, sync,
};
use tidegate_core::{Algorithm, PolicyName, Quota, Rule, Timestamp};

const WINDOW: Duration = Duration::from_secs(60);
const START: Timestamp = Timestamp::from_secs(1_700_000_040);

fn rule(limit: u64, algorithm: Algorithm) -> Rule {
    let quota = Quota::new(limit, WINDOW)
        .unwrap()
        .with_algorithm(algorithm)
        .unwrap();
    Rule::new(PolicyName::new("p").unwrap(), quota)
}

fn node(number: u64) -> NodeId {
    NodeId::from_random(number)
}

fn windows(current: Totals, previous: Totals) -> Report {
    Report::Windows {
        current: WindowReport {
            start: START,
            totals: current,
        },
        previous: WindowReport {
            start: START - WINDOW,
            totals: previous,
        },
    }
}

fn tell(
    record: &mut Record,
    rule: &Rule,
    node: NodeId,
    report: Report,
    want: u64,
    now: Timestamp,
) -> Reply {
    sync(
        std::slice::from_mut(record),
        &[*rule],
        &[report],
        node,
        want,
        now,
    )[0]
}

fn any_totals() -> impl Strategy<Value = Totals> {
    (0..50u64, 0..50u64, 0..20u64).prop_map(|(local, granted, returned)| Totals {
        local: local + returned,
        granted,
        returned,
    })
}

/// One node's reports, each at least the one before.
fn any_reports() -> impl Strategy<Value = Vec<(u64, Totals, Totals)>> {
    prop::collection::vec((0..3u64, any_totals(), any_totals()), 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// G5: any order, any number of repetitions, the same record; and its total is the sum of the maxima.
    #[test]
    fn g5_reports_merge_in_any_order(reports in any_reports(), shuffled in any::<prop::sample::Index>(), again in prop::collection::vec(any::<prop::sample::Index>(), 0..10)) {
        let rule = rule(1_000_000, Algorithm::SlidingWindow);
        let (mut one, mut other) = (Record::default(), Record::default());
        for (n, current, previous) in &reports {
            tell(&mut one, &rule, node(*n), windows(*current, *previous), 0, START);
        }
        let mut order = reports.clone();
        order.rotate_left(shuffled.index(reports.len()));
        order.reverse();
        order.extend(again.iter().map(|index| reports[index.index(reports.len())]));
        for (n, current, previous) in order {
            tell(&mut other, &rule, node(n), windows(current, previous), 0, START);
        }
        prop_assert_eq!(&one, &other);
        let maxima = |pick: fn(&(u64, Totals, Totals)) -> Totals| (0..3).map(|n| {
            let of_node = reports.iter().filter(|report| report.0 == n).map(pick);
            of_node.fold(Totals::default(), Totals::merged).net()
        }).sum::<u64>();
        prop_assert_eq!(one.usage().current(), maxima(|report| report.1));
        prop_assert_eq!(one.usage().previous(), maxima(|report| report.2));
    }

    /// G6: a record that was lost is whole again when every node has reported, whatever their grants were.
    #[test]
    fn g6_a_lost_record_is_rebuilt(algorithm in prop_oneof![Just(Algorithm::FixedWindow), Just(Algorithm::TokenBucket)], locals in prop::collection::vec((0..30u64, 0..30u64), 1..5)) {
        let rule = rule(1_000, algorithm);
        let mut record = Record::default();
        let mut known = Vec::new();
        for (n, (local, want)) in locals.iter().enumerate() {
            let totals = Totals { local: *local, ..Totals::default() };
            let reply = tell(&mut record, &rule, node(n as u64), report(algorithm, totals, Reply { now: START, usage: Default::default(), mine: Totals::default(), mine_before: Totals::default(), got: 0, spent: 0 }), *want, START);
            prop_assert_eq!(reply.got, *want);
            known.push(reply);
        }
        // Everybody hears the final state, as a report within the interval would tell.
        for (n, heard) in known.iter_mut().enumerate() {
            *heard = tell(&mut record, &rule, node(n as u64), report(algorithm, heard.mine, *heard), 0, START);
        }
        let mut rebuilt = Record::default();
        for (n, heard) in known.iter().enumerate() {
            tell(&mut rebuilt, &rule, node(n as u64), report(algorithm, heard.mine, *heard), 0, START);
        }
        prop_assert_eq!(rebuilt.usage(), record.usage());
    }

    /// G1 on the shared record: what is granted never passes the limit, whoever asks and in what order.
    #[test]
    fn g1_grants_stay_within_the_limit(algorithm in prop_oneof![Just(Algorithm::FixedWindow), Just(Algorithm::TokenBucket)], limit in 1..100u64, wants in prop::collection::vec((0..4u64, 0..40u64), 1..20)) {
        let rule = rule(limit, algorithm);
        let mut record = Record::default();
        let nothing = match algorithm {
            Algorithm::TokenBucket => Report::Bucket(BucketReport::default()),
            _ => Report::NOTHING,
        };
        let mut granted = 0;
        for (n, want) in wants {
            let reply = tell(&mut record, &rule, node(n), nothing, want, START);
            prop_assert_eq!(reply.got, want.min(limit - granted));
            granted += reply.got;
        }
    }
}

/// What a node reports that has used `totals` and last heard `heard`.
fn report(algorithm: Algorithm, totals: Totals, heard: Reply) -> Report {
    match algorithm {
        Algorithm::TokenBucket => Report::Bucket(BucketReport {
            totals,
            acknowledged: heard.mine,
            heard: heard.usage.at(),
            since: START,
            isolated: false,
        }),
        _ => windows(totals, Totals::default()),
    }
}

#[test]
fn a_report_for_another_window_is_not_counted() {
    let rule = rule(100, Algorithm::FixedWindow);
    let mut record = Record::default();
    let totals = Totals {
        local: 5,
        ..Totals::default()
    };
    for start in [
        START - WINDOW * 2,
        START + WINDOW,
        START + Duration::from_nanos(1),
    ] {
        let stale = WindowReport { start, totals };
        tell(
            &mut record,
            &rule,
            node(1),
            Report::Windows {
                current: stale,
                previous: stale,
            },
            0,
            START,
        );
        assert_eq!(record.usage().current() + record.usage().previous(), 0);
    }
}

#[test]
fn windows_roll_on_with_their_nodes() {
    let rule = rule(100, Algorithm::SlidingWindow);
    let mut record = Record::default();
    let totals = Totals {
        local: 5,
        ..Totals::default()
    };
    tell(
        &mut record,
        &rule,
        node(1),
        windows(totals, Totals::default()),
        0,
        START,
    );
    let next = tell(
        &mut record,
        &rule,
        node(1),
        windows(totals, Totals::default()),
        0,
        START + WINDOW,
    );
    assert_eq!((next.usage.current(), next.usage.previous()), (0, 5));
    assert_eq!((next.mine, next.mine_before), (Totals::default(), totals));
    let later = tell(
        &mut record,
        &rule,
        node(2),
        Report::NOTHING,
        0,
        START + WINDOW * 2,
    );
    assert_eq!((later.usage.current(), later.usage.previous()), (0, 0));
    assert_eq!(
        record.totals(node(1)),
        Default::default(),
        "what is too old is forgotten"
    );
}

#[test]
fn several_policies_are_granted_together_or_not_at_all() {
    let rules = [
        rule(10, Algorithm::FixedWindow),
        rule(4, Algorithm::SlidingWindow),
    ];
    let mut records = [Record::default(), Record::default()];
    let replies = sync(
        &mut records,
        &rules,
        &[Report::NOTHING; 2],
        node(1),
        7,
        START,
    );
    assert_eq!(
        replies.iter().map(|reply| reply.got).collect::<Vec<_>>(),
        [4, 4]
    );
    assert_eq!(records[0].usage().current(), 4);
}
