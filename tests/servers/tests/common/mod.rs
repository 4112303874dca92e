//! What the tests of the Redis store share: stores on servers, and the suites' fixture.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "every test program uses its part of this, and says where it cannot go on"
)]

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use tidegate_core::{Algorithm, Decision, PolicyName, Quota, Rule};
use tidegate_store::conformance::{Fixture, SharedFixture};
use tidegate_store::{Request, Store, StoreError, async_trait};
use tidegate_store_redis::{Builder, RedisStore, Tls};
use tidegate_test_servers::wait::PATIENCE;
use tidegate_test_servers::{Authority, Cluster, Options, Sentinels, Server};

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

impl Servers for Sentinels {
    fn builder(&self) -> Builder {
        RedisStore::builder(&self.url())
    }

    fn primaries(&self) -> Vec<&Server> {
        vec![self.primary().unwrap()]
    }
}

impl Servers for Cluster {
    fn builder(&self) -> Builder {
        RedisStore::builder(&self.urls().join(","))
    }

    fn primaries(&self) -> Vec<&Server> {
        self.servers().iter().collect()
    }
}

/// A server with TLS, and the authority to trust.
pub struct TlsServer {
    pub server: Server,
    pub authority: Authority,
}

impl TlsServer {
    pub fn start() -> anyhow::Result<Self> {
        let authority = Authority::new()?;
        let server = Options::new().tls(&authority.server()?).start()?;
        Ok(Self { server, authority })
    }
}

impl Servers for TlsServer {
    fn builder(&self) -> Builder {
        self.server
            .builder()
            .tls(Tls::new().authority(self.authority.certificate()))
    }

    fn primaries(&self) -> Vec<&Server> {
        self.server.primaries()
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

/// The three algorithms.
pub const ALGORITHMS: [Algorithm; 3] = [
    Algorithm::FixedWindow,
    Algorithm::SlidingWindow,
    Algorithm::TokenBucket,
];

/// A policy.
pub fn rule(limit: u64, window: Duration, algorithm: Algorithm) -> Rule {
    let quota = Quota::new(limit, window).unwrap();
    let quota = quota.with_algorithm(algorithm).unwrap();
    Rule::new(PolicyName::new("policy").unwrap(), quota)
}

/// A window that does not end while a test runs.
pub const LONG: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Asks until an answer comes, and says how long that took.
pub async fn until_answered(store: &RedisStore, request: &Request<'_>) -> Duration {
    let started = Instant::now();
    loop {
        match store.acquire(request).await {
            Ok(_) => return started.elapsed(),
            Err(error) => assert!(
                started.elapsed() < PATIENCE,
                "no answer for {PATIENCE:?}: {error}"
            ),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Asks until the store no longer asks the server, and says how many failures that took, and the last of them.
pub async fn until_open(store: &RedisStore, request: &Request<'_>) -> (u32, StoreError) {
    let started = Instant::now();
    let mut failures = 0;
    loop {
        if let Err(error) = store.acquire(request).await {
            failures += 1;
            if is_open(store) {
                return (failures, error);
            }
        }
        assert!(
            started.elapsed() < PATIENCE,
            "still asked after {failures} failures in {PATIENCE:?}"
        );
    }
}

/// Whether the store has stopped asking a server.
pub fn is_open(store: &RedisStore) -> bool {
    let servers = store.status().servers;
    servers.iter().any(|server| server.open_for.is_some())
}

/// The answer, if the store gives it without waiting for anything.
pub fn at_once(store: &RedisStore, request: &Request<'_>) -> Option<Result<Decision, StoreError>> {
    store.acquire(request).now_or_never()
}

/// What a subject has left under the first policy.
pub async fn remaining(store: &RedisStore, request: &Request<'_>) -> u64 {
    store.peek(request).await.unwrap().statuses()[0].remaining()
}
