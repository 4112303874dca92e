//! tidegate's limiter on a tiered store, over one server.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use anyhow::{Result, ensure};
use tidegate_core::Tolerance;
use tidegate_limiter::{Decision, Fallback, Limiter, Policy, Provenance, Quota};
use tidegate_store_redis::RedisStore;
use tidegate_store_tiered::{TieredStats, TieredStore};
use tokio::time::Instant;

use crate::tasks;

/// A node.
pub struct Tiered {
    limiter: Limiter,
    store: Arc<TieredStore>,
    without_store: AtomicU64,
}

impl Tiered {
    /// A node that shares this limit with others, and takes its share while the server is away.
    pub fn connect(url: &str, quota: Quota, tolerance: Tolerance) -> Result<Self> {
        let shared = RedisStore::builder(url).build()?;
        let store = Arc::new(TieredStore::builder(shared).build()?);
        let policy = Policy::new("per-client", quota)
            .tolerance(tolerance)
            .outage(Fallback::Share);
        let limiter = Limiter::builder(Arc::clone(&store)).policy(policy);
        Ok(Self {
            limiter: limiter.build()?,
            store,
            without_store: AtomicU64::new(0),
        })
    }

    /// How many requests the outage setting decided.
    pub fn without_store(&self) -> u64 {
        self.without_store.load(Ordering::Relaxed)
    }

    /// How it stands.
    pub fn stats(&self) -> TieredStats {
        self.store.stats()
    }

    /// Waits until it has heard of the server, and of so many nodes.
    pub async fn ready(&self, nodes: u32) -> Result<()> {
        let connected = || {
            let stats = self.stats();
            stats.mode == tidegate_core::tiered::Mode::Connected
                && stats.lag.is_some()
                && stats.nodes == nodes
        };
        wait_until("the node is connected", connected).await
    }
}

impl Tiered {
    /// Decides a request.
    pub async fn decide(&self, key: &str) -> Decision {
        let decision = self.limiter.check(key).await;
        if matches!(decision.provenance(), Provenance::Outage(_)) {
            self.without_store.fetch_add(1, Ordering::Relaxed);
        }
        decision
    }
}

impl tasks::Limiter for Tiered {
    async fn check(&self, key: &str) -> Result<bool> {
        Ok(self.decide(key).await.is_allowed())
    }
}

/// When the wall clock's next window of this length has begun, for the server too.
pub fn next_window(window: Duration) -> Result<Instant> {
    let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    let into = wall.as_nanos() % window.as_nanos();
    let wait = window - Duration::from_nanos(u64::try_from(into)?);
    Ok(Instant::now() + wait + Duration::from_millis(20))
}

/// Looks again and again, for half a minute at most.
pub async fn wait_until(what: &str, mut holds: impl FnMut() -> bool) -> Result<()> {
    let began = Instant::now();
    while !holds() {
        ensure!(
            began.elapsed() < Duration::from_secs(30),
            "waited for half a minute until {what}"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}
