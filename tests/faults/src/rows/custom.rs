//! A store of somebody's own under the tiered one: it panics, hangs for ever, or answers nonsense.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tidegate_core::shared::{NodeId, Reply};
use tidegate_core::{Decision, Provenance, Rule};
use tidegate_store::{
    Capabilities, Registry, Request, SharedStore, Store, StoreError, SyncRequest, async_trait,
};
use tidegate_store_memory::MemoryStore;
use tidegate_store_tiered::TieredStore;
use tidegate_test_servers::wait::{State, until};

use super::{Proof, Row};
use crate::figures::Figures;
use crate::scene::{DEADLINE, rules};

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "store-panics",
        about: "a store of one's own panics in every call",
        proof: Proof::Made(|_| survive(Mode::Panics)),
    },
    Row {
        name: "store-hangs",
        about: "a store of one's own never answers",
        proof: Proof::Made(|_| survive(Mode::Hangs)),
    },
    Row {
        name: "store-lies",
        about: "a store of one's own answers too little, or for others",
        proof: Proof::Made(|_| survive(Mode::Lies)),
    },
    Row {
        name: "store-behind-limiter",
        about: "the same, asked for every request",
        proof: Proof::Tests(&[(
            "crates/limiter/tests/limiter/deadline.rs",
            "l1_a_store_that_hangs_for_ever_is_not_waited_for_every_time",
        )]),
    },
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Works,
    Panics,
    Hangs,
    Lies,
}

/// A store that works until it is told not to.
#[derive(Clone)]
struct Broken {
    store: Arc<MemoryStore>,
    mode: Arc<AtomicU8>,
}

impl Broken {
    fn set(&self, mode: Mode) {
        self.mode.store(mode as u8, Ordering::SeqCst);
    }

    /// Whether it is to lie; otherwise it works.
    async fn lies(&self) -> bool {
        let is = |mode: Mode| self.mode.load(Ordering::SeqCst) == mode as u8;
        if is(Mode::Panics) {
            // As a panic, but nothing is printed, which would take longer than anything that is measured here.
            std::panic::resume_unwind(Box::new("the store of one's own panics"));
        }
        if is(Mode::Hangs) {
            std::future::pending::<()>().await;
        }
        is(Mode::Lies)
    }
}

#[async_trait]
impl Store for Broken {
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

#[async_trait]
impl SharedStore for Broken {
    async fn sync(
        &self,
        node: NodeId,
        batch: &[SyncRequest<'_>],
    ) -> Result<Vec<Result<Vec<Reply>, StoreError>>, StoreError> {
        if self.lies().await {
            let mut replies = self.store.sync(node, batch).await?;
            if fastrand::bool() {
                replies.pop();
            } else {
                replies.iter_mut().for_each(|reply| *reply = Ok(Vec::new()));
            }
            return Ok(replies);
        }
        self.store.sync(node, batch).await
    }

    async fn register(&self, node: NodeId) -> Result<Registry, StoreError> {
        let lies = self.lies().await;
        let registry = self.store.register(node).await?;
        Ok(Registry {
            nodes: if lies { 0 } else { registry.nodes },
            ..registry
        })
    }

    async fn deregister(&self, node: NodeId) -> Result<(), StoreError> {
        self.lies().await;
        self.store.deregister(node).await
    }
}

/// Every answer comes in time while the store is broken, and as usual when it is whole again.
fn survive(mode: Mode) -> Result<Figures> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("no runtime")?;
    let broken = Broken {
        store: Arc::new(MemoryStore::new()),
        mode: Arc::default(),
    };
    let store = {
        let _inside = runtime.enter();
        TieredStore::builder(broken.clone())
            .expected_nodes(3)
            .build()?
    };
    // Exact, so that every request is put to the store.
    let rules = rules()?.map(|rule| {
        rule.with_tolerance(tidegate_core::Tolerance::EXACT)
            .with_outage(tidegate_core::Outage::SHARE)
    });
    let ask = |number: u32| -> Result<(Decision, Duration)> {
        let subject = format!("subject-{}", number % 5);
        let began = Instant::now();
        let request = Request::new(subject.as_str(), &rules as &[Rule]);
        Ok((runtime.block_on(store.acquire(&request))?, began.elapsed()))
    };
    let (first, _) = ask(0)?;
    ensure!(first.is_allowed(), "a store that works denies: {first:?}");
    broken.set(mode);
    let (mut longest, mut out) = (Duration::ZERO, 0);
    for number in 0..300 {
        let (decision, took) = ask(number)?;
        longest = longest.max(took);
        out += u32::from(matches!(decision.provenance(), Provenance::Outage(_)));
    }
    ensure!(out > 0, "the store was not missed");
    ensure!(
        longest < DEADLINE + Duration::from_millis(400),
        "L1: {longest:?}"
    );
    broken.set(Mode::Works);
    let whole = Instant::now();
    until("the store to be used again", || {
        for number in 0..5 {
            let (decision, _) = ask(number)?;
            if matches!(decision.provenance(), Provenance::Outage(_)) {
                return Ok(State::NotYet(format!("{decision:?} {:?}", store.stats())));
            }
        }
        Ok(State::Holds)
    })?;
    Ok(Figures {
        longest: Some(longest),
        healed: Some(whole.elapsed()),
        note: format!("{out} of 300 decided by the outage setting"),
        ..Figures::default()
    })
}
