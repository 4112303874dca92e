//! Nodes over one shared store, a clock that follows tokio's, and faults.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use tidegate_clock::Clock;
use tidegate_core::shared::{NodeId, Reply};
use tidegate_core::{Algorithm, Decision, PolicyName, Quota, Rule, Timestamp};
use tidegate_store::{
    Capabilities, ErrorKind, Extent, Registry, Request, SharedStore, Store, StoreError,
    SyncRequest, async_trait,
};
use tidegate_store_memory::MemoryStore;
use tidegate_store_tiered::{Builder, TieredStore};
use tokio::time::{Instant, sleep};

/// Tokio's clock, which tests pause, as tidegate's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TokioClock {
    start: Instant,
    epoch: Timestamp,
}

impl TokioClock {
    pub(crate) fn new() -> Self {
        Self {
            start: Instant::now(),
            epoch: Timestamp::from_secs(20_000 * 86_400),
        }
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        self.epoch + self.start.elapsed()
    }
}

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
    fault: Arc<AtomicU8>,
    pub(crate) calls: Arc<AtomicU64>,
    told: Told,
    gives_up: Option<Duration>,
}

/// The subjects that were told of, in order.
pub(crate) type Told = Arc<Mutex<Vec<Vec<u8>>>>;

impl Faulty {
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

/// One node: its store, its own network, and what it admitted in each window.
pub(crate) struct Node {
    pub(crate) store: TieredStore<TokioClock>,
    fault: Arc<AtomicU8>,
    pub(crate) calls: Arc<AtomicU64>,
    pub(crate) told: Told,
}

/// Several nodes over one shared memory store.
pub(crate) struct World {
    pub(crate) clock: TokioClock,
    pub(crate) shared: Shared,
    pub(crate) nodes: Vec<Node>,
    /// After what time the store says that it gives up by itself; for nodes that are started from now on.
    pub(crate) gives_up: Option<Duration>,
    /// Admitted by all nodes, by window.
    pub(crate) admitted: BTreeMap<u64, u64>,
    /// The slowest answer.
    pub(crate) slowest: Duration,
    pub(crate) provenances: BTreeMap<&'static str, u64>,
}

/// How many policies the shared store takes in one request.
pub(crate) const MOST_POLICIES: usize = 6;
pub(crate) const DEADLINE: Duration = Duration::from_millis(50);
/// A store's own deadline begins when a call has reached it.
const LATER: Duration = Duration::from_millis(1);

impl World {
    pub(crate) fn new(nodes: usize) -> Self {
        let clock = TokioClock::new();
        let shared = Arc::new(RwLock::new(empty(clock)));
        let mut world = Self {
            clock,
            shared,
            nodes: Vec::new(),
            gives_up: None,
            admitted: BTreeMap::new(),
            slowest: Duration::ZERO,
            provenances: BTreeMap::new(),
        };
        for _ in 0..nodes {
            world.start_node(nodes);
        }
        world
    }

    pub(crate) fn start_node(&mut self, expected: usize) {
        self.start_patient_node(expected, DEADLINE);
    }

    pub(crate) fn start_patient_node(&mut self, expected: usize, deadline: Duration) {
        self.start(expected, |builder| builder.deadline(deadline));
    }

    /// A node that holds few subjects.
    pub(crate) fn start_small_node(&mut self, expected: usize, max_entries: usize) {
        self.start(expected, |builder| {
            builder.deadline(DEADLINE).max_entries(max_entries)
        });
    }

    fn start(
        &mut self,
        expected: usize,
        settings: impl FnOnce(Builder<TokioClock>) -> Builder<TokioClock>,
    ) {
        let (fault, calls) = (Arc::new(AtomicU8::new(0)), Arc::new(AtomicU64::new(0)));
        let faulty = Faulty {
            store: Arc::clone(&self.shared),
            fault: Arc::clone(&fault),
            calls: Arc::clone(&calls),
            told: Told::default(),
            gives_up: self.gives_up,
        };
        let told = Arc::clone(&faulty.told);
        let builder = TieredStore::builder(faulty)
            .clock(self.clock)
            .expected_nodes(u32::try_from(expected).unwrap());
        let store = settings(builder).build().unwrap();
        self.nodes.push(Node {
            store,
            fault,
            calls,
            told,
        });
    }

    /// The shared store loses everything.
    pub(crate) fn lose_everything(&self) {
        *self.shared.write().unwrap() = empty(self.clock);
    }

    pub(crate) fn set_fault(&self, fault: Fault) {
        for node in 0..self.nodes.len() {
            self.set_fault_of(node, fault);
        }
    }

    pub(crate) fn set_fault_of(&self, node: usize, fault: Fault) {
        self.nodes[node].fault.store(fault as u8, Ordering::SeqCst);
    }

