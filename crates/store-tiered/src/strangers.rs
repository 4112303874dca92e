//! Subjects that came when the table was full: what nobody remembers of them (R1) must not make an exact policy loose (G1).

use std::sync::atomic::Ordering;
use std::time::Duration;

use tidegate_clock::Clock;
use tidegate_core::tiered::Mode;
use tidegate_core::{Decision, Provenance, Rule, Timestamp};
use tidegate_store::{ErrorKind, Extent, Request, StoreError};
use tokio::time::timeout;

use crate::inner::Inner;
use crate::panics::caught;

/// How many of their requests may ask the store at once (R4); further ones are decided by the outage setting.
pub(crate) const MOST_ASKING: usize = 4_096;

impl<C: Clock> Inner<C> {
    /// Decides on the overflow counter. `None`: the store must be asked itself, since a policy is exact and other nodes may
    /// have used it up.
    #[cold]
    pub(crate) fn overflow(&self, request: &Request<'_>, now: Timestamp) -> Option<Decision> {
        let out = self.out_for(now);
        let exact = |rule: &Rule| rule.tolerance().is_exact() && !rule.is_shadow();
        if out.is_none() && request.rules.iter().any(exact) {
            return None;
        }
        Some(self.decide_overflow(request, out, now))
    }

    /// Asks the store itself, for at most the deadline. If it does not answer, the outage settings decide.
    pub(crate) async fn ask_for_stranger(&self, request: &Request<'_>) -> Decision {
        let answer = match self.asking.try_acquire() {
            Ok(_place) => self.acquire_directly(request).await,
            Err(_) => Err(overloaded()),
        };
        answer.unwrap_or_else(|error| {
            // The breaker counts it or not: nobody tries again.
            let _ = self.failed(&error);
            let now = self.now();
            let out = match error.extent() {
                Extent::Part => self.membership.part_lost_for(now),
                Extent::Whole => self.out_for(now).unwrap_or_default(),
            };
            self.decide_overflow(request, Some(out), now)
        })
    }

    /// Gives back what was charged for a subject that there is nothing of in the table.
    pub(crate) async fn refund_stranger(
        &self,
        request: &Request<'_>,
        decision: &Decision,
    ) -> Result<(), StoreError> {
        if decision.provenance() != Provenance::Store {
            return Ok(());
        }
        let call = caught(|| self.store.refund(request, decision));
        let answer = timeout(self.deadline, call).await;
        answer.unwrap_or_else(|_| Err(self.late()))
    }

    async fn acquire_directly(&self, request: &Request<'_>) -> Result<Decision, StoreError> {
        self.counters.calls.fetch_add(1, Ordering::Relaxed);
        let sent = self.clock.now();
        let call = caught(|| self.store.acquire(request));
        let answer = timeout(self.deadline, call).await;
        let decision = answer.unwrap_or_else(|_| Err(self.late()))?;
        let received = self.clock.now();
        self.membership.answered(sent, decision.at(), received);
        Ok(decision)
    }

    fn decide_overflow(
        &self,
        request: &Request<'_>,
        out: Option<Duration>,
        now: Timestamp,
    ) -> Decision {
        self.counters.overflowed.fetch_add(1, Ordering::Relaxed);
        let nodes = self.membership.view(now).nodes;
        self.overflow.decide(request, out, nodes, now)
    }

    /// For how long the store has not answered, if it does not.
    fn out_for(&self, now: Timestamp) -> Option<Duration> {
        match self.membership.view(now).mode {
            Mode::Out { lasted } => Some(lasted),
            Mode::Connected | Mode::Returning => None,
        }
    }

    /// There was no answer in time.
    pub(crate) fn late(&self) -> StoreError {
        let message = format!("no answer within {:?}", self.deadline);
        StoreError::new(ErrorKind::Timeout, message)
    }
}

fn overloaded() -> StoreError {
    let message = format!("{MOST_ASKING} requests of subjects that find no room ask already");
    StoreError::new(ErrorKind::Overloaded, message)
}
