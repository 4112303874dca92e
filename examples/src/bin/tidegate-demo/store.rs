//! The store that the flags ask for.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use tidegate_limiter::Store;
use tidegate_metrics::{Figures, Measured};
use tidegate_store_memory::MemoryStore;
use tidegate_store_redis::RedisStore;
use tidegate_store_tiered::TieredStore;

use crate::flags::{self, Flags};

/// How long a stopping server may take to tell the store what is unsent.
const FAREWELL: Duration = Duration::from_secs(2);

/// The store, and what can be asked of it beyond counting.
#[derive(Clone)]
pub(crate) struct Counts {
    pub(crate) store: Arc<dyn Store>,
    memory: Option<Arc<MemoryStore>>,
    redis: Option<Arc<RedisStore>>,
    tiered: Option<Arc<TieredStore>>,
}

impl Counts {
    /// Makes the store. A server need not be there.
    pub(crate) fn new(flags: &Flags) -> Result<Self> {
        match flags.store {
            flags::Store::Memory => {
                let memory = Arc::new(MemoryStore::new());
                Ok(Self {
                    memory: Some(Arc::clone(&memory)),
                    ..Self::plain(memory)
                })
            }
            flags::Store::Redis => {
                let redis = redis(flags)?;
                Ok(Self {
                    redis: Some(Arc::clone(&redis)),
                    ..Self::plain(Arc::new(Measured::new(redis)))
                })
            }
            flags::Store::Tiered => {
                let redis = redis(flags)?;
                let tiered = TieredStore::builder(Measured::new(Arc::clone(&redis)))
                    .deadline(flags.deadline.is)
                    .expected_nodes(flags.expected_nodes);
                let tiered = Arc::new(tiered.build()?);
                Ok(Self {
                    redis: Some(redis),
                    tiered: Some(Arc::clone(&tiered)),
                    ..Self::plain(tiered)
                })
            }
        }
    }

    fn plain(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            memory: None,
            redis: None,
            tiered: None,
        }
    }

    /// Tells the other nodes what they do not know yet.
    pub(crate) async fn shut_down(&self) {
        if let Some(tiered) = &self.tiered {
            let left = tiered.shutdown(FAREWELL).await;
            if left.subjects > 0 {
                eprintln!(
                    "the store could not be told of {} requests of {} clients",
                    left.cost, left.subjects
                );
            }
        }
    }

    /// Sets the metrics to what the stores know of themselves.
    pub(crate) fn record(&self) {
        if let Some(memory) = &self.memory {
            Figures::from(memory.stats()).record();
        }
        if let Some(redis) = &self.redis {
            Figures::from(redis.status()).record();
        }
        if let Some(tiered) = &self.tiered {
            Figures::from(tiered.stats()).record();
        }
    }
}

fn redis(flags: &Flags) -> Result<Arc<RedisStore>> {
    let store = RedisStore::builder(&flags.redis)
        .deadline(flags.deadline.is)
        .build()
        .with_context(|| "--redis".to_owned())?;
    Ok(Arc::new(store))
}
