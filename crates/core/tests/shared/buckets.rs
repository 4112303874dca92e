//! A token bucket that nodes share.

use std::time::Duration;

use tidegate_core::shared::{BucketReport, Record, Reply, Report, Totals};
use tidegate_core::{Algorithm, Rule, Timestamp, Usage};

use crate::{START, WINDOW, node, rule, tell};

/// One a second, and sixty at once.
fn sixty() -> Rule {
    rule(60, Algorithm::TokenBucket)
}

/// A node tells that it used `local` in its life, the last of it at `since`, having last heard `heard`.
fn report(record: &mut Record, number: u64, local: u64, since: Timestamp, heard: Reply) -> Reply {
    let report = BucketReport {
        totals: Totals {
            local,
            ..heard.mine
        },
        acknowledged: heard.mine,
        heard: heard.usage.at(),
        since,
        isolated: false,
    };
    let now = since.max(heard.now);
    send(record, number, report, now)
}

/// A node's report arrives, and wants nothing.
fn send(record: &mut Record, number: u64, report: BucketReport, now: Timestamp) -> Reply {
    let report = Report::Bucket(report);
    tell(record, &sixty(), node(number), report, 0, now)
}

/// A node that has told nothing and heard nothing, at `now`.
fn unheard(now: Timestamp) -> Reply {
    Reply {
        now,
        usage: Usage::default(),
        mine: Totals::default(),
        mine_before: Totals::default(),
        got: 0,
        spent: 0,
    }
}

/// What somebody gets who wants as much as there is.
fn rest(record: &Record, now: Timestamp) -> u64 {
    let mut record = record.clone();
    tell(&mut record, &sixty(), node(99), Report::NOTHING, 60, now).got
}

#[test]
fn a_debt_after_an_outage_is_at_most_one_burst() {
    let mut record = Record::default();
    let totals = Totals {
        local: 5_000,
        ..Totals::default()
    };
    let report = BucketReport {
        totals,
        since: START,
        isolated: true,
        ..BucketReport::default()
    };
    let reply = send(&mut record, 1, report, START);
    assert_eq!(
        reply.usage.at(),
        START + WINDOW,
        "the bucket is empty, and full again after one refill"
    );
}

#[test]
fn a_bucket_is_charged_from_when_it_was_used() {
    let mut record = Record::default();
    let totals = Totals {
        local: 10,
        ..Totals::default()
    };
    let since = START - Duration::from_secs(4);
    let report = BucketReport {
        totals,
        since,
        ..BucketReport::default()
    };
    let reply = send(&mut record, 1, report, START);
    assert_eq!(
        reply.usage.at(),
        START + Duration::from_secs(6),
        "four of ten units have flowed in since"
    );
    let returned = BucketReport {
        totals: Totals {
            returned: 3,
            ..totals
        },
        acknowledged: reply.mine,
        heard: reply.usage.at(),
        ..report
    };
    let reply = send(&mut record, 1, returned, START);
    assert_eq!(reply.usage.at(), START + Duration::from_secs(3));
}

/// What a node uses and gives back before it has heard anything, and what it gives back long after it last heard.
#[test]
fn g2_no_more_is_given_back_than_was_missing_as_far_as_the_node_knew() {
    let both = |local, returned, since| BucketReport {
        totals: Totals {
            local,
            returned,
            ..Totals::default()
        },
        since,
        ..BucketReport::default()
    };
    let mut record = Record::default();
    let reply = send(&mut record, 1, both(10, 10, START), START);
    assert_eq!(reply.usage.at(), START, "all of it");

    let mut record = Record::default();
    let since = START - Duration::from_secs(4);
    let reply = send(&mut record, 1, both(10, 10, since), START);
    assert_eq!(reply.usage.at(), START, "six are missing, and come back");

    let heard = send(&mut record, 2, both(10, 0, START), START);
    assert_eq!(rest(&record, START), 50);
    let later = START + Duration::from_secs(7);
    let mine = BucketReport {
        totals: Totals {
            returned: 10,
            ..heard.mine
        },
        acknowledged: heard.mine,
        heard: heard.usage.at(),
        ..BucketReport::default()
    };
    assert_eq!(
        tell(&mut record, &sixty(), node(3), Report::NOTHING, 57, later).got,
        57
    );
    let reply = send(&mut record, 2, mine, later);
    assert_eq!(
        reply.usage.at(),
        later + Duration::from_secs(57),
        "the last three of ten"
    );
}

