//! The suite for shared stores: a correct store passes, and every wrong one is caught under the guarantee that
//! it breaks.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

#[path = "../caught/mod.rs"]
mod caught;
mod fault;
mod maps;
mod store;

use caught::assert_each_is_caught;
use fault::Fault;
use maps::Maps;
use tidegate_store::conformance::{self, Report};

fn report(fault: Fault) -> Report {
    pollster::block_on(conformance::run_shared(&Maps::new(fault)))
}

#[test]
fn a_correct_store_passes_both_suites() {
    report(Fault::None).assert_passed();
    pollster::block_on(conformance::run(&Maps::new(Fault::None))).assert_passed();
}

#[test]
fn what_the_fixture_cannot_do_is_left_out_and_named() {
    let report = pollster::block_on(conformance::run_shared(&Maps::that_lose_nothing()));
    report.assert_passed();
    let left_out: Vec<&str> = report.left_out().map(|(case, _)| case).collect();
    assert_eq!(
        left_out,
        [
            "windows_are_rebuilt_from_reports",
            "a_bucket_is_rebuilt_from_what_nodes_heard",
            "the_registry_is_rebuilt",
            "a_generation_is_known_to_all_and_lost_with_the_data"
        ]
    );
}

#[test]
fn a_store_that_says_no_generation_is_sound_and_what_it_lacks_is_named() {
    let report = report(Fault::SaysNoGeneration);
    report.assert_passed();
    let left_out: Vec<&str> = report.left_out().map(|(case, _)| case).collect();
    let expected = ["a_generation_is_known_to_all_and_lost_with_the_data"];
    assert_eq!(left_out, expected);
}

#[test]
fn every_wrong_store_is_caught_under_the_guarantee_that_it_breaks() {
    let faults = [
        (Fault::AddsReports, "G5", "a_repeated_report_counts_once"),
        (
            Fault::KeepsTheLastReport,
            "G5",
            "an_overtaken_report_changes_nothing",
        ),
        (
            Fault::ForgetsGrants,
            "G5",
            "a_grant_whose_answer_was_lost_is_told_again",
        ),
        (
            Fault::GrantsWhatIsWanted,
            "G1",
            "grants_reach_the_limit_and_no_further",
        ),
        (
            Fault::GrantsWhatIsWanted,
            "G1",
            "grants_to_concurrent_nodes_stay_within_the_limit",
        ),
        (
            Fault::GrantsAllOrNothing,
            "G1",
            "grants_reach_the_limit_and_no_further",
        ),
        (
            Fault::GrantsEachPolicyByItself,
            "G8",
            "several_policies_are_granted_together",
        ),
        (
            Fault::HeedsShadow,
            "G8",
            "policies_in_shadow_hold_nothing_back",
        ),
        (
            Fault::KeepsTwoCounts,
            "G1",
            "what_is_taken_directly_counts_for_nodes",
        ),
        (
            Fault::LeavesOutOwnPart,
            "G1",
            "what_is_taken_directly_counts_for_nodes",
        ),
        (
            Fault::DropsThePreviousWindow,
            "G6",
            "windows_are_rebuilt_from_reports",
        ),
        (
            Fault::CountsAnyWindow,
            "G5",
            "a_report_for_no_known_window_is_dropped",
        ),
        (
            Fault::CountsAnyWindow,
            "G5",
            "a_late_report_goes_into_its_own_window",
        ),
        (
            Fault::IgnoresReturns,
            "G5",
            "what_is_returned_is_free_again",
        ),
        (
            Fault::ForgetsNodesInAReset,
            "G5",
            "a_reset_is_not_undone_by_reports",
        ),
        (
            Fault::IgnoresWhatWasHeard,
            "G6",
            "a_bucket_is_rebuilt_from_what_nodes_heard",
        ),
        (
            Fault::RoundsNodeIds,
            "G9",
            "nodes_are_told_apart_by_all_bits",
        ),
        (Fault::AnswersBackwards, "G8", "answers_come_in_order"),
        (Fault::ForgetsTheSecondPolicy, "G8", "answers_come_in_order"),
        (
            Fault::TrimsSubjects,
            "G9",
            "subjects_are_told_apart_by_all_bytes",
        ),
        (Fault::Wraps, "G8", "the_largest_totals_do_not_wrap"),
        (Fault::RegistersTwice, "G2", "live_nodes_are_counted_once"),
        (
            Fault::IgnoresDeregistration,
            "G2",
            "live_nodes_are_counted_once",
        ),
        (
            Fault::ForgetsNodesAtOnce,
            "G2",
            "a_silent_node_is_forgotten_and_no_sooner",
        ),
        (
            Fault::NeverForgetsNodes,
            "G2",
            "a_silent_node_is_forgotten_and_no_sooner",
        ),
        (
            Fault::KeepsItsGeneration,
            "G6",
            "a_generation_is_known_to_all_and_lost_with_the_data",
        ),
        (
            Fault::TellsEachNodeAGenerationOfItsOwn,
            "G6",
            "a_generation_is_known_to_all_and_lost_with_the_data",
        ),
        (
            Fault::GrantsOneLessWhenReturnsWereMade,
            "G1",
            "agrees_with_core_on_random_histories",
        ),
    ];
    assert_each_is_caught(report, &faults);
}
