//! When what runs in the background ends: its runtime is gone, or it panicked.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tidegate_clock::Clock;
use tidegate_core::shared::{NodeId, Reply};
use tidegate_core::{Algorithm, Decision, Rule, Timestamp, Tolerance};
use tidegate_store::{
    Capabilities, Registry, Request, SharedStore, Store, StoreError, SyncRequest, async_trait,
};
use tidegate_store_memory::MemoryStore;
use tidegate_store_tiered::TieredStore;
use tokio::runtime::{Builder, Runtime};
use tokio::task::yield_now;
use tokio::time::sleep;

use crate::support::{Fault, TokioClock, World, ms, rules, secs};

const LONG: Duration = secs(3_600);

fn runtime() -> Runtime {
    let mut builder = Builder::new_current_thread();
    builder.enable_all().start_paused(true).build().unwrap()
}

#[test]
fn l3_a_store_whose_runtime_is_gone_reports_in_the_next_one() {
    let rules = rules(1_000, LONG, Algorithm::FixedWindow);
    let first = runtime();
    let mut world = first.block_on(async {
        let mut world = World::new(2);
        sleep(ms(10)).await;
        // A call is under way when the runtime stops, and another is to come.
        world.set_fault(Fault::Hang);
        assert!(world.ask(0, &rules).await);
        sleep(ms(1)).await;
        assert!(world.ask(0, &rules).await);
        world
    });
    drop(first);
    world.set_fault(Fault::None);
    runtime().block_on(async {
        assert!(world.ask(0, &rules).await);
        sleep(secs(5)).await;
        assert_eq!(world.stored(&rules).await, 3);
    });
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_dropped_lets_go_of_the_shared_one_at_once() {
    let clock = TokioClock::new();
    let shared = Arc::new(MemoryStore::builder().clock(clock).build().unwrap());
    let builder = TieredStore::builder(Arc::clone(&shared)).clock(clock);
    let store = builder.build().unwrap();
    let rules = rules(1_000, LONG, Algorithm::FixedWindow);
    let _ = store.acquire(&Request::new("alice", &rules)).await;
    sleep(secs(1)).await;
    drop(store);
    // No time passes.
    for _ in 0..10 {
        yield_now().await;
    }
    assert_eq!(Arc::strong_count(&shared), 1);
}

/// A clock that fails once.
#[derive(Clone)]
struct Shaky {
    clock: TokioClock,
    fails: Arc<AtomicBool>,
}

impl Clock for Shaky {
    fn now(&self) -> Timestamp {
        // As a panic, but nothing is printed.
        if self.fails.swap(false, Ordering::SeqCst) {
            std::panic::resume_unwind(Box::new("the clock fails"));
        }
        self.clock.now()
    }
}

#[tokio::test(start_paused = true)]
async fn l3_a_driver_that_panicked_starts_anew() {
    let (clock, fails) = (TokioClock::new(), Arc::new(AtomicBool::new(false)));
    let shared = Arc::new(MemoryStore::builder().clock(clock).build().unwrap());
    let shaky = Shaky {
        clock,
        fails: Arc::clone(&fails),
    };
    let builder = TieredStore::builder(Arc::clone(&shared)).clock(shaky);
    let store = builder.build().unwrap();
    let rules = rules(1_000, LONG, Algorithm::FixedWindow);
    let used = async || {
        let decision = shared.peek(&Request::new("alice", &rules)).await.unwrap();
        decision.statuses()[0].usage().current()
    };
    let ask = async || store.acquire(&Request::new("alice", &rules)).await.unwrap();
    for told in 1..20 {
        assert!(ask().await.is_allowed());
        fails.store(true, Ordering::SeqCst);
        // Only the driver looks at the clock meanwhile.
        sleep(ms(100)).await;
        assert!(!fails.load(Ordering::SeqCst));
        assert!(store.try_acquire(&Request::new("bob", &rules)).is_some());
        sleep(secs(2)).await;
        assert_eq!(used().await, told);
    }
}

/// A store that is not written with async-trait, and panics before it returns a future.
struct Abrupt {
    store: MemoryStore<TokioClock>,
    panics: Arc<AtomicBool>,
}

type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

impl Abrupt {
    fn perhaps(&self) {
        if self.panics.load(Ordering::SeqCst) {
            std::panic::resume_unwind(Box::new("the store panics"));
        }
    }
}

#[async_trait]
impl Store for Abrupt {
    fn capabilities(&self) -> Capabilities {
        self.store.capabilities()
    }
    fn try_acquire(&self, request: &Request<'_>) -> Option<Result<Decision, StoreError>> {
        self.store.try_acquire(request)
    }
    async fn acquire(&self, request: &Request<'_>) -> Result<Decision, StoreError> {
        self.store.acquire(request).await
    }
    async fn peek(&self, request: &Request<'_>) -> Result<Decision, StoreError> {
        self.store.peek(request).await
    }
    async fn refund(&self, request: &Request<'_>, decision: &Decision) -> Result<(), StoreError> {
        self.store.refund(request, decision).await
    }
    async fn reset(&self, request: &Request<'_>) -> Result<(), StoreError> {
        self.store.reset(request).await
    }
}

impl SharedStore for Abrupt {
    fn sync<'a, 'b, 'c, 'e>(
        &'a self,
        node: NodeId,
        batch: &'b [SyncRequest<'c>],
    ) -> Answer<'e, Vec<Result<Vec<Reply>, StoreError>>>
    where
        'a: 'e,
        'b: 'e,
        'c: 'e,
    {
        self.perhaps();
        self.store.sync(node, batch)
    }
    fn register<'a, 'e>(&'a self, node: NodeId) -> Answer<'e, Registry>
    where
        'a: 'e,
    {
        self.perhaps();
        self.store.register(node)
    }
    fn deregister<'a, 'e>(&'a self, node: NodeId) -> Answer<'e, ()>
    where
        'a: 'e,
    {
        self.perhaps();
        self.store.deregister(node)
    }
}

#[tokio::test(start_paused = true)]
async fn l3_a_store_that_panics_before_it_returns_a_future_is_used_again() {
    let clock = TokioClock::new();
    let panics = Arc::new(AtomicBool::new(true));
    // Not behind an Arc, which would return a future of its own.
    let shared = Abrupt {
        store: MemoryStore::builder().clock(clock).build().unwrap(),
        panics: Arc::clone(&panics),
    };
    let builder = TieredStore::builder(shared).clock(clock);
    let store = builder.build().unwrap();
    let exact = rules(1_000, LONG, Algorithm::FixedWindow);
    let exact: [Rule; 1] = exact.map(|rule| rule.with_tolerance(Tolerance::EXACT));
    let request = Request::new("alice", &exact);
    for _ in 0..20 {
        let decision = store.acquire(&request).await.unwrap();
        assert!(decision.is_unavailable(), "{decision:?}");
        sleep(ms(100)).await;
    }
    panics.store(false, Ordering::SeqCst);
    sleep(secs(6)).await;
    let decision = store.acquire(&request).await.unwrap();
    assert_eq!(decision.provenance().as_str(), "store", "{decision:?}");
    panics.store(true, Ordering::SeqCst);
    let left = store.shutdown(secs(1)).await;
    assert_eq!(left.subjects, 0);
}
