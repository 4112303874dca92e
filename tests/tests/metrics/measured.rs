//! What is measured of a store, and that measuring changes nothing.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tidegate_core::shared::{NodeId, Reply};
use tidegate_limiter::{
    Capabilities, Decision, ErrorKind, Limiter, ManualClock, Policy, Quota, Request, Store,
    StoreError, async_trait,
};
use tidegate_metrics::{Measured, MetricsObserver};
use tidegate_store::conformance::{Fixture, SharedFixture, run, run_shared};
use tidegate_store::{Registry, SharedStore, SyncRequest};
use tidegate_store_memory::MemoryStore;
use tidegate_tests::Flaky;

use crate::{recorded, wait};

#[derive(Default)]
struct Memory(ManualClock);

#[async_trait]
impl Fixture for Memory {
    type Store = Measured<MemoryStore<ManualClock>>;

    fn window(&self) -> Duration {
        Duration::from_secs(60)
    }

    async fn fresh(&self) -> Result<Self::Store, StoreError> {
        let builder = MemoryStore::builder().max_entries(10_000);
        Ok(Measured::new(
            builder.clock(self.0.clone()).build().unwrap(),
        ))
    }

    async fn advance(&self, by: Duration) {
        self.0.advance(by);
    }
}

#[async_trait]
impl SharedFixture for Memory {
    fn silence(&self) -> Duration {
        Duration::from_secs(4)
    }

    fn can_lose(&self) -> bool {
        false
    }

    async fn lose_everything(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[test]
fn a_measured_store_keeps_the_contract_of_what_it_measures() {
    pollster::block_on(run(&Memory::default())).assert_passed();
    pollster::block_on(run_shared(&Memory::default())).assert_passed();
}

#[test]
fn calls_that_are_awaited_are_timed_and_a_limiters_failures_are_counted_once() {
    recorded(|seen| {
        let limiter = Limiter::builder(Measured::new(Flaky::down(MemoryStore::new())))
            .policy(Policy::new("p", Quota::per_hour(5).unwrap()))
            .observer(MetricsObserver::new())
            .build()
            .unwrap();
        let _ = wait(limiter.check("alice"));
        let _ = wait(limiter.peek("alice"));
        let _ = wait(limiter.reset("alice"));
        for op in ["acquire", "peek", "reset"] {
            seen.assert(
                &format!(r#"tidegate_store_seconds_count{{op="{op}"}}"#),
                "1",
            );
        }
        seen.assert(r#"tidegate_store_errors_total{kind="unavailable"}"#, "3");
    });
}

/// A shared store that fails: at once as a whole, for one of its subjects, or never, because it hangs.
enum Shared {
    Fails,
    FailsForOne,
    Hangs,
}

impl Shared {
    fn error() -> StoreError {
        StoreError::new(ErrorKind::Refused, "told to fail")
    }
}

#[async_trait]
impl Store for Shared {
    fn capabilities(&self) -> Capabilities {
        Capabilities::EXACT
    }

    fn try_acquire(&self, _: &Request<'_>) -> Option<Result<Decision, StoreError>> {
        None
    }

    async fn acquire(&self, _: &Request<'_>) -> Result<Decision, StoreError> {
        Err(Self::error())
    }

    async fn peek(&self, _: &Request<'_>) -> Result<Decision, StoreError> {
        Err(Self::error())
    }

    async fn refund(&self, _: &Request<'_>, _: &Decision) -> Result<(), StoreError> {
        Err(Self::error())
    }

    async fn reset(&self, _: &Request<'_>) -> Result<(), StoreError> {
        Err(Self::error())
    }
}

#[async_trait]
impl SharedStore for Shared {
    async fn sync(
        &self,
        _: NodeId,
        _: &[SyncRequest<'_>],
    ) -> Result<Vec<Result<Vec<Reply>, StoreError>>, StoreError> {
        match self {
            Self::Fails => Err(Self::error()),
            Self::FailsForOne => Ok(vec![
                Ok(Vec::new()),
                Err(StoreError::new(ErrorKind::Corrupt, "told to be")),
            ]),
            Self::Hangs => std::future::pending().await,
        }
    }

    async fn register(&self, _: NodeId) -> Result<Registry, StoreError> {
        Err(Self::error())
    }

    async fn deregister(&self, _: NodeId) -> Result<(), StoreError> {
        Err(Self::error())
    }
}

const NODE: NodeId = NodeId::from_random(7);

#[test]
fn what_fails_under_a_tiered_store_is_counted_because_no_limiter_sees_it() {
    recorded(|seen| {
        let store = Measured::new(Shared::Fails);
        pollster::block_on(store.sync(NODE, &[])).unwrap_err();
        pollster::block_on(store.register(NODE)).unwrap_err();
        pollster::block_on(store.deregister(NODE)).unwrap_err();
        seen.assert(r#"tidegate_store_errors_total{kind="refused"}"#, "3");
        for op in ["sync", "register", "deregister"] {
            seen.assert(
                &format!(r#"tidegate_store_seconds_count{{op="{op}"}}"#),
                "1",
            );
        }
        let store = Measured::new(Shared::FailsForOne);
        assert_eq!(pollster::block_on(store.sync(NODE, &[])).unwrap().len(), 2);
        seen.assert(r#"tidegate_store_errors_total{kind="corrupt"}"#, "1");
    });
}

#[test]
fn a_call_that_nobody_waits_for_any_more_is_abandoned() {
    recorded(|seen| {
        let store = Measured::new(Shared::Hangs);
        {
            let mut call = pin!(store.sync(NODE, &[]));
            let mut cx = Context::from_waker(Waker::noop());
            assert!(matches!(call.as_mut().poll(&mut cx), Poll::Pending));
        }
        seen.assert(r#"tidegate_store_errors_total{kind="abandoned"}"#, "1");
        seen.assert(r#"tidegate_store_seconds_count{op="sync"}"#, "1");
    });
}
