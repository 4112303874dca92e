//! A memory store behind a network that fails on demand.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use tidegate_core::Decision;
use tidegate_core::shared::{NodeId, Reply};
use tidegate_store::{
    Capabilities, ErrorKind, Extent, Registry, Request, SharedStore, Store, StoreError,
    SyncRequest, async_trait,
};
use tidegate_store_memory::MemoryStore;
use tokio::time::sleep;

use crate::support::TokioClock;

/// How many policies the shared store takes in one request.
pub(crate) const MOST_POLICIES: usize = 6;
pub(crate) const DEADLINE: Duration = Duration::from_millis(50);
/// A store's own deadline begins when a call has reached it.
const LATER: Duration = Duration::from_millis(1);

/// What the network does to calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Fault {
    None,
    /// Calls are never answered, nor carried out.
    Hang,
    /// Calls fail at once.
    Refuse,
    /// The same, but reports are answered with an error for each subject.
    RefuseEach,
    /// Reports are answered with an error for each subject that does not pass by itself, registrations are carried out.
    CorruptEach,
    /// Reports about alice alone are answered with an error.
    RefuseAlice,
    /// Reports fail at once, all together, by the client's own doing.
    Overload,
    /// Calls are carried out, but the answer is lost.
    LoseReplies,
    /// The part of the store is lost that alice is in.
    LosePart,
    /// The part of the store hangs that alice is in, and the list of the nodes, and the store gives up at the deadline.
    HangPart,
    /// Calls take two seconds.
    Slow,
    /// Calls panic.
    Panic,
}

/// The shared store, which can be replaced by an empty one.
pub(crate) type Shared = Arc<RwLock<Arc<MemoryStore<TokioClock>>>>;

/// A memory store behind a network that fails. Clones have faults of their own.
pub(crate) struct Faulty {
    store: Shared,
    pub(crate) fault: Arc<AtomicU8>,
    pub(crate) calls: Arc<AtomicU64>,
    pub(crate) told: Told,
    gives_up: Option<Duration>,
}

/// The subjects that were told of, in order.
pub(crate) type Told = Arc<Mutex<Vec<Vec<u8>>>>;

impl Faulty {
    /// Without a fault. `gives_up`: after what time it says that it gives up by itself.
    pub(crate) fn new(store: Shared, gives_up: Option<Duration>) -> Self {
        Self {
            store,
            fault: Arc::default(),
            calls: Arc::default(),
            told: Told::default(),
            gives_up,
        }
    }

    fn store(&self) -> Arc<MemoryStore<TokioClock>> {
        Arc::clone(&self.store.read().unwrap())
    }

    async fn pass<T>(&self, call: impl Future<Output = T>) -> Result<T, StoreError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        sleep(Duration::from_micros(200)).await;
        match self.fault.load(Ordering::SeqCst) {
            fault if fault == Fault::Hang as u8 => std::future::pending().await,
            fault if fault == Fault::Refuse as u8 || fault == Fault::RefuseEach as u8 => {
                Err(refused())
            }
            // As a panic, but nothing is printed.
            fault if fault == Fault::Panic as u8 => {
                std::panic::resume_unwind(Box::new("the store panics"))
            }
            fault if fault == Fault::Slow as u8 => {
                sleep(Duration::from_secs(2)).await;
                Ok(call.await)
            }
            fault if fault == Fault::LoseReplies as u8 => {
                call.await;
                std::future::pending().await
            }
            _ => {
                let answer = call.await;
                sleep(Duration::from_micros(200)).await;
                Ok(answer)
            }
        }
    }
}

