//! Opens connections to one server, wherever it is just now.

use std::time::Duration;

use deadpool_redis::{Manager, Pool, PoolError, Runtime, Timeouts};
use redis::io::tcp::TcpSettings;
use redis::{AsyncConnectionConfig, ConnectionInfo};
use tidegate_store::ErrorKind;

use super::Link;
use crate::failure::Failure;

/// How long opening a connection may take.
const PATIENCE: Duration = Duration::from_secs(1);
/// How many calls the client library queues for writing. Calls in flight are bounded before.
const WRITE_QUEUE: usize = 1_024;

/// Opens connections to one server.
pub(crate) struct Connector {
    name: String,
    pool: Pool,
}

impl Connector {
    /// A connector for at most `connections` at a time, besides the one of a probe and one that is being replaced.
    pub(crate) fn new(info: ConnectionInfo, connections: usize) -> Result<Self, Failure> {
        let name = info.addr().to_string();
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            // Calls have deadlines of their own.
            .set_response_timeout(None)
            .set_pipeline_buffer_size(WRITE_QUEUE);
        let info = info.set_tcp_settings(tcp_settings());
        let manager = Manager::new_with_config(info, config)
            .map_err(|error| Failure::from_redis(&name, &error))?;
        let timeouts = Timeouts {
            wait: Some(PATIENCE),
            ..Timeouts::default()
        };
        let pool = Pool::builder(manager)
            .max_size(connections * 2 + 1)
            .timeouts(timeouts)
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| Failure::local(ErrorKind::Internal, error.to_string()))?;
        Ok(Self { name, pool })
    }

    /// What the server is called in messages.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Opens one more connection.
    pub(crate) async fn open(&self) -> Result<Link, Failure> {
        match self.pool.get().await {
            Ok(connection) => Ok(Link::new(connection)),
            Err(PoolError::Backend(error)) => Err(Failure::from_redis(&self.name, &error)),
            Err(error) => Err(Failure::timeout(format!(
                "redis at {}: no connection: {error}",
                self.name
            ))),
        }
    }
}

/// Small packets go out at once; a peer that vanished is noticed by the system too, if nothing else notices it.
fn tcp_settings() -> TcpSettings {
    let keepalive = redis::io::tcp::socket2::TcpKeepalive::new()
        .with_time(Duration::from_secs(15))
        .with_interval(Duration::from_secs(5));
    let settings = TcpSettings::default()
        .set_nodelay(true)
        .set_keepalive(keepalive);
    #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
    let settings = settings.set_user_timeout(Duration::from_secs(10));
    settings
}
