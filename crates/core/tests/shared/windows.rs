//! Windows that nodes share, as time goes on, and back.

use tidegate_core::shared::{Record, Report, Totals};
use tidegate_core::{Algorithm, Usage};

use crate::{START, WINDOW, node, rule, tell, windows};

const FIVE: Totals = Totals {
    local: 5,
    granted: 0,
    returned: 0,
};

#[test]
fn g8_what_says_nothing_and_gets_nothing_leaves_no_trace() {
    for algorithm in [Algorithm::FixedWindow, Algorithm::SlidingWindow] {
        let rule = rule(10, algorithm);
        let mut record = Record::default();
        record.bring_forward(rule.quota(), START);
        let before = record.clone();
        tell(&mut record, &rule, node(1), Report::NOTHING, 0, START);
        assert_eq!(record, before, "{algorithm}");
    }
}

/// Or else a subject's record would hold every node that there ever was.
#[test]
fn r1_nodes_that_used_nothing_in_two_windows_are_forgotten() {
    let rule = rule(10, Algorithm::SlidingWindow);
    let mut record = Record::default();
    let told = windows(FIVE, Totals::default());
    tell(&mut record, &rule, node(1), told, 0, START);
    let later = START + WINDOW * 2;
    record.bring_forward(rule.quota(), later);
    let mut fresh = Record::default();
    fresh.bring_forward(rule.quota(), later);
    assert_eq!(record, fresh);
}

#[test]
fn g7_a_clock_that_steps_back_over_a_boundary_has_nothing_counted_again() {
    let rule = rule(10, Algorithm::FixedWindow);
    let mut record = Record::default();
    let told = windows(FIVE, Totals::default());
    tell(&mut record, &rule, node(1), told, 0, START);
    let before = START - WINDOW;
    record.bring_forward(rule.quota(), before);
    assert_eq!(record.usage(), Usage::window(before, 5, 0));
    assert_eq!(record.totals(node(1)), (FIVE, Totals::default()));
    tell(&mut record, &rule, node(1), told, 0, START - WINDOW);
    assert_eq!(record.usage().current(), 5);

    // After a step of an hour nothing is known of that time.
    record.bring_forward(rule.quota(), START - WINDOW * 60);
    assert_eq!(record.totals(node(1)), Default::default());
}

/// A reset, or a decision that another store takes on the same count.
#[test]
fn g5_what_a_node_told_before_a_reset_is_not_counted_after_it() {
    let rule = rule(10, Algorithm::FixedWindow);
    let mut record = Record::default();
    let told = windows(FIVE, Totals::default());
    tell(&mut record, &rule, node(1), told, 0, START);
    record.set_usage(rule.quota(), Usage::window(START, 2, 0), START);
    assert_eq!(record.usage().current(), 2);
    tell(&mut record, &rule, node(1), told, 0, START);
    assert_eq!(record.usage().current(), 2);
    let six = Totals { local: 6, ..FIVE };
    tell(
        &mut record,
        &rule,
        node(1),
        windows(six, Totals::default()),
        0,
        START,
    );
    assert_eq!(record.usage().current(), 3);

    record.set_usage(rule.quota(), Usage::window(START, 2, 0), START + WINDOW);
    assert_eq!(
        record.usage(),
        Usage::window(START + WINDOW, 0, 2),
        "of that window"
    );
}
