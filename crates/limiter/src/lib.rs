//! Rate limiting for an API on many nodes: policies, a store, and what people call.

mod bounded;
mod builder;
mod clock;
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
mod policy;
mod policy_set;
mod replaceable;
mod resolver;
mod share;
mod wait;

pub use builder::LimiterBuilder;
pub use error::BuildError;
pub use limiter::Limiter;
pub use observer::{Event, Observer, Operation, TracingObserver};
pub use policy::Policy;
pub use resolver::{AsyncResolver, Limit, Limits, LookupError, LookupSettings, Resolver};
pub use tidegate_clock::{Clock, ManualClock, SystemClock};
pub use tidegate_core::{
    Algorithm, Decision, Fallback, Grace, NameError, Outage, PolicyId, PolicyName, Provenance,
    Quota, QuotaError, Rule, Status, Subject, SubjectBuf, Timestamp, Tolerance, ToleranceError,
};
pub use tidegate_store::{Capabilities, ErrorKind, Request, Store, StoreError, async_trait};
pub use wait::{Wait, WaitError};
