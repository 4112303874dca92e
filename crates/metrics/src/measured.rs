//! A store whose calls are measured: how long they take, and what fails where no limiter sees it.

use std::time::Instant;

use async_trait::async_trait;
use metrics::Histogram;
use tidegate_core::Decision;
use tidegate_core::shared::{NodeId, Reply};
use tidegate_store::{
    Capabilities, Registry, Request, SharedStore, Store, StoreError, SyncRequest,
};

use crate::catalogue::{STORE_ERRORS, STORE_SECONDS};
use crate::recorder;

/// Measures the calls to a store: put it around a Redis store, alone or under a tiered one.
///
/// Only calls that are awaited are measured. [`Store::try_acquire`] answers in less time than measuring takes.
///
/// Failures of a store under a limiter are the limiter's to count
/// ([`MetricsObserver`](crate::MetricsObserver)); those of the calls that nodes share a store by, which no
/// limiter sees, are counted here, with the kind `abandoned` for a call that nobody waits for any more.
///
/// ```
/// use tidegate_limiter::{Limiter, Policy, Quota};
/// use tidegate_metrics::{Measured, MetricsObserver};
/// use tidegate_store_memory::MemoryStore;
///
/// let store = Measured::new(MemoryStore::new()); // RedisStore::connect("redis://...")?
/// let limiter = Limiter::builder(store)
///     .policy(Policy::new("per-client", Quota::per_minute(100)?))
///     .observer(MetricsObserver::new())
///     .build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Measured<S> {
    inner: S,
    acquire: Histogram,
    peek: Histogram,
    refund: Histogram,
    reset: Histogram,
    sync: Histogram,
    register: Histogram,
    deregister: Histogram,
}

impl<S> Measured<S> {
    /// Measures the calls to `inner`. The recorder must be installed before.
    pub fn new(inner: S) -> Self {
        let of = |op| recorder::histogram(&STORE_SECONDS, [op]);
        Self {
            inner,
            acquire: of("acquire"),
            peek: of("peek"),
            refund: of("refund"),
            reset: of("reset"),
            sync: of("sync"),
            register: of("register"),
            deregister: of("deregister"),
        }
    }

    /// The store itself.
    pub const fn inner(&self) -> &S {
        &self.inner
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: Store> Store for Measured<S> {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    #[inline]
    fn try_acquire(&self, request: &Request<'_>) -> Option<Result<Decision, StoreError>> {
        self.inner.try_acquire(request)
    }

    #[inline]
    fn try_acquire_into(
        &self,
        request: &Request<'_>,
        slot: &mut Option<Decision>,
    ) -> Result<(), StoreError> {
        self.inner.try_acquire_into(request, slot)
    }

    async fn acquire(&self, request: &Request<'_>) -> Result<Decision, StoreError> {
        let _time = Time::of(&self.acquire);
        self.inner.acquire(request).await
    }

    async fn peek(&self, request: &Request<'_>) -> Result<Decision, StoreError> {
        let _time = Time::of(&self.peek);
        self.inner.peek(request).await
    }

    async fn refund(&self, request: &Request<'_>, decision: &Decision) -> Result<(), StoreError> {
        let _time = Time::of(&self.refund);
        self.inner.refund(request, decision).await
    }

    async fn reset(&self, request: &Request<'_>) -> Result<(), StoreError> {
        let _time = Time::of(&self.reset);
        self.inner.reset(request).await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: SharedStore> SharedStore for Measured<S> {
    async fn sync(
        &self,
        node: NodeId,
        batch: &[SyncRequest<'_>],
    ) -> Result<Vec<Result<Vec<Reply>, StoreError>>, StoreError> {
        let end = End::of(&self.sync);
        let answer = self.inner.sync(node, batch).await;
        let answer = end.known(answer);
        answer
            .iter()
            .flatten()
            .flat_map(|r| r.as_ref().err())
            .for_each(failed);
        answer
    }

    async fn register(&self, node: NodeId) -> Result<Registry, StoreError> {
        let end = End::of(&self.register);
        end.known(self.inner.register(node).await)
    }

    async fn deregister(&self, node: NodeId) -> Result<(), StoreError> {
        let end = End::of(&self.deregister);
        end.known(self.inner.deregister(node).await)
    }
}

fn failed(error: &StoreError) {
    count_failure(error.kind().as_str());
}

fn count_failure(kind: &str) {
    recorder::counter(&STORE_ERRORS, [kind]).increment(1);
}

/// Records how long it lived.
struct Time<'a> {
    histogram: &'a Histogram,
    began: Instant,
}

impl<'a> Time<'a> {
    fn of(histogram: &'a Histogram) -> Self {
        Self {
            histogram,
            began: Instant::now(),
        }
    }
}

impl Drop for Time<'_> {
    fn drop(&mut self) {
        self.histogram.record(self.began.elapsed().as_secs_f64());
    }
}

/// As [`Time`], and counts the call as failed if it is, or if it is dropped before its end.
struct End<'a> {
    _time: Time<'a>,
    known: bool,
}

impl<'a> End<'a> {
    fn of(histogram: &'a Histogram) -> Self {
        Self {
            _time: Time::of(histogram),
            known: false,
        }
    }

    fn known<T>(mut self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        self.known = true;
        result.inspect_err(failed)
    }
}

impl Drop for End<'_> {
    fn drop(&mut self) {
        if !self.known {
            count_failure("abandoned");
        }
    }
}
