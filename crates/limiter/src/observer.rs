//! Who is told what the limiter does: the hook for metrics and logs.

use std::time::Duration;

use tidegate_core::{Decision, Status};
use tidegate_store::StoreError;

/// Is told what the limiter does.
///
/// It is called on the path of requests, on whichever thread they run: it must be quick, and it must not wait.
/// Events never carry the subject, so that no key ends up in a metric's label or a log by accident.
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use tidegate_limiter::{Event, Observer};
///
/// #[derive(Default)]
/// struct Denials(AtomicU64);
///
/// impl Observer for Denials {
///     fn observe(&self, event: &Event<'_>) {
///         if let Event::Decided { decision, .. } = event {
///             self.0.fetch_add(u64::from(!decision.is_allowed()), Ordering::Relaxed);
///         }
///     }
/// }
/// ```
pub trait Observer: Send + Sync {
    /// Something happened.
    fn observe(&self, event: &Event<'_>);
}

impl<O: Observer + ?Sized> Observer for std::sync::Arc<O> {
    fn observe(&self, event: &Event<'_>) {
        (**self).observe(event);
    }
}

/// What the limiter did, or what happened to it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A request was decided. The decision says by which policies and how that is known.
    #[non_exhaustive]
    Decided {
        /// The decision.
        decision: &'a Decision,
        /// How long it took.
        took: Duration,
    },
    /// The store failed: an error, no answer in time, a panic, or an answer that cannot be.
    #[non_exhaustive]
    StoreFailed {
        /// What was asked of it.
        operation: Operation,
        /// How it failed.
        error: &'a StoreError,
    },
    /// The store does not answer any more: from now on outage settings decide.
    OutageBegan,
    /// The store answers again.
    #[non_exhaustive]
    OutageEnded {
        /// How long the outage was, from the first failure on.
        lasted: Duration,
    },
    /// A subject's own limits could not be looked up: the last known ones apply, or the policies' own.
    #[non_exhaustive]
    LookupFailed {
        /// What the resolver said.
        error: &'a (dyn std::error::Error + Send + Sync + 'static),
    },
}

/// What a store is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// To decide a request.
    Acquire,
    /// To look without charging.
    Peek,
    /// To give back.
    Refund,
    /// To forget.
    Reset,
}

impl Operation {
    /// The name that metrics and logs use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Acquire => "acquire",
            Self::Peek => "peek",
            Self::Refund => "refund",
            Self::Reset => "reset",
        }
    }
}

/// Writes events to [`tracing`]: allowed requests at trace level, denied ones and failures at debug level.
///
/// Outages are logged by the limiter itself, once when one begins and once when it ends, observer or not.
#[derive(Clone, Copy, Debug, Default)]
pub struct TracingObserver;

impl Observer for TracingObserver {
    fn observe(&self, event: &Event<'_>) {
        match event {
            Event::Decided { decision, took } if decision.is_allowed() => {
                tracing::trace!(mode = decision.provenance().as_str(), ?took, "allowed");
            }
            Event::Decided { decision, took } => {
                tracing::debug!(
                    mode = decision.provenance().as_str(),
                    policies = ?decision.violated().map(Status::name).collect::<Vec<_>>(),
                    retry_after = ?decision.retry_after(),
                    ?took,
                    "denied"
                );
            }
            Event::StoreFailed { operation, error } => {
                tracing::debug!(operation = operation.as_str(), %error, "the store failed");
            }
            Event::LookupFailed { error } => {
                tracing::debug!(%error, "a subject's limits could not be looked up");
            }
            Event::OutageBegan | Event::OutageEnded { .. } => {}
        }
    }
}
