//! Why a limiter was not built: which value, and what is allowed.

use std::time::Duration;

use tidegate_core::NameError;

/// Why a limiter was not built, or its policies not replaced.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// No policy was given.
    #[error("no policies: give at least one, with `.policy(Policy::new(name, quota))`")]
    NoPolicies,
    /// A policy's name is not allowed.
    #[error("policy {name:?}: {reason}")]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        reason: NameError,
    },
    /// Two policies have the same name.
    #[error(
        "policy {name:?} is there twice: every policy of a limiter needs a name of its own, because the name \
         tells their counts apart"
    )]
    DuplicateName {
        /// The name.
        name: String,
    },
    /// Two policies' counters would have the same identity, though their names differ.
    #[error(
        "policies {first:?} and {second:?} happen to get the same 64-bit identity: rename one of them"
    )]
    SameIdentity {
        /// The one's name.
        first: String,
        /// The other's name.
        second: String,
    },
    /// More policies than the store can hold a request to.
    #[error(
        "{given} policies: the store takes at most {most} in one request; leave some out, or put them into a limiter of \
         their own"
    )]
    TooManyPolicies {
        /// How many were given.
        given: usize,
        /// How many the store takes.
        most: usize,
    },
    /// A deadline that is too short or too long.
    #[error("deadline {deadline:?} is out of range: it must be 1ms to 60s")]
    Deadline {
        /// What was given.
        deadline: Duration,
    },
    /// A deadline before that of a store which decides outages by itself: it would never be heard then.
    #[error(
        "deadline {deadline:?} is shorter than the store's own, {store:?}: this store decides by itself when it has waited \
         that long, and must be heard; give it a deadline of {deadline:?} or less, or leave the limiter's out"
    )]
    DeadlineBeforeStore {
        /// What was given.
        deadline: Duration,
        /// The store's.
        store: Duration,
    },
    /// No nodes.
    #[error("expected_nodes 0 is out of range: it must be at least 1, this node")]
    NoNodes,
    /// No local entries, or more than a table can hold.
    #[error("local entries: {0}")]
    LocalEntries(tidegate_store_memory::BuildError),
    /// A setting of the resolver's cache is out of range.
    #[error("the resolver's {setting} {value} is out of range: it must be {allowed}")]
    Lookup {
        /// Which setting.
        setting: &'static str,
        /// What was given.
        value: String,
        /// What is allowed.
        allowed: &'static str,
    },
}
