//! The store, as the limiter may rely on it: it answers in time or fails, whatever it does.
//!
//! A store of a user's own may hang, panic, or answer what cannot be; each becomes a [`StoreError`]. Only a store
//! that blocks its thread cannot be helped.

use std::sync::Arc;
use std::time::Duration;

use tidegate_core::{Decision, Provenance, Rule, Status, Subject};
use tidegate_store::{Capabilities, ErrorKind, Request, Store, StoreError};
use tokio::runtime::Handle;
use tracing::Instrument;

use crate::bounded::{Unbounded, bounded};
use crate::observers::Observers;
use crate::panics::{Panicked, caught};
use crate::patience::Patience;
use crate::{Event, Operation};

pub(crate) struct Guarded {
    store: Arc<dyn Store>,
    capabilities: Capabilities,
    deadline: Duration,
    patience: Patience,
    observers: Observers,
}

impl Guarded {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        deadline: Duration,
        patience: Patience,
        observers: Observers,
    ) -> Self {
        Self {
            capabilities: store.capabilities(),
            store,
            deadline,
            patience,
            observers,
        }
    }

    pub(crate) fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// Puts the store's decision into `slot`, if it has one at once.
    ///
    /// A slot, and a boxed error, because nearly all the time that is spent here would be spent on moving bytes: a
    /// decision has some hundred of them.
    #[inline]
    pub(crate) fn try_acquire(
        &self,
        request: &Request<'_>,
        slot: &mut Option<Decision>,
    ) -> Result<(), Box<StoreError>> {
        let call = || match self.store.try_acquire_into(request, slot) {
            Ok(()) => match slot {
                Some(decision) if !answers(decision, request) => {
                    Err(Box::new(nonsense(decision, request)))
                }
                _ => Ok(()),
            },
            Err(error) => Err(Box::new(error)),
        };
        let asked = caught(call).unwrap_or_else(|panicked| Err(Box::new(broke(panicked))));
        asked.inspect_err(|error| self.failed(Operation::Acquire, error))
    }

    pub(crate) async fn acquire(&self, request: &Request<'_>) -> Result<Decision, StoreError> {
        // In a block of its own each: a store that is not written with async-trait may panic before it returns a
        // future.
        let call = async { checked(self.store.acquire(request).await?, request) };
        self.in_time(Operation::Acquire, request, call).await
    }

    pub(crate) async fn peek(&self, request: &Request<'_>) -> Result<Decision, StoreError> {
        let call = async { checked(self.store.peek(request).await?, request) };
        self.in_time(Operation::Peek, request, call).await
    }

    pub(crate) async fn refund(
        &self,
        request: &Request<'_>,
        decision: &Decision,
    ) -> Result<(), StoreError> {
        let call = async { self.store.refund(request, decision).await };
        self.in_time(Operation::Refund, request, call).await
    }

    pub(crate) async fn reset(&self, request: &Request<'_>) -> Result<(), StoreError> {
        let call = async { self.store.reset(request).await };
        self.in_time(Operation::Reset, request, call).await
    }

    /// The call's result, if there is one within the deadline (L1). A store that hangs is not even asked.
    async fn in_time<T>(
        &self,
        operation: Operation,
        request: &Request<'_>,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        if !self.patience.lasts() {
            self.probe(request);
            let message = "not asked, because it did not answer in time lately; probes go on";
            return Err(StoreError::new(ErrorKind::Unavailable, message));
        }
        let span = tracing::debug_span!("store", operation = operation.as_str());
        let call = bounded(self.deadline, call);
        let ended = call.instrument(span).await;
        self.patience.record(!matches!(ended, Err(Unbounded::Late)));
        let result = match ended {
            Ok(result) => result,
            Err(Unbounded::Panicked(panicked)) => Err(broke(panicked)),
            Err(Unbounded::Late) => Err(StoreError::new(
                ErrorKind::Timeout,
                format!("no answer within the deadline of {:?}", self.deadline),
            )),
        };
        result.inspect_err(|error| self.failed(operation, error))
    }

    /// Finds out in the background whether the store answers, if it is time to: by a look at the subject that was
    /// asked for. Any answer is one, an error too: the question is only whether it hangs.
    fn probe(&self, request: &Request<'_>) {
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        let Some(probe) = self.patience.probe() else {
            return;
        };
        let (store, deadline) = (Arc::clone(&self.store), self.deadline);
        let (subject, rules): (Box<[u8]>, Box<[Rule]>) =
            (request.subject.as_bytes().into(), request.rules.into());
        runtime.spawn(async move {
            let request = Request::new(Subject::new(&subject), &rules);
            let look = async { store.peek(&request).await };
            let ended = bounded(deadline, look).await;
            if !matches!(ended, Err(Unbounded::Late)) {
                probe.answered();
            }
        });
    }

    #[cold]
    fn failed(&self, operation: Operation, error: &StoreError) {
        self.observers
            .notify(&Event::StoreFailed { operation, error });
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
