//! The store itself, under the contract that every store keeps.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use tidegate_clock::{Clock, SystemClock};
use tidegate_core::tiered::Group;
use tidegate_core::{Decision, Provenance, Rule};
use tidegate_store::{Capabilities, Request, SharedStore, Store, StoreError};
use tidegate_table::Digest;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use crate::Builder;
use crate::driver::start;
use crate::inner::{AtOnce, Inner};
use crate::shutdown::{Unsent, shut_down};
use crate::stats::TieredStats;

/// A store that decides in memory and shares its counts. See the [crate](crate)'s documentation.
///
/// Its background task runs in the tokio runtime in which the store is made, or first used if it is made outside of
/// one; should that runtime stop, in the next one in which the store is used. It stops when the store is dropped; [`shutdown`](Self::shutdown) first sends what is unsent.
pub struct TieredStore<C: Clock = SystemClock> {
    inner: Arc<Inner<C>>,
}

impl TieredStore {
    /// A tiered store above a shared one, with the default settings.
    pub fn new(store: impl SharedStore + 'static) -> Self {
        Builder::new(Arc::new(store)).build_default()
    }

    /// Makes one with other settings.
    pub fn builder(store: impl SharedStore + 'static) -> Builder {
        Builder::new(Arc::new(store))
    }
}

impl<C: Clock> TieredStore<C> {
    pub(crate) fn start(inner: Inner<C>) -> Self {
        let store = Self {
            inner: Arc::new(inner),
        };
        store.ensure_started();
        store
    }

    /// Sends what is unsent, for at most `within`, and says goodbye to the other nodes. Returns what could not be sent
    /// (L7). Requests are still decided afterwards, as if the shared store were gone, and no longer reported.
    pub async fn shutdown(&self, within: Duration) -> Unsent {
        shut_down(&self.inner, within).await
    }

    /// How it stands, and what it has done.
    pub fn stats(&self) -> TieredStats {
        let inner = &self.inner;
        let view = inner.membership.view(inner.now());
        let table = inner.table.stats();
        let local = inner.clock.now();
        TieredStats {
            mode: view.mode,
            nodes: view.nodes,
            share: inner.recent.share(view.nodes, local),
            overshoot: inner.recent.overshoot(local),
            lag: inner.membership.heard_at().map(|at| local.since(at)),
            entries: table.entries,
            max_entries: table.capacity,
            evicted: table.evicted,
            pending: inner.agenda.len(),
            calls: inner.counters.calls.load(Ordering::Relaxed),
            dropped: inner.counters.dropped.load(Ordering::Relaxed),
            overflowed: inner.counters.overflowed.load(Ordering::Relaxed),
        }
    }

    #[inline]
    fn ensure_started(&self) {
        if !self.inner.started.load(Ordering::Relaxed) {
            start(&self.inner);
        }
    }

    async fn wait(
        &self,
        request: &Request<'_>,
        ticket: u64,
        answer: oneshot::Receiver<Decision>,
    ) -> Decision {
        let deadline = Instant::now() + self.inner.deadline;
        let digest = self.inner.table.digest(request.subject.as_bytes());
        let mut place = Place {
            inner: &self.inner,
            digest,
            ticket: Some(ticket),
        };
        let mut answer = answer;
        if let Ok(Ok(decision)) = timeout_at(deadline, &mut answer).await {
            place.ticket = None;
            return decision;
        }
        // Answered at the last moment, perhaps.
        let answered = place.give_up(request).or_else(|| answer.try_recv().ok());
        answered.unwrap_or_else(|| self.decide_unknown(request))
    }

    /// Decides by the outage settings for a subject of which nothing is known any more.
    fn decide_unknown(&self, request: &Request<'_>) -> Decision {
        let now = self.inner.now();
        let (mut group, view) = (Group::default(), self.inner.membership.view(now));
        let _ = group.look(request.rules, 0, now, &mut self.inner.intern_for());
        group.decide_without_store(request.rules, request.cost, &view, false, now)
    }

    fn with_group<T>(
        &self,
        request: &Request<'_>,
        work: impl FnOnce(&mut Group, tidegate_core::Timestamp) -> T,
    ) -> Option<T> {
        let digest = self.inner.table.digest(request.subject.as_bytes());
        self.inner
            .with_known(digest, |held, _, now| (work(&mut held.group, now), None))
    }
}

