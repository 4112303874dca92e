//! Opens connections to one server, wherever it is just now.

use std::time::Duration;

use deadpool_redis::{Manager, Pool, PoolError, Runtime, Timeouts};
use parking_lot::Mutex;
use redis::io::tcp::TcpSettings;
use redis::{AsyncConnectionConfig, ConnectionInfo, RedisResult};
use tidegate_store::ErrorKind;

use super::sentinel::Guide;
use super::{Link, TlsSettings};
use crate::failure::Failure;
use crate::target::SentinelTarget;

/// How long opening a connection may take, or as long as the deadline where that is longer.
const PATIENCE: Duration = Duration::from_secs(1);
/// How many calls the client library queues for writing. Calls in flight are bounded before.
const WRITE_QUEUE: usize = 1_024;

/// Opens connections to one server.
pub(crate) struct Connector {
    name: String,
    place: Place,
    limits: Limits,
}

/// How many connections there are, and how long opening one may take.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    connections: usize,
    patience: Duration,
}

impl Limits {
    /// For at most `connections` at a time, besides the one of a probe and one that is being replaced, and calls that have
    /// as long as `deadline`.
    pub(crate) fn new(connections: usize, deadline: Duration) -> Self {
        Self {
            connections,
            patience: PATIENCE.max(deadline),
        }
    }
}

/// Where the server is.
enum Place {
    Fixed(Pool),
    /// Where Sentinels say, and the connections to where they said last.
    Named(Box<Guide>, Mutex<Option<(String, Pool)>>),
}

impl Connector {
    /// A connector to a server that is always in the same place.
    pub(crate) fn to_server(
        info: ConnectionInfo,
        tls: &TlsSettings,
        limits: Limits,
    ) -> Result<Self, Failure> {
        let name = info.addr().to_string();
        let info =
            with_certificates(info, tls).map_err(|error| Failure::from_redis(&name, &error))?;
        let place = Place::Fixed(pool(&name, info, limits)?);
        Ok(Self {
            name,
            place,
            limits,
        })
    }

    /// A connector to the primary that Sentinels name. `patience` is how long one of them may take.
    pub(crate) fn by_sentinel(
        target: SentinelTarget,
        tls: &TlsSettings,
        limits: Limits,
        patience: Duration,
    ) -> Result<Self, Failure> {
        let name = target.name();
        let guide = Guide::new(target, tls, patience)?;
        Ok(Self {
            name,
            place: Place::Named(Box::new(guide), Mutex::new(None)),
            limits,
        })
    }

    /// What the server is called in messages.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Opens one more connection.
    pub(crate) async fn open(&self) -> Result<Link, Failure> {
        let pool = match &self.place {
            Place::Fixed(pool) => pool.clone(),
            Place::Named(guide, last) => self.find(guide, last).await?,
        };
        match pool.get().await {
            Ok(connection) => Ok(Link::new(connection)),
            Err(PoolError::Backend(error)) if error.is_timeout() => Err(Failure::not_connected(
                &self.name,
                format_args!("{:?}", self.limits.patience),
            )),
            Err(PoolError::Backend(error)) => Err(Failure::from_redis(&self.name, &error)),
            Err(error) => Err(Failure::timeout(format!(
                "redis at {}: no connection: {error}",
                self.name
            ))),
        }
    }

    /// The connections to the server that is the primary now.
    async fn find(
        &self,
        guide: &Guide,
        last: &Mutex<Option<(String, Pool)>>,
    ) -> Result<Pool, Failure> {
        let info = guide.primary().await?;
        let address = info.addr().to_string();
        let mut last = last.lock();
        if let Some((known, pool)) = &*last
            && *known == address
        {
            return Ok(pool.clone());
        }
        let pool = pool(&self.name, info, self.limits)?;
        *last = Some((address, pool.clone()));
        Ok(pool)
    }
}

fn pool(name: &str, info: ConnectionInfo, limits: Limits) -> Result<Pool, Failure> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(limits.patience))
        // Calls have deadlines of their own.
        .set_response_timeout(None)
        .set_pipeline_buffer_size(WRITE_QUEUE);
    let info = info.set_tcp_settings(tcp_settings());
    let manager = Manager::new_with_config(info, config)
        .map_err(|error| Failure::from_redis(name, &error))?;
    let timeouts = Timeouts {
        wait: Some(limits.patience),
        ..Timeouts::default()
    };
    Pool::builder(manager)
        .max_size(limits.connections * 2 + 1)
        .timeouts(timeouts)
        .runtime(Runtime::Tokio1)
        .build()
        .map_err(|error| Failure::local(ErrorKind::Internal, error.to_string()))
}

#[cfg(feature = "tls")]
pub(super) fn with_certificates(
    info: ConnectionInfo,
    tls: &TlsSettings,
) -> RedisResult<ConnectionInfo> {
    let Some(tls) = tls else { return Ok(info) };
    let client = redis::Client::build_with_tls(info, tls.certificates())?;
    Ok(client.get_connection_info().clone())
}

#[cfg(not(feature = "tls"))]
pub(super) fn with_certificates(
    info: ConnectionInfo,
    _: &TlsSettings,
) -> RedisResult<ConnectionInfo> {
    Ok(info)
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
