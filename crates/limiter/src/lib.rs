//! Rate limiting for an API on many nodes: policies, a store, and what people call.
//!
//! ```
//! use tidegate_limiter::{Limiter, Policy, Quota};
//! use tidegate_store_memory::MemoryStore;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let limiter = Limiter::builder(MemoryStore::new())
//!     .policy(Policy::new("per-client", Quota::per_minute(100)?))
//!     .build()?;
//!
//! let decision = limiter.check("203.0.113.7").await;
//! assert!(decision.is_allowed());
//! assert_eq!(decision.statuses()[0].remaining(), 99);
//! # Ok(())
//! # }
//! ```
//!
//! A [`Limiter`] asks a [`Store`] (one in memory, a shared server, or one of your own) under one or more
//! [`Policy`]s, all of them or none. It never answers with an error. A store that fails, hangs, panics, or
//! answers what cannot be is an outage; then each policy's setting decides, and the decision says so
//! ([`Provenance::Outage`]):
//!
//! | [`Fallback`] | in an outage | admitted per window, by N nodes together |
//! |---|---|---|
//! | `Share` | each node enforces its share of the limit L, by [`expected_nodes`](LimiterBuilder::expected_nodes) | at most L + N (G4) |
//! | `Full` | each node enforces the whole limit | at most N x L |
//! | `Open` | everything is admitted | unlimited |
//! | `Closed` | everything is denied, with 503 | nothing |
//!
//! [`Grace`] is one of them first, and another later. Several policies are combined all or nothing: one that is
//! closed denies, open ones take no part, the others are counted together.
//!
//! | you want | look at |
//! |---|---|
//! | to decide | [`Limiter::check`], and [`Limiter::try_check`] where nothing may be awaited |
//! | to look, give back, forget | [`Limiter::peek`], [`Limiter::refund`], [`Limiter::reset`] |
//! | to wait until there is room | [`Limiter::until_admitted`] |
//! | other limits for some subjects | [`Resolver`], [`AsyncResolver`], [`Limits`] |
//! | to change policies while running | [`Limiter::replace_policies`] |
//! | metrics and logs | [`Observer`], [`TracingObserver`] |

mod bounded;
mod builder;
mod clock;
mod derived;
mod engine;
mod error;
mod guarded;
mod limiter;
mod local;
mod name;
mod observer;
mod observers;
mod outage;
mod panics;
mod patience;
mod policy;
mod policy_set;
mod replaceable;
mod resolver;
mod share;
mod wait;

pub use builder::{LimiterBuilder, MAX_DEADLINE, MIN_DEADLINE};
pub use error::BuildError;
pub use limiter::Limiter;
pub use observer::{Event, Observer, Operation, TracingObserver};
pub use policy::Policy;
pub use resolver::{AsyncResolver, Limit, Limits, LookupError, LookupSettings, Resolver};
pub use tidegate_clock::{Clock, ManualClock, SystemClock};
pub use tidegate_core::{
    Algorithm, Decision, Fallback, Grace, MAX_COUNT, MAX_WINDOW, NameError, Outage, PolicyId,
    PolicyName, Provenance, Quota, QuotaError, Rule, Status, Subject, SubjectBuf, Timestamp,
    Tolerance, ToleranceError, UnknownName,
};
pub use tidegate_store::{Capabilities, ErrorKind, Request, Store, StoreError, async_trait};
pub use wait::{Wait, WaitError};
