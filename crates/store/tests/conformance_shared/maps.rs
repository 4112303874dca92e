//! The suite's fixture: stores in maps, with a fault or without.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tidegate_clock::ManualClock;
use tidegate_store::conformance::{Fixture, SharedFixture};
use tidegate_store::{StoreError, async_trait};

use crate::fault::Fault;
use crate::store::{Data, SILENCE, SharedMap};

/// Makes stores, and keeps hold of the last one's data.
pub(crate) struct Maps {
    clock: ManualClock,
    fault: Fault,
    can_lose: bool,
    last: Mutex<Arc<Mutex<Data>>>,
}

impl Maps {
    pub(crate) fn new(fault: Fault) -> Self {
        Self {
            clock: ManualClock::new(),
            fault,
            can_lose: true,
            last: Mutex::default(),
        }
    }

    /// Stores without a fault, whose data cannot be taken away.
    pub(crate) fn that_lose_nothing() -> Self {
        Self {
            can_lose: false,
            ..Self::new(Fault::None)
        }
    }
}

#[async_trait]
impl Fixture for Maps {
    type Store = SharedMap;

    fn window(&self) -> Duration {
        Duration::from_secs(60)
    }

    async fn fresh(&self) -> Result<SharedMap, StoreError> {
        let data = Arc::default();
        *self.last.lock().unwrap() = Arc::clone(&data);
        Ok(SharedMap {
            clock: self.clock.clone(),
            fault: self.fault,
            data,
        })
    }

    async fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }
}

#[async_trait]
impl SharedFixture for Maps {
    fn silence(&self) -> Duration {
        SILENCE
    }

    fn can_lose(&self) -> bool {
        self.can_lose
    }

    async fn lose_everything(&self) -> Result<(), StoreError> {
        *self.last.lock().unwrap().lock().unwrap() = Data::default();
        Ok(())
    }
}