#[test]
fn g5_what_is_told_twice_or_granted_already_is_charged_once() {
    let mut record = Record::default();
    let granted = tell(&mut record, &sixty(), node(1), Report::NOTHING, 10, START);
    assert_eq!(
        (granted.got, granted.spent, granted.mine.granted),
        (10, 10, 10)
    );
    for _ in 0..2 {
        let reply = report(&mut record, 1, 5, START, granted);
        assert_eq!((reply.spent, rest(&record, START)), (15, 45));
    }
}

/// Twenty of thirty units have flowed in when the store loses its data. Two nodes know what was missing then.
#[test]
fn g6_a_bucket_that_was_lost_is_as_empty_as_was_last_said_whoever_tells_of_it() {
    let mut record = Record::default();
    report(&mut record, 1, 20, START, unheard(START));
    let second = report(&mut record, 2, 10, START, unheard(START));
    let first = report(
        &mut record,
        1,
        20,
        START,
        Reply {
            mine: Totals {
                local: 20,
                ..Totals::default()
            },
            ..second
        },
    );
    let later = START + Duration::from_secs(20);
    assert_eq!(rest(&record, later), 50);

    let mut rebuilt = Record::default();
    let nothing_new = |heard: Reply| Reply {
        now: later,
        ..heard
    };
    for _ in 0..2 {
        report(&mut rebuilt, 1, 20, Timestamp::EPOCH, nothing_new(first));
        report(&mut rebuilt, 2, 10, Timestamp::EPOCH, nothing_new(second));
        assert_eq!(rest(&rebuilt, later), 50);
    }
    // What one of them has used since is charged on top.
    report(&mut rebuilt, 1, 24, later, first);
    assert_eq!(rest(&rebuilt, later), 46);
}

/// While the store has what it was told, an old word of it takes nothing: what was given back since stays so.
#[test]
fn g3_an_old_word_of_the_store_empties_no_bucket_that_it_remembers() {
    let mut record = Record::default();
    let heard = report(&mut record, 1, 30, START, unheard(START));
    let returned = Totals {
        returned: 30,
        ..heard.mine
    };
    let back = BucketReport {
        totals: returned,
        acknowledged: heard.mine,
        heard: heard.usage.at(),
        ..BucketReport::default()
    };
    for _ in 0..2 {
        send(&mut record, 1, back, START);
        assert_eq!(rest(&record, START), 60);
    }
}

#[test]
fn l4_whatever_a_node_says_was_missing_a_unit_flows_in_within_a_window() {
    let mut record = Record::default();
    let told = Reply {
        usage: Usage::bucket(Timestamp::MAX),
        mine: Totals {
            local: 1,
            ..Totals::default()
        },
        ..unheard(START)
    };
    report(&mut record, 1, 1, START, told);
    assert_eq!(rest(&record, START + WINDOW), 1);
    // Nor does what was used beyond all bounds.
    report(&mut record, 2, u64::MAX, START, unheard(START));
    assert_eq!(rest(&record, START + WINDOW), 1);
}

/// G3: what was used flows in again from when it was used on, whoever else spoke to the store since.
#[test]
fn g3_a_node_that_used_nothing_does_not_delay_what_flows_in_for_others() {
    let mut record = Record::default();
    report(&mut record, 1, 0, START, unheard(START));
    let earlier = START - Duration::from_secs(4);
    report(&mut record, 2, 10, earlier, unheard(START));
    assert_eq!(rest(&record, START), 54, "four of ten are there again");
}
