//! All cases, by what they are about.

mod counting;
mod identity;
mod lifecycle;
mod model;
mod policies;

use super::{Bench, Case, Checked};
use crate::Store;

/// Names a case: its guarantee, its function, and what a store must be able to do for it.
macro_rules! case {
    ($guarantee:literal, $module:ident :: $name:ident) => {
        case!($guarantee, $module::$name, always)
    };
    ($guarantee:literal, $module:ident :: $name:ident, $needs:ident) => {
        Case {
            guarantee: $guarantee,
            name: stringify!($name),
            left_out: $needs,
            run: |bench| Box::pin($module::$name(bench)),
        }
    };
}

pub(super) const ALL: &[Case] = &[
    case!("G1", counting::admits_the_limit_and_no_more),
    case!("G1", counting::counts_the_cost),
    case!("G1", counting::admits_the_limit_to_concurrent_calls),
    case!(
        "G1",
        counting::admits_the_limit_to_parallel_threads,
        immediate
    ),
    case!("G1", counting::charges_once_when_it_answers_at_once),
    case!("G1", counting::largest_and_smallest_quotas),
    case!("G1", counting::says_that_the_store_decided, exact),
    case!("G1", model::agrees_with_core_on_random_histories, exact),
    case!("G8", counting::remaining_falls_by_the_cost),
    case!("G8", counting::a_denied_request_changes_no_count),
    case!("G8", counting::a_cost_of_zero_takes_nothing),
    case!("G8", counting::a_cost_above_the_limit_is_never_admitted),
    case!("G8", counting::looking_takes_nothing),
    case!("G8", policies::are_charged_all_or_none),
    case!("G8", policies::in_shadow_refuse_nothing),
    case!("G8", policies::three_at_once),
    case!("G9", identity::every_subject_has_its_own_counter),
    case!("G9", identity::every_policy_has_its_own_counter),
    case!("G9", identity::a_new_limit_keeps_the_count),
    case!("G9", identity::nothing_is_forgotten_among_many),
    case!("L5", lifecycle::waiting_as_told_is_rewarded),
    case!("L4", lifecycle::an_exhausted_subject_is_admitted_again),
    case!("L6", lifecycle::a_dropped_call_counts_at_most_once),
    case!("G8", lifecycle::a_refund_gives_back_what_was_taken, refunds),
    case!("G8", lifecycle::a_refund_of_a_denial_gives_nothing, refunds),
    case!(
        "G5",
        lifecycle::a_late_refund_leaves_later_windows_alone,
        refunds
    ),
    case!(
        "G8",
        lifecycle::a_reset_forgets_one_subject_under_the_policies_named
    ),
    case!("R1", lifecycle::a_flood_resets_nobody, bounded),
];

fn always(_: &dyn Store) -> Option<&'static str> {
    None
}

fn exact(store: &dyn Store) -> Option<&'static str> {
    (!store.capabilities().exact).then_some("the store does not claim to be exact")
}

fn immediate(store: &dyn Store) -> Option<&'static str> {
    (!store.capabilities().immediate).then_some("the store does not answer at once")
}

fn refunds(store: &dyn Store) -> Option<&'static str> {
    (!store.capabilities().refund).then_some("the store does not give back")
}

fn bounded(store: &dyn Store) -> Option<&'static str> {
    match store.capabilities().max_entries {
        None => Some("the store has no bound of its own"),
        Some(max) if max > 100_000 => {
            Some("its bound is above 100000 entries: give the suite a smaller one")
        }
        Some(_) => None,
    }
}