    /// One request to a node.
    pub(crate) async fn ask(&mut self, node: usize, rules: &[Rule]) -> bool {
        let began = Instant::now();
        let request = Request::new("alice", rules);
        let decision = self.nodes[node].store.acquire(&request).await.unwrap();
        self.slowest = self.slowest.max(began.elapsed());
        *self
            .provenances
            .entry(decision.provenance().as_str())
            .or_default() += 1;
        if decision.is_allowed() {
            let window = rules[0].quota().window();
            let now = u128::from(self.clock.now().as_nanos());
            *self
                .admitted
                .entry(u64::try_from(now / window.as_nanos()).unwrap())
                .or_default() += 1;
        }
        decision.is_allowed()
    }

    /// Requests to all nodes by turns, by weight, every `every`, for `lasting`.
    pub(crate) async fn traffic(
        &mut self,
        rules: &[Rule],
        weights: &[usize],
        every: Duration,
        lasting: Duration,
    ) {
        let turns: Vec<usize> = weights
            .iter()
            .enumerate()
            .flat_map(|(node, weight)| std::iter::repeat_n(node, *weight))
            .collect();
        let end = Instant::now() + lasting;
        let mut turn = 0;
        while Instant::now() < end {
            self.ask(turns[turn % turns.len()], rules).await;
            turn += 7; // coprime to the number of turns used, so that nodes alternate
            sleep(every).await;
        }
    }

    /// The window that it is now.
    pub(crate) fn window(&self, rules: &[Rule]) -> u64 {
        let now = u128::from(self.clock.now().as_nanos());
        u64::try_from(now / rules[0].quota().window().as_nanos()).unwrap()
    }

    /// What the shared store counts in its current window.
    pub(crate) async fn stored(&self, rules: &[Rule]) -> u64 {
        let shared = Arc::clone(&self.shared.read().unwrap());
        let decision = shared.peek(&Request::new("alice", rules)).await.unwrap();
        decision.statuses()[0].usage().current()
    }

    /// How much is used of the first policy, as the shared store knows it.
    pub(crate) async fn used(&self, rules: &[Rule]) -> u64 {
        self.used_by("alice", rules).await
    }

    /// Of how many of the subjects `other-0`, `other-1` and so on the shared store knows anything.
    pub(crate) async fn subjects_used(&self, rules: &[Rule]) -> u64 {
        let mut count = 0;
        while self.used_by(&format!("other-{count}"), rules).await > 0 {
            count += 1;
        }
        count
    }

    pub(crate) async fn used_by(&self, subject: &str, rules: &[Rule]) -> u64 {
        let shared = Arc::clone(&self.shared.read().unwrap());
        let decision = shared.peek(&Request::new(subject, rules)).await.unwrap();
        rules[0].quota().capacity() - decision.statuses()[0].remaining()
    }

    /// How long until the next window begins.
    pub(crate) fn until_next_window(&self, rules: &[Rule]) -> Duration {
        let window = rules[0].quota().window().as_nanos();
        let into = u128::from(self.clock.now().as_nanos()) % window;
        Duration::from_nanos(u64::try_from(window - into).unwrap())
    }

    /// Waits for the beginning of the next window.
    pub(crate) async fn next_window(&self, rules: &[Rule]) {
        sleep(self.until_next_window(rules)).await;
    }
}

fn asks_too_much(request: &SyncRequest<'_>) -> bool {
    request.reports.len() > MOST_POLICIES
}

fn refused() -> StoreError {
    StoreError::new(ErrorKind::Unavailable, "connection refused")
}

fn empty(clock: TokioClock) -> Arc<MemoryStore<TokioClock>> {
    Arc::new(MemoryStore::builder().clock(clock).build().unwrap())
}

pub(crate) fn rules(limit: u64, window: Duration, algorithm: Algorithm) -> [Rule; 1] {
    let quota = Quota::new(limit, window)
        .unwrap()
        .with_algorithm(algorithm)
        .unwrap();
    [Rule::new(PolicyName::new("per-client").unwrap(), quota)]
}

/// All futures, polled together.
pub(crate) async fn join_all<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut futures: Vec<_> = futures
        .into_iter()
        .map(|future| (Box::pin(future), None))
        .collect();
    std::future::poll_fn(move |cx| {
        let mut waiting = false;
        for (future, output) in &mut futures {
            if output.is_none() {
                match future.as_mut().poll(cx) {
                    std::task::Poll::Ready(ready) => *output = Some(ready),
                    std::task::Poll::Pending => waiting = true,
                }
            }
        }
        if waiting {
            return std::task::Poll::Pending;
        }
        std::task::Poll::Ready(
            futures
                .iter_mut()
                .filter_map(|(_, output)| output.take())
                .collect(),
        )
    })
    .await
}
