//! The two limiters that one writes by hand, as often seen, with their worst mistake (an expiry that every hit
//! pushes back) already mended.

use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisResult};
use tidegate_store::async_trait;
use tokio::sync::Mutex as AsyncMutex;
use tokio::time::timeout;

use crate::limiter::{Answer, LIMIT, Limiter, NODES, WINDOW};

/// How long the second one waits for Redis before it counts by itself.
const PATIENCE: Duration = Duration::from_millis(200);

fn window_number() -> u128 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    now.as_millis() / WINDOW.as_millis()
}

/// A connection that is made when it is needed, and again when it broke.
struct Counter {
    client: Client,
    name: &'static str,
    connection: AsyncMutex<Option<MultiplexedConnection>>,
}

impl Counter {
    fn new(url: &str, name: &'static str) -> Result<Self> {
        Ok(Self {
            client: Client::open(url)?,
            name,
            connection: AsyncMutex::new(None),
        })
    }

    /// Counts one more in this window; how many that makes.
    async fn increment(&self) -> RedisResult<u64> {
        let mut connection = self.connect().await?;
        let key = format!("{}:{}", self.name, window_number());
        let mut pipe = redis::pipe();
        pipe.atomic().incr(&key, 1).expire(&key, 10).ignore();
        let counted: RedisResult<(u64,)> = pipe.query_async(&mut connection).await;
        if counted.is_err() {
            *self.connection.lock().await = None;
        }
        counted.map(|(count,)| count)
    }

    async fn connect(&self) -> RedisResult<MultiplexedConnection> {
        let mut held = self.connection.lock().await;
        if let Some(connection) = &*held {
            return Ok(connection.clone());
        }
        // No time-outs: nobody thinks of them before the first night on which Redis hangs.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None);
        let connection = self
            .client
            .get_multiplexed_async_connection_with_config(&config)
            .await?;
        Ok(held.insert(connection).clone())
    }
}

/// CP by hand: every request asks Redis, and waits for as long as that takes.
pub(crate) struct AskEveryTime {
    nodes: Vec<Counter>,
}

impl AskEveryTime {
    pub(crate) fn new(urls: &[String; NODES]) -> Result<Self> {
        let nodes = urls
            .iter()
            .map(|url| Counter::new(url, "cp"))
            .collect::<Result<_>>()?;
        Ok(Self { nodes })
    }
}

#[async_trait]
impl Limiter for AskEveryTime {
    async fn ask(&self, node: usize) -> Answer {
        match self.nodes[node].increment().await {
            Ok(count) if count <= LIMIT => Answer::Allowed,
            Ok(_) => Answer::Denied,
            Err(_) => Answer::Error,
        }
    }
}

/// AP by hand: without an answer, each node counts for itself, up to the whole limit.
pub(crate) struct CountYourself {
    nodes: Vec<(Counter, Mutex<(u128, u64)>)>,
}

impl CountYourself {
    pub(crate) fn new(urls: &[String; NODES]) -> Result<Self> {
        let node = |url: &String| Ok((Counter::new(url, "ap")?, Mutex::new((0, 0))));
        Ok(Self {
            nodes: urls.iter().map(node).collect::<Result<_>>()?,
        })
    }
}

#[async_trait]
impl Limiter for CountYourself {
    async fn ask(&self, node: usize) -> Answer {
        let (counter, local) = &self.nodes[node];
        let count = match timeout(PATIENCE, counter.increment()).await {
            Ok(Ok(count)) => count,
            _ => {
                let Ok(mut local) = local.lock() else {
                    return Answer::Error;
                };
                if local.0 != window_number() {
                    *local = (window_number(), 0);
                }
                local.1 += 1;
                local.1
            }
        };
        if count <= LIMIT {
            Answer::Allowed
        } else {
            Answer::Denied
        }
    }
}