#[async_trait]
impl Store for Faulty {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            max_policies: Some(MOST_POLICIES),
            deadline: self.gives_up,
            ..self.store().capabilities()
        }
    }
    fn try_acquire(&self, _: &Request<'_>) -> Option<Result<Decision, StoreError>> {
        None
    }
    async fn acquire(&self, request: &Request<'_>) -> Result<Decision, StoreError> {
        self.pass(async { self.store().acquire(request).await })
            .await?
    }
    async fn peek(&self, request: &Request<'_>) -> Result<Decision, StoreError> {
        self.pass(async { self.store().peek(request).await })
            .await?
    }
    async fn refund(&self, request: &Request<'_>, decision: &Decision) -> Result<(), StoreError> {
        self.pass(async { self.store().refund(request, decision).await })
            .await?
    }
    async fn reset(&self, request: &Request<'_>) -> Result<(), StoreError> {
        self.pass(async { self.store().reset(request).await })
            .await?
    }
}

#[async_trait]
impl SharedStore for Faulty {
    async fn sync(
        &self,
        node: NodeId,
        batch: &[SyncRequest<'_>],
    ) -> Result<Vec<Result<Vec<Reply>, StoreError>>, StoreError> {
        let has = |fault: Fault| self.fault.load(Ordering::SeqCst) == fault as u8;
        if has(Fault::CorruptEach) {
            self.calls.fetch_add(1, Ordering::SeqCst);
            let corrupt = || StoreError::new(ErrorKind::Corrupt, "garbage");
            return Ok(batch.iter().map(|_| Err(corrupt())).collect());
        }
        if has(Fault::Overload) {
            self.calls.fetch_add(1, Ordering::SeqCst);
            // Else the paused clock would stand still while calls fail one after the other.
            sleep(Duration::from_micros(200)).await;
            return Err(StoreError::new(ErrorKind::Overloaded, "too many calls"));
        }
        let subjects = batch
            .iter()
            .map(|request| request.subject.as_bytes().into());
        self.told.lock().unwrap().extend(subjects);
        let answer = self.pass(async { self.store().sync(node, batch).await });
        match answer.await {
            Err(_) if has(Fault::RefuseEach) => Ok(batch.iter().map(|_| Err(refused())).collect()),
            Ok(Ok(mut answers)) if batch.iter().any(asks_too_much) => {
                for (request, answer) in batch.iter().zip(&mut answers) {
                    if asks_too_much(request) {
                        let many = "too many policies";
                        *answer = Err(StoreError::new(ErrorKind::Internal, many));
                    }
                }
                Ok(answers)
            }
            Ok(Ok(mut answers)) if has(Fault::LosePart) || has(Fault::HangPart) => {
                if has(Fault::HangPart) {
                    sleep(DEADLINE + LATER).await;
                }
                for (request, answer) in batch.iter().zip(&mut answers) {
                    if request.subject.as_bytes() == b"alice" {
                        *answer = Err(refused().with_extent(Extent::Part));
                    }
                }
                Ok(answers)
            }
            Ok(Ok(mut answers)) if has(Fault::RefuseAlice) => {
                for (request, answer) in batch.iter().zip(&mut answers) {
                    if request.subject.as_bytes() == b"alice" {
                        *answer = Err(refused());
                    }
                }
                Ok(answers)
            }
            answer => answer?,
        }
    }
    async fn register(&self, node: NodeId) -> Result<Registry, StoreError> {
        if self.fault.load(Ordering::SeqCst) == Fault::HangPart as u8 {
            self.calls.fetch_add(1, Ordering::SeqCst);
            sleep(DEADLINE + LATER).await;
            return Err(refused().with_extent(Extent::Part));
        }
        self.pass(async { self.store().register(node).await })
            .await?
    }
    async fn deregister(&self, node: NodeId) -> Result<(), StoreError> {
        self.pass(async { self.store().deregister(node).await })
            .await?
    }
}

fn asks_too_much(request: &SyncRequest<'_>) -> bool {
    request.reports.len() > MOST_POLICIES
}

fn refused() -> StoreError {
    StoreError::new(ErrorKind::Unavailable, "connection refused")
}

pub(crate) fn empty(clock: TokioClock) -> Arc<MemoryStore<TokioClock>> {
    Arc::new(MemoryStore::builder().clock(clock).build().unwrap())
}
