//! Limits per subject: a customer's plan instead of the policy's own quota.

mod limits;

pub use limits::{Limit, Limits};

use std::error::Error;
use std::time::Duration;

use async_trait::async_trait;
use tidegate_core::Subject;

/// Knows a subject's own limits, at once: from memory. It is asked for every request.
///
/// Closures are resolvers:
///
/// ```
/// use tidegate_limiter::{Limit, Limits, Quota, Subject};
///
/// let premium = Quota::per_minute(1000)?;
/// let resolver = move |subject: Subject<'_>| match subject.as_bytes() {
///     b"our-own-monitoring" => Limits::all(Limit::Unlimited),
///     name if name.starts_with(b"premium-") => Limits::new().with("per-client", premium),
///     _ => Limits::new(),
/// };
/// # fn takes(_: impl tidegate_limiter::Resolver) {}
/// # takes(resolver);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Resolver: Send + Sync {
    /// The subject's limits.
    fn limits(&self, subject: Subject<'_>) -> Limits;
}

impl<F: Fn(Subject<'_>) -> Limits + Send + Sync> Resolver for F {
    fn limits(&self, subject: Subject<'_>) -> Limits {
        self(subject)
    }
}

/// Why a lookup failed.
pub type LookupError = Box<dyn Error + Send + Sync>;

/// Looks a subject's own limits up where that takes time: in a database. Its answers are cached as
/// [`LookupSettings`] say.
#[async_trait]
pub trait AsyncResolver: Send + Sync {
    /// The subject's limits.
    async fn limits(&self, subject: Subject<'_>) -> Result<Limits, LookupError>;
}

/// How an [`AsyncResolver`]'s answers are cached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LookupSettings {
    /// How long an answer is good. 60 seconds.
    pub time_to_live: Duration,
    /// How many subjects' answers are kept. 100 000.
    pub capacity: u64,
    /// How long a request waits for its subject's answer before it goes on without. 100 ms.
    pub deadline: Duration,
}

impl Default for LookupSettings {
    fn default() -> Self {
        Self {
            time_to_live: Duration::from_secs(60),
            capacity: 100_000,
            deadline: Duration::from_millis(100),
        }
    }
}
