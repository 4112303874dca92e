//! The pure core of tidegate: what is counted, and what is decided from the counts.
//!
//! Everything here is a function of its arguments. Nothing reads a clock (`now` is an argument), draws a
//! random number, waits, or does I/O, so that a simulator can run millions of decisions on a virtual clock
//! with the very code that production runs. The crate is `no_std` with `alloc`.
//!
//! | you want | look at |
//! |---|---|
//! | to say how much is allowed | [`Quota`] |
//! | what is stored for a subject | [`Usage`] |
//! | to decide a request under several policies, all or nothing | [`decide`] |
//! | to read the answer | [`Decision`], [`Status`], [`Provenance`] |
//! | to name who is limited | [`Subject`], [`SubjectBuf`] |
//! | to stop asking a store that does not answer | [`Breaker`], [`Backoff`] |
//! | what a node may do without asking the store | [`tiered`] |
//! | the counter that nodes share | [`shared`] |
//!
//! ```
//! use tidegate_core::{decide, PolicyName, Quota, Rule, Timestamp, Usage};
//!
//! let rules = [Rule::new(PolicyName::new("per-client")?, Quota::per_minute(2)?)];
//! let mut usages = [Usage::default()];
//! let now = Timestamp::from_secs(1_700_000_000);
//!
//! assert!(decide(&rules, &mut usages, 1, now).is_allowed());
//! assert!(decide(&rules, &mut usages, 1, now).is_allowed());
//! let third = decide(&rules, &mut usages, 1, now);
//! assert!(!third.is_allowed());
//! assert!(third.retry_after().is_some());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![no_std]

extern crate alloc;
#[cfg(any(test, doctest))]
extern crate std;

mod algorithm;
mod backoff;
mod breaker;
mod closed;
mod decide;
mod decision;
mod name;
mod outage;
mod policy;
mod quota;
mod rule;
pub mod shared;
mod status;
mod subject;
pub mod tiered;
mod time;
mod tolerance;
mod usage;

pub use algorithm::sliding_window::Steps;
pub use backoff::Backoff;
pub use breaker::{Breaker, BreakerConfig, Outcome, ProbeId, Transition};
pub use decide::{charge, decide, give_back, look};
pub use decision::{Decision, Provenance};
pub use name::UnknownName;
pub use outage::{Fallback, Grace, Outage};
pub use policy::{NameError, PolicyId, PolicyName};
pub use quota::{
    Algorithm, MAX_COUNT, MAX_REFILL, MAX_WINDOW, MIN_INTERVAL, MIN_WINDOW, Quota, QuotaError,
};
pub use rule::Rule;
pub use status::Status;
pub use subject::{Subject, SubjectBuf};
pub use time::Timestamp;
pub use tolerance::{Tolerance, ToleranceError};
pub use usage::Usage;
