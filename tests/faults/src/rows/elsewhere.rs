//! Faults of a program's own making, and bad input: proved by tests of other packages.

use super::{Proof, Row};

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "odd-keys",
        about: "keys that are long, not UTF-8, with braces, colons, zeros and line ends",
        proof: Proof::Tests(&[
            (
                "crates/http/tests/keys.rs",
                "g9_what_is_long_is_hashed_and_told_apart_all_the_same",
            ),
            (
                "crates/store-redis/src/key.rs",
                "g9_different_subjects_or_policies_have_different_names",
            ),
            (
                "crates/store-redis/src/key.rs",
                "g9_a_subject_makes_one_whole_hash_tag_and_no_other",
            ),
        ]),
    },
    Row {
        name: "odd-costs",
        about: "costs of 0, above the limit, of 2^64-1; quotas out of range",
        proof: Proof::Tests(&[
            (
                "crates/limiter/tests/limiter/check.rs",
                "g8_costs_of_every_size_are_answered",
            ),
            ("crates/core/tests/survival.rs", "g8_any_input_is_survived"),
        ]),
    },
    Row {
        name: "dropped",
        about: "futures dropped at every await",
        proof: Proof::Tests(&[
            (
                "crates/limiter/tests/limiter/dropped.rs",
                "l6_a_dropped_check_is_counted_at_most_once",
            ),
            (
                "crates/store-tiered/tests/tiered/waiting.rs",
                "l6_a_dropped_request_counts_at_most_once_and_its_grant_is_given_back",
            ),
            (
                "tests/servers/tests/bounds.rs",
                "l6_a_dropped_call_gives_its_place_back_and_counts_at_most_once",
            ),
        ]),
    },
    Row {
        name: "late-replies",
        about: "a late reply is never taken for another call's; a lost one is counted at most once",
        proof: Proof::Tests(&[
            (
                "tests/servers/tests/outage/exactly_once.rs",
                "g5_late_replies_are_nobody_elses",
            ),
            (
                "tests/servers/tests/outage/exactly_once.rs",
                "g5_a_call_whose_answer_was_lost_counts_at_most_once",
            ),
        ]),
    },
    Row {
        name: "odd-records",
        about: "any bytes in the place of a record, without a tiered store",
        proof: Proof::Tests(&[
            (
                "tests/servers/tests/survival.rs",
                "l4_a_key_of_another_type",
            ),
            (
                "tests/servers/tests/survival.rs",
                "l4_a_value_that_is_no_record",
            ),
            (
                "tests/servers/tests/survival.rs",
                "l4_a_record_with_any_byte_changed",
            ),
            (
                "tests/servers/tests/survival.rs",
                "l4_a_record_without_expiry_or_with_one_that_is_too_late",
            ),
        ]),
    },
];
