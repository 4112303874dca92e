//! How a node stands with the store, and what follows for the next request.

use std::time::Duration;

use tidegate_core::tiered::{Link, LinkConfig, Mode, View};
use tidegate_core::{Timestamp, Transition};

use crate::{START, VIEW};

fn after(millis: u64) -> Timestamp {
    START + Duration::from_millis(millis)
}

#[test]
fn g4_shares_hold_from_the_return_of_the_store_for_as_long_as_is_said_and_not_a_moment_more() {
    let mut link = Link::new(LinkConfig::default());
    assert_eq!(link.returning_until(), None);
    link.changed(Transition::Opened, after(0));
    assert_eq!(link.returning_until(), None, "nobody knows");
    link.changed(Transition::Opened, after(500));
    let lasted = Duration::from_millis(1_000);
    assert_eq!(link.view(after(1_000)).mode, Mode::Out { lasted });

    link.changed(Transition::Closed, after(1_000));
    assert_eq!(link.returning_until(), Some(after(6_000)));
    assert_eq!(link.view(after(5_999)).mode, Mode::Returning);
    assert_eq!(link.view(after(6_000)).mode, Mode::Connected);
    link.changed(Transition::Closed, after(7_000));
    assert_eq!(link.view(after(7_000)).mode, Mode::Connected);
}

#[test]
fn g4_whom_the_store_remembers_from_before_an_outage_is_not_back_for_that() {
    let config = LinkConfig {
        expected_nodes: 3,
        ..LinkConfig::default()
    };
    let back_at = |closed: u64, registered: &[u64]| {
        let mut link = Link::new(config);
        link.registered(3, after(0));
        link.changed(Transition::Opened, after(100));
        link.changed(Transition::Closed, after(closed));
        let back = registered.iter().find(|at| {
            link.registered(3, after(**at));
            link.view(after(**at)).mode == Mode::Connected
        });
        back.copied()
    };
    let silence = 100 + 4_000;
    assert_eq!(back_at(600, &[700, silence - 1, silence]), Some(silence));
    assert_eq!(
        back_at(9_000, &[9_001]),
        Some(9_001),
        "all have registered since"
    );
}

#[test]
fn l1_the_store_is_suspected_from_a_call_without_an_answer_until_one_is_answered() {
    let mut link = Link::new(LinkConfig::default());
    let suspected = |link: &Link| link.view(START).suspected;
    assert!(!suspected(&link));
    link.called(false);
    assert!(suspected(&link));
    link.called(true);
    assert!(!suspected(&link));
}

#[test]
fn g4_at_least_as_many_nodes_are_reckoned_with_as_are_expected_and_one_at_least() {
    let link = |expected_nodes| {
        Link::new(LinkConfig {
            expected_nodes,
            ..LinkConfig::default()
        })
    };
    assert_eq!(link(0).view(START).nodes, 1);
    assert_eq!(link(3).view(START).nodes, 3);
    let mut told = link(3);
    told.registered(2, START);
    assert_eq!(told.view(START).nodes, 3);
    told.registered(5, START);
    assert_eq!(told.view(START).nodes, 5);
}

#[test]
fn g2_the_slack_is_divided_among_all_nodes_and_among_two_until_a_node_is_known_to_be_alone() {
    let view = |nodes, alone| View {
        nodes,
        alone,
        ..VIEW
    };
    assert_eq!(view(5, false).slack_nodes(), 5);
    assert_eq!(view(2, false).slack_nodes(), 2);
    assert_eq!(view(1, false).slack_nodes(), 2);
    assert_eq!(view(1, true).slack_nodes(), 1);
}

#[test]
fn g2_in_an_outage_nobody_is_known_to_be_alone() {
    let mut link = Link::new(LinkConfig::default());
    for millis in [0, 6_000] {
        link.registered(1, after(millis));
    }
    assert!(link.view(after(6_000)).alone);
    link.changed(Transition::Opened, after(6_500));
    assert!(!link.view(after(6_500)).alone);
}

#[test]
fn g2_the_store_names_a_node_alone_until_anything_shows_the_contrary() {
    let mut link = Link::new(LinkConfig::default());
    assert!(!link.is_named_alone(), "it has not spoken yet");
    link.registered(1, after(0));
    assert!(link.is_named_alone());
    link.registered(2, after(1_000));
    assert!(!link.is_named_alone());
    link.registered(1, after(2_000));
    assert!(link.is_named_alone());
    link.noticed_others(after(2_500));
    assert!(!link.is_named_alone());
}
