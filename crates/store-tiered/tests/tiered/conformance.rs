//! The public suite, on a tiered store that is alone.

use std::time::Duration;

use tidegate_store::conformance::{self, Fixture};
use tidegate_store::{StoreError, async_trait};
use tidegate_store_memory::MemoryStore;
use tidegate_store_tiered::TieredStore;

use crate::support::{TokioClock, secs};

struct Tiered {
    clock: TokioClock,
}

#[async_trait]
impl Fixture for Tiered {
    type Store = TieredStore<TokioClock>;

    fn window(&self) -> Duration {
        secs(60)
    }

    async fn fresh(&self) -> Result<Self::Store, StoreError> {
        let shared = MemoryStore::builder().clock(self.clock).build().unwrap();
        let tiered = TieredStore::builder(shared)
            .clock(self.clock)
            .max_entries(10_000)
            .build()
            .unwrap();
        // Until it is known to be alone.
        tokio::time::sleep(secs(10)).await;
        Ok(tiered)
    }

    async fn advance(&self, by: Duration) {
        tokio::time::sleep(by).await;
    }
}

#[tokio::test(start_paused = true)]
async fn conformance_tiered() {
    conformance::run(&Tiered {
        clock: TokioClock::new(),
    })
    .await
    .assert_passed();
}
