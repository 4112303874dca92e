//! The memory store keeps the contract of stores.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::time::Duration;

use tidegate_clock::ManualClock;
use tidegate_store::conformance::{Fixture, SharedFixture, run, run_shared};
use tidegate_store::{StoreError, async_trait};
use tidegate_store_memory::MemoryStore;

/// On a clock that is moved by hand, so that the suite takes no time.
#[derive(Default)]
struct Memory(ManualClock);

#[async_trait]
impl Fixture for Memory {
    type Store = MemoryStore<ManualClock>;

    fn window(&self) -> Duration {
        Duration::from_secs(60)
    }

    async fn fresh(&self) -> Result<Self::Store, StoreError> {
        let builder = MemoryStore::builder().max_entries(10_000);
        Ok(builder.clock(self.0.clone()).build().unwrap())
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
fn conformance_memory_shared() {
    pollster::block_on(run_shared(&Memory::default())).assert_passed();
}

#[test]
fn conformance_memory() {
    pollster::block_on(run(&Memory::default())).assert_passed();
}
