//! One server: its connections, and the circuit breaker in front of them.

mod connector;
mod health;
mod lane;
mod link;
mod probe;
mod sentinel;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use redis::{Cmd, RedisError, RedisResult, Value};
use tidegate_core::BreakerConfig;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

pub(crate) use self::connector::{Connector, Limits};
pub(crate) use self::health::Health;
use self::lane::Lane;
use self::link::Link;
use crate::failure::Failure;
use crate::script::{Call, Scripts};

/// TLS settings, if there are any.
#[cfg(feature = "tls")]
pub(crate) type TlsSettings = Option<crate::Tls>;
/// There are none without TLS.
#[cfg(not(feature = "tls"))]
#[derive(Clone, Debug, Default)]
pub(crate) struct TlsSettings {}

/// One server.
pub(crate) struct Server {
    connector: Arc<Connector>,
    lanes: Vec<Lane>,
    next: AtomicUsize,
    health: Health,
    scripts: Arc<Scripts>,
    /// The key that probes write to.
    probe_key: Mutex<Vec<u8>>,
    /// Whether it is a member of a cluster, which sends callers elsewhere.
    is_member: bool,
    /// How long a call may take. A server that is slower than that is of no use, and no probe takes it for one that works.
    deadline: Duration,
    probing: Mutex<Option<JoinHandle<()>>>,
}

/// What a server is made with.
pub(crate) struct Settings {
    pub(crate) connections: usize,
    pub(crate) breaker: BreakerConfig,
    pub(crate) probe_key: Vec<u8>,
    pub(crate) deadline: Duration,
    pub(crate) is_member: bool,
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(task) = self.probing.get_mut().take() {
            task.abort();
        }
    }
}

impl Server {
    pub(crate) fn new(
        connector: Connector,
        scripts: Arc<Scripts>,
        settings: Settings,
    ) -> Arc<Self> {
        Arc::new(Self {
            health: Health::new(connector.name(), settings.breaker),
            connector: Arc::new(connector),
            lanes: (0..settings.connections).map(|_| Lane::new()).collect(),
            next: AtomicUsize::new(0),
            scripts,
            probe_key: Mutex::new(settings.probe_key),
            is_member: settings.is_member,
            deadline: settings.deadline,
            probing: Mutex::new(None),
        })
    }

    /// What the server is called in messages.
    pub(crate) fn name(&self) -> &str {
        self.connector.name()
    }

    pub(crate) const fn health(&self) -> &Health {
        &self.health
    }

    /// Whether it may be asked; otherwise why not. Costs no I/O.
    pub(crate) fn check(self: &Arc<Self>) -> Result<(), Failure> {
        self.health.check().inspect_err(|_| self.ensure_probing())
    }

    /// Probes write to another key from now on.
    pub(crate) fn set_probe_key(&self, key: Vec<u8>) {
        *self.probe_key.lock() = key;
    }

    /// Calls a script: at once no answer if the breaker is open, else one by the deadline.
    pub(crate) async fn run(
        self: &Arc<Self>,
        call: &Call,
        deadline: Instant,
    ) -> Result<Value, Failure> {
        self.observed(deadline, async |link| link.call(&self.scripts, call).await)
            .await
    }

    /// Sends a command that is no script, likewise.
    pub(crate) async fn command(
        self: &Arc<Self>,
        command: Cmd,
        deadline: Instant,
    ) -> Result<Value, Failure> {
        self.observed(deadline, async |link| link.send(&command, false).await)
            .await
    }

    /// Does something with a connection, and lets the breaker know how that ended.
    async fn observed(
        self: &Arc<Self>,
        deadline: Instant,
        action: impl AsyncFnOnce(&Link) -> RedisResult<Value>,
    ) -> Result<Value, Failure> {
        self.check()?;
        let result = self.attempt(deadline, action).await;
        if self.health.record(&result) {
            // An old connection can stay dead for seconds after the server came back.
            self.lanes.iter().for_each(Lane::clear);
            self.ensure_probing();
        }
        result
    }

    async fn attempt(
        &self,
        deadline: Instant,
        action: impl AsyncFnOnce(&Link) -> RedisResult<Value>,
    ) -> Result<Value, Failure> {
        let lane = self.pick();
        let begun = Instant::now();
        let leased = lane.lease(&self.connector, deadline).await?;
        let answer = timeout_at(deadline, action(&leased.link)).await;
        let result = match answer {
            Ok(answer) => answer.map_err(|error| self.failure(&error)),
            Err(_) => Err(self.late(begun.elapsed())),
        };
        lane.settle(&leased, &result);
        result
    }

    fn failure(&self, error: &RedisError) -> Failure {
        if self.is_member {
            Failure::from_member(self.name(), error)
        } else {
            Failure::from_redis(self.name(), error)
        }
    }

    fn late(&self, after: Duration) -> Failure {
        Failure::late(self.name(), after)
    }

    /// The next lane in turn, rather one that is known to work.
    fn pick(&self) -> &Lane {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let in_turn =
            (0..self.lanes.len()).map(|step| &self.lanes[(turn + step) % self.lanes.len()]);
        let first = &self.lanes[turn % self.lanes.len()];
        in_turn
            .into_iter()
            .find(|lane| lane.is_sound())
            .unwrap_or(first)
    }
}
