//! Who is compared: each from a borrowed string key to an answer from the server.

use std::time::Duration;

use actix_extensible_rate_limit::backend::redis::RedisBackend;
use actix_extensible_rate_limit::backend::{Backend, SimpleInput};
use anyhow::{Result, ensure};
use redis::aio::MultiplexedConnection;
use redis::io::tcp::TcpSettings;
use redis::{AsyncConnectionConfig, IntoConnectionInfo};
use tidegate_core::{Algorithm, Rule};
use tidegate_limiter::Policy;
use tidegate_store::{Request, Store};
use tidegate_store_redis::RedisStore;

use super::plenty;
use crate::tasks::Limiter;

/// The window of those who need one.
const HOUR: Duration = Duration::from_secs(60 * 60);
/// Nothing is to time out here: how slow an answer is, is what is measured.
const PATIENCE: Duration = Duration::from_secs(10);

/// Counts with one command, which is no limiter yet: the least that an answer from the server can cost.
pub struct Incr(MultiplexedConnection);

impl Incr {
    pub async fn connect(url: &str) -> Result<Self> {
        Ok(Self(multiplexed(url).await?))
    }
}

impl Limiter for Incr {
    async fn check(&self, key: &str) -> Result<bool> {
        let mut connection = self.0.clone();
        let count: u64 = redis::cmd("INCR")
            .arg(key)
            .query_async(&mut connection)
            .await?;
        Ok(count < u64::MAX)
    }
}

/// What people write by hand: a fixed window whose end is pushed back at every hit.
pub struct IncrExpire(MultiplexedConnection);

impl IncrExpire {
    pub async fn connect(url: &str) -> Result<Self> {
        Ok(Self(multiplexed(url).await?))
    }
}

impl Limiter for IncrExpire {
    async fn check(&self, key: &str) -> Result<bool> {
        let mut connection = self.0.clone();
        let mut both = redis::pipe();
        both.cmd("INCR").arg(key);
        both.cmd("EXPIRE").arg(key).arg(HOUR.as_secs()).ignore();
        let (count,): (u64,) = both.query_async(&mut connection).await?;
        Ok(count < u64::MAX)
    }
}

/// actix-extensible-rate-limit's Redis backend as its documentation has it: a fixed window.
pub struct ActixExtensible(RedisBackend);

impl ActixExtensible {
    pub async fn connect(url: &str) -> Result<Self> {
        let client = redis_0_26::Client::open(url)?;
        let connection = redis_0_26::aio::ConnectionManager::new(client).await?;
        Ok(Self(RedisBackend::builder(connection).build()))
    }
}

impl Limiter for ActixExtensible {
    async fn check(&self, key: &str) -> Result<bool> {
        let input = SimpleInput {
            interval: HOUR,
            max_requests: u64::MAX >> 1,
            key: key.to_owned(),
        };
        let (decision, _, _) = self.0.request(input).await?;
        Ok(decision.is_allowed())
    }
}

/// tidegate's Redis store.
pub struct Exact {
    store: RedisStore,
    rules: [Rule; 1],
}

impl Exact {
    pub fn connect(url: &str, algorithm: Algorithm) -> Result<Self> {
        Ok(Self {
            store: RedisStore::builder(url).deadline(PATIENCE).build()?,
            rules: [plenty(algorithm)?],
        })
    }
}

impl Limiter for Exact {
    async fn check(&self, key: &str) -> Result<bool> {
        let decision = self.store.acquire(&Request::new(key, &self.rules)).await?;
        Ok(decision.is_allowed())
    }
}

/// The limiter on that store, with all that it adds.
pub struct WholeLimiter(tidegate_limiter::Limiter);

impl WholeLimiter {
    pub fn connect(url: &str, algorithm: Algorithm) -> Result<Self> {
        let store = RedisStore::builder(url).deadline(PATIENCE).build()?;
        let policy = Policy::new("per-client", *plenty(algorithm)?.quota());
        let limiter = tidegate_limiter::Limiter::builder(store)
            .policy(policy)
            .deadline(PATIENCE);
        Ok(Self(limiter.build()?))
    }
}

impl Limiter for WholeLimiter {
    async fn check(&self, key: &str) -> Result<bool> {
        let decision = self.0.check(key).await;
        ensure!(
            decision.provenance() == tidegate_limiter::Provenance::Store,
            "{decision:?}"
        );
        Ok(decision.is_allowed())
    }
}

/// One connection, set up as tidegate's store does it.
async fn multiplexed(url: &str) -> Result<MultiplexedConnection> {
    let settings = TcpSettings::default().set_nodelay(true);
    let info = url.into_connection_info()?.set_tcp_settings(settings);
    let config = AsyncConnectionConfig::new()
        .set_response_timeout(Some(PATIENCE))
        .set_pipeline_buffer_size(1_024);
    let client = redis::Client::open(info)?;
    Ok(client
        .get_multiplexed_async_connection_with_config(&config)
        .await?)
}
