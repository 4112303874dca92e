//! What is compared: three nodes that limit one client together.

use std::time::Duration;

use anyhow::Result;
use tidegate_limiter::{Limiter as Tidegate, Policy, Quota};
use tidegate_store::async_trait;
use tidegate_store_redis::RedisStore;
use tidegate_store_tiered::TieredStore;

/// How many nodes there are.
pub(crate) const NODES: usize = 3;
/// What all of them together may admit in a window.
pub(crate) const LIMIT: u64 = 100;
/// The window.
pub(crate) const WINDOW: Duration = Duration::from_secs(2);

/// What a client is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Allowed,
    Denied,
    Error,
}

/// Three nodes.
#[async_trait]
pub(crate) trait Limiter: Send + Sync {
    /// One request to a node.
    async fn ask(&self, node: usize) -> Answer;
}

/// tidegate: one line more than in a single process.
pub(crate) struct Tiered {
    nodes: Vec<Tidegate>,
}

impl Tiered {
    pub(crate) fn new(urls: &[String; NODES]) -> Result<Self> {
        let quota =
            Quota::new(LIMIT, WINDOW)?.with_algorithm(tidegate_limiter::Algorithm::FixedWindow)?;
        let node = |url: &String| {
            let store = TieredStore::builder(RedisStore::connect(url)?)
                .expected_nodes(3)
                .build()?;
            Ok(Tidegate::builder(store)
                .policy(Policy::new("per-client", quota))
                .build()?)
        };
        Ok(Self {
            nodes: urls.iter().map(node).collect::<Result<_>>()?,
        })
    }
}

#[async_trait]
impl Limiter for Tiered {
    async fn ask(&self, node: usize) -> Answer {
        let decision = self.nodes[node].check("client").await;
        if decision.is_unavailable() {
            Answer::Error
        } else if decision.is_allowed() {
            Answer::Allowed
        } else {
            Answer::Denied
        }
    }
}
