//! The store, as the limiter may rely on it: it answers in time or fails, whatever it does.
//!
//! A store of a user's own may hang, panic, or answer what cannot be; each becomes a [`StoreError`]. Only a store
//! that blocks its thread cannot be helped.

use std::time::Duration;

use tidegate_core::{Decision, Provenance, Rule, Status};
use tidegate_store::{ErrorKind, Request, Store, StoreError};
use tokio::time::Instant;

use crate::bounded::{Unbounded, bounded};
use crate::panics::{Panicked, caught};

pub(crate) struct Guarded {
    store: Box<dyn Store>,
    deadline: Duration,
}

impl Guarded {
    pub(crate) fn new(store: Box<dyn Store>, deadline: Duration) -> Self {
        Self { store, deadline }
    }

    /// Whether the store decides on whole counts (G1).
    pub(crate) fn is_exact(&self) -> bool {
        self.store.capabilities().exact
    }

    /// Until when a call that begins now may take (L1).
    pub(crate) fn until(&self) -> Instant {
        Instant::now() + self.deadline
    }

    #[inline]
    pub(crate) fn try_acquire(
        &self,
        request: &Request<'_>,
    ) -> Option<Result<Decision, StoreError>> {
        match caught(|| self.store.try_acquire(request)) {
            Ok(Some(Ok(decision))) if answers(&decision, request) => Some(Ok(decision)),
            Ok(None) => None,
            Ok(Some(Ok(decision))) => Some(Err(nonsense(&decision, request))),
            Ok(Some(Err(error))) => Some(Err(error)),
            Err(panicked) => Some(Err(broke(panicked))),
        }
    }

    pub(crate) async fn acquire(
        &self,
        request: &Request<'_>,
        until: Instant,
    ) -> Result<Decision, StoreError> {
        // In a block of its own each: a store that is not written with async-trait may panic before it returns a
        // future.
        let decision = self.in_time(until, async { self.store.acquire(request).await });
        checked(decision.await?, request)
    }

    pub(crate) async fn peek(&self, request: &Request<'_>) -> Result<Decision, StoreError> {
        let decision = self.in_time(self.until(), async { self.store.peek(request).await });
        checked(decision.await?, request)
    }

    pub(crate) async fn refund(
        &self,
        request: &Request<'_>,
        decision: &Decision,
    ) -> Result<(), StoreError> {
        let call = async { self.store.refund(request, decision).await };
        self.in_time(self.until(), call).await
    }

    pub(crate) async fn reset(&self, request: &Request<'_>) -> Result<(), StoreError> {
        let call = async { self.store.reset(request).await };
        self.in_time(self.until(), call).await
    }

    async fn in_time<T>(
        &self,
        until: Instant,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        match bounded(until, call).await {
            Ok(result) => result,
            Err(Unbounded::Panicked(panicked)) => Err(broke(panicked)),
            Err(Unbounded::Late) => Err(StoreError::new(
                ErrorKind::Timeout,
                format!("no answer within the deadline of {:?}", self.deadline),
            )),
        }
    }
}

fn checked(decision: Decision, request: &Request<'_>) -> Result<Decision, StoreError> {
    if answers(&decision, request) {
        Ok(decision)
    } else {
        Err(nonsense(&decision, request))
    }
}

/// Whether the decision can be the answer to the request: it has its cost and its policies. A store that decides
/// outages itself may leave policies out then.
#[inline]
fn answers(decision: &Decision, request: &Request<'_>) -> bool {
    let statuses = decision.statuses();
    let same = statuses.len() == request.rules.len()
        && statuses.iter().zip(request.rules).all(is_of)
        && decision.cost() == request.cost;
    same || matches!(decision.provenance(), Provenance::Outage(_))
}

#[inline]
fn is_of((status, rule): (&Status, &Rule)) -> bool {
    let (answered, asked) = (status.name().as_str(), rule.name().as_str());
    // Nearly always the very same string.
    std::ptr::eq(answered, asked) || answered == asked
}

#[cold]
fn nonsense(decision: &Decision, request: &Request<'_>) -> StoreError {
    let answered: Vec<_> = decision.statuses().iter().map(Status::name).collect();
    let asked: Vec<_> = request.rules.iter().map(Rule::name).collect();
    let message = format!(
        "the store broke its contract: asked for a cost of {} under {asked:?}, it answered for a cost of {} under \
         {answered:?}; run the conformance suite against it",
        request.cost,
        decision.cost(),
    );
    StoreError::new(ErrorKind::Internal, message)
}

#[cold]
fn broke(panicked: Panicked) -> StoreError {
    let message = format!("the call to the store {panicked}");
    StoreError::new(ErrorKind::Internal, message).with_source(panicked)
}