/// A request's place in the queue, which it leaves when its future is dropped (L6).
struct Place<'a, C: Clock> {
    inner: &'a Inner<C>,
    digest: Digest,
    ticket: Option<u64>,
}

impl<C: Clock> Place<'_, C> {
    /// Leaves the queue and is decided by the outage settings; nothing if it was answered already.
    fn give_up(&mut self, request: &Request<'_>) -> Option<Decision> {
        let ticket = self.ticket.take()?;
        let decided = self.inner.with_known(self.digest, |held, view, now| {
            let decision = held.leave(ticket).map(|waiter| {
                let unanswered = waiter.call.is_some();
                let (rules, cost) = (request.rules, request.cost);
                held.group
                    .decide_without_store(rules, cost, view, unanswered, now)
            });
            (decision, None)
        });
        decided.flatten()
    }
}

impl<C: Clock> Drop for Place<'_, C> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.inner
                .with_known(self.digest, |held, _, _| (held.leave(ticket), None));
        }
    }
}

#[async_trait]
impl<C: Clock> Store for TieredStore<C> {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            exact: false,
            immediate: true,
            max_entries: u64::try_from(self.inner.table.stats().capacity).ok(),
            max_policies: self.inner.store.capabilities().max_policies,
            deadline: Some(self.inner.deadline),
            ..Capabilities::EXACT
        }
    }

    #[inline]
    fn try_acquire(&self, request: &Request<'_>) -> Option<Result<Decision, StoreError>> {
        let mut slot = None;
        self.try_acquire_into(request, &mut slot)
            .map(|()| slot)
            .transpose()
    }

    #[inline]
    fn try_acquire_into(
        &self,
        request: &Request<'_>,
        slot: &mut Option<Decision>,
    ) -> Result<(), StoreError> {
        self.ensure_started();
        self.inner.try_decide_into(request, slot);
        Ok(())
    }

    async fn acquire(&self, request: &Request<'_>) -> Result<Decision, StoreError> {
        self.ensure_started();
        match self.inner.decide_or_wait(request) {
            AtOnce::Decided(decision) => Ok(decision),
            AtOnce::Waits(ticket, answer) => Ok(self.wait(request, ticket, answer).await),
            AtOnce::NoRoom => Ok(self.inner.ask_for_stranger(request).await),
        }
    }

    async fn peek(&self, request: &Request<'_>) -> Result<Decision, StoreError> {
        let mut intern = self.inner.intern_for();
        let (rules, cost) = (request.rules, request.cost);
        let known = self.with_group(request, |group, now| {
            group.look(rules, cost, now, &mut intern)
        });
        Ok(known.unwrap_or_else(|| {
            let mut intern = self.inner.intern_for();
            Group::default().look(rules, cost, self.inner.now(), &mut intern)
        }))
    }

    async fn refund(&self, request: &Request<'_>, decision: &Decision) -> Result<(), StoreError> {
        if decision.provenance() == Provenance::Overflow {
            let now = self.inner.now();
            self.inner.overflow.give_back(request.rules, decision, now);
            return Ok(());
        }
        let known = self.with_group(request, |group, now| {
            group.give_back(request.rules, decision, now);
        });
        match known {
            Some(()) => Ok(()),
            None => self.inner.refund_stranger(request, decision).await,
        }
    }

    async fn reset(&self, request: &Request<'_>) -> Result<(), StoreError> {
        // What this node admitted so far is told first: told later, it would count again, since its totals go on.
        let digest = self.inner.table.digest(request.subject.as_bytes());
        self.inner.tell(digest, request.rules).await;
        self.inner.store.reset(request).await?;
        let rules: &[Rule] = request.rules;
        self.with_group(request, |group, now| group.forget(rules, now));
        Ok(())
    }
}

impl<C: Clock> fmt::Debug for TieredStore<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TieredStore")
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

impl<C: Clock> Drop for TieredStore<C> {
    fn drop(&mut self) {
        self.inner.stopping.store(true, Ordering::Release);
        self.inner.agenda.wake();
    }
}
