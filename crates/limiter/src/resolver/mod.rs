//! Limits per subject: a customer's plan instead of the policy's own quota.

mod applied;
mod flights;
mod limits;
mod lookups;
mod settings;
mod source;

pub use limits::{Limit, Limits};
pub use settings::LookupSettings;

pub(crate) use applied::{Applied, Rules};
pub(crate) use source::Source;

use std::error::Error;

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
    ///
    /// # Errors
    ///
    /// If they cannot be had: the last known ones are used then, or the policies' own quotas.
    async fn limits(&self, subject: Subject<'_>) -> Result<Limits, LookupError>;
}

/// Async closures that take the subject's bytes are resolvers:
///
/// ```
/// use tidegate_limiter::{Limits, LookupError, Quota};
///
/// # async fn plan_of(customer: &[u8]) -> Result<u64, LookupError> { Ok(1000) }
/// let resolver = |customer: Vec<u8>| async move {
///     let per_minute = plan_of(&customer).await?;
///     Ok(Limits::new().with("per-client", Quota::per_minute(per_minute)?))
/// };
/// # fn takes(_: impl tidegate_limiter::AsyncResolver) {}
/// # takes(resolver);
/// ```
#[async_trait]
impl<F, Fut> AsyncResolver for F
where
    F: Fn(Vec<u8>) -> Fut + Send + Sync,
    Fut: Future<Output = Result<Limits, LookupError>> + Send,
{
    async fn limits(&self, subject: Subject<'_>) -> Result<Limits, LookupError> {
        self(subject.as_bytes().to_vec()).await
    }
}
