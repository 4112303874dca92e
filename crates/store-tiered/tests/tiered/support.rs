//! Nodes over one shared store that fails on demand, and a clock that follows tokio's.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use tidegate_clock::Clock;
use tidegate_core::{Algorithm, PolicyName, Quota, Rule, Timestamp};
use tidegate_store::{Request, Store};
use tidegate_store_tiered::{Builder, TieredStore};
use tokio::time::{Instant, sleep};

use crate::faulty::empty;
pub(crate) use crate::faulty::{DEADLINE, Fault, Faulty, MOST_POLICIES, Shared, Told};

/// So many milliseconds.
pub(crate) const fn ms(number: u64) -> Duration {
    Duration::from_millis(number)
}

/// So many seconds.
pub(crate) const fn secs(number: u64) -> Duration {
    Duration::from_secs(number)
}

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
        let faulty = Faulty::new(Arc::clone(&self.shared), self.gives_up);
        let (fault, calls) = (Arc::clone(&faulty.fault), Arc::clone(&faulty.calls));
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
