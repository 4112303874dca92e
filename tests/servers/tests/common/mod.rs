//! What the tests of the Redis store share: stores on servers, and the suites' fixture.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "every test program uses its part of this, and says where it cannot go on"
)]

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tidegate_core::{Algorithm, PolicyName, Quota, Rule};
use tidegate_store::conformance::{Fixture, SharedFixture};
use tidegate_store::{StoreError, async_trait};
use tidegate_store_redis::{Builder, RedisStore};
use tidegate_test_servers::Server;

/// Long enough for a busy machine, where a test is not about deadlines.
pub const UNHURRIED: Duration = Duration::from_secs(5);

/// Servers that stores are made on.
pub trait Servers: Send + Sync {
    /// A store on them, with nothing set but how to get there.
    fn builder(&self) -> Builder;

    /// Those that hold data.
    fn primaries(&self) -> Vec<&Server>;
}

impl Servers for Server {
    fn builder(&self) -> Builder {
        RedisStore::builder(&self.url())
    }

    fn primaries(&self) -> Vec<&Server> {
        vec![self]
    }
}

/// Fresh stores on servers: each has a prefix of its own, and so sees nothing of the others.
pub struct Fresh<S> {
    pub servers: S,
    count: AtomicU32,
}

impl<S: Servers> Fresh<S> {
    pub fn on(servers: S) -> Self {
        Self {
            servers,
            count: AtomicU32::new(0),
        }
    }
}

#[async_trait]
impl<S: Servers> Fixture for Fresh<S> {
    type Store = RedisStore;

    fn window(&self) -> Duration {
        Duration::from_millis(400)
    }

    async fn fresh(&self) -> Result<RedisStore, StoreError> {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let builder = self.servers.builder();
        Ok(builder
            .prefix(format!("case-{number}:"))
            .deadline(UNHURRIED)
            .build()
            .unwrap())
    }

    async fn advance(&self, by: Duration) {
        // The store's time is the server's clock, which nothing but time moves.
        tokio::time::sleep(by).await;
    }
}

#[async_trait]
impl<S: Servers> SharedFixture for Fresh<S> {
    fn silence(&self) -> Duration {
        Duration::from_secs(5)
    }

    fn can_lose(&self) -> bool {
        true
    }

    async fn lose_everything(&self) -> Result<(), StoreError> {
        for server in self.servers.primaries() {
            server.admin().flush_all().unwrap();
        }
        Ok(())
    }
}

/// A policy.
pub fn rule(limit: u64, window: Duration, algorithm: Algorithm) -> Rule {
    let quota = Quota::new(limit, window).unwrap();
    let quota = quota.with_algorithm(algorithm).unwrap();
    Rule::new(PolicyName::new("policy").unwrap(), quota)
}
