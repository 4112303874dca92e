//! The peers that count in memory and share through Redis, each as its documentation has it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use limitador::AsyncRateLimiter;
use limitador::limit::{Context as Values, Limit, Namespace};
use limitador::storage::redis::CachedRedisStorageBuilder;
use trypema::hybrid::HybridRateLimiterProvider;
use trypema::redis::{RedisKey, RedisKeyRef};
use trypema::{RateLimit, RateLimitDecision, RateLimiterBuilder, WindowSize};

use crate::tasks::Limiter;

/// trypema's hybrid provider: its synchronous path first, as it advises where it is hot.
pub struct Trypema {
    provider: Arc<HybridRateLimiterProvider>,
    rate: RateLimit,
}

impl Trypema {
    /// With so many per window, in a sliding window.
    pub async fn connect(url: &str, limit: u64, window: Duration) -> Result<Self> {
        let connection = redis::Client::open(url)?.get_connection_manager().await?;
        let seconds = window.as_secs();
        let window = WindowSize::seconds(seconds).context("its window")?;
        Ok(Self {
            provider: HybridRateLimiterProvider::builder(connection)
                .window_size(window)
                .build()
                .context("trypema")?,
            rate: RateLimit::per_second(limit as f64 / seconds as f64).context("its rate")?,
        })
    }
}

impl Limiter for Trypema {
    async fn check(&self, key: &str) -> Result<bool> {
        let limiter = self.provider.absolute();
        let borrowed = RedisKeyRef::try_from(key)?;
        let decision = match limiter.try_inc(borrowed, 1)? {
            Some(decision) => decision,
            None => {
                limiter
                    .inc(&RedisKey::try_from(key)?, &self.rate, 1)
                    .await?
            }
        };
        Ok(matches!(decision, RateLimitDecision::Allowed))
    }
}

/// limitador's cached storage, with its defaults.
pub struct Limitador {
    limiter: AsyncRateLimiter,
    namespace: Namespace,
}

impl Limitador {
    /// With so many per window, in a fixed window.
    pub async fn connect(url: &str, limit: u64, window: Duration) -> Result<Self> {
        let storage = CachedRedisStorageBuilder::new(url).build().await?;
        let limiter = AsyncRateLimiter::new_with_storage(Box::new(storage));
        let variable = "client".try_into().context("limitador's variable")?;
        limiter.add_limit(Limit::new("bench", limit, window.as_secs(), [], [variable]));
        Ok(Self {
            limiter,
            namespace: "bench".into(),
        })
    }
}

impl Limiter for Limitador {
    async fn check(&self, key: &str) -> Result<bool> {
        let values: Values<'_> = HashMap::from([("client".to_owned(), key.to_owned())]).into();
        let checked = self
            .limiter
            .check_rate_limited_and_update(&self.namespace, &values, 1)
            .await
            .map_err(|error| anyhow!("limitador: {error}"))?;
        Ok(!checked.limited)
    }
}
