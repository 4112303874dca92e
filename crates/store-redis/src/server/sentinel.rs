//! Asks Sentinels where the primary is.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use parking_lot::Mutex;
use redis::{AsyncConnectionConfig, Client, ConnectionInfo, RedisConnectionInfo, RedisError, Role};
use tidegate_core::Outcome;
use tidegate_store::ErrorKind;
use tokio::time::timeout;

use super::TlsSettings;
use super::connector::with_certificates;
use crate::failure::Failure;
use crate::target::{self, SentinelTarget};

/// Finds the primary anew for every connection: that it has changed is the usual reason to open one.
///
/// The client library's own Sentinel client waits for the first address that it was given before it believes another one:
/// a Sentinel that hangs, perhaps on the machine that the primary was lost with, would keep its heir from being found.
pub(super) struct Guide {
    sentinels: Vec<Sentinel>,
    primary: String,
    server: Server,
    /// How long one Sentinel may take, and the server that it names.
    patience: Duration,
}

struct Sentinel {
    address: String,
    client: Client,
}

/// How to connect to whichever server is the primary.
struct Server {
    is_tls: bool,
    tls: TlsSettings,
    login: RedisConnectionInfo,
}

impl Guide {
    /// Fails if the settings cannot be.
    pub(super) fn new(
        target: SentinelTarget,
        tls: &TlsSettings,
        patience: Duration,
    ) -> Result<Self, Failure> {
        let sentinel = |info: &ConnectionInfo| {
            let address = info.addr().to_string();
            let info = with_certificates(info.clone(), &target.sentinel_tls);
            match info.and_then(Client::open) {
                Ok(client) => Ok(Sentinel { address, client }),
                Err(error) => Err(Failure::from_sentinel(&address, &error)),
            }
        };
        Ok(Self {
            sentinels: target
                .sentinels
                .iter()
                .map(sentinel)
                .collect::<Result<_, _>>()?,
            primary: target.primary,
            server: Server {
                is_tls: target.is_tls,
                tls: tls.clone(),
                login: target.login,
            },
            patience,
        })
    }

    /// Where the primary is now: all Sentinels are asked, and the first one is believed that names a server which says so
    /// too.
    pub(super) async fn primary(&self) -> Result<ConnectionInfo, Failure> {
        let named = Mutex::default();
        let questions = self.sentinels.iter();
        let questions = questions.map(|sentinel| self.ask(sentinel, &named));
        let mut answers: FuturesUnordered<_> = questions.collect();
        let mut reason = None;
        while let Some(answer) = answers.next().await {
            match answer {
                Ok(Some(info)) => return Ok(info),
                Ok(None) => {}
                Err(failure) => reason = Some(graver(reason, failure)),
            }
        }
        Err(reason.unwrap_or_else(|| {
            Failure::local(ErrorKind::Internal, "there is no Sentinel to be asked")
        }))
    }

    /// How to connect to the server that a Sentinel names; `None` if another one has named it, and it is being asked.
    async fn ask(
        &self,
        sentinel: &Sentinel,
        named: &Mutex<HashSet<(String, u16)>>,
    ) -> Result<Option<ConnectionInfo>, Failure> {
        let followed = async {
            let server = self.named_by(sentinel).await?;
            if named.lock().insert(server.clone()) {
                self.follow(server).await.map(Some)
            } else {
                Ok(None)
            }
        };
        timeout(self.patience, followed).await.unwrap_or_else(|_| {
            let (address, primary) = (&sentinel.address, &self.primary);
            Err(Failure::timeout(format!(
                "redis Sentinel at {address}: it, or the server that it calls {primary}, did not answer within {:?}",
                self.patience
            )))
        })
    }

    /// The host and port that a Sentinel names.
    async fn named_by(&self, sentinel: &Sentinel) -> Result<(String, u16), Failure> {
        let asked = async {
            let mut connection = connect(&sentinel.client).await?;
            let mut question = redis::cmd("SENTINEL");
            question.arg("GET-MASTER-ADDR-BY-NAME").arg(&self.primary);
            question.query_async(&mut connection).await
        };
        let named: Option<_> = asked
            .await
            .map_err(|error| Failure::from_sentinel(&sentinel.address, &error))?;
        named.ok_or_else(|| Failure::unknown_to_sentinel(&sentinel.address, &self.primary))
    }

    /// How to connect to a server that was named, if it is a primary: a Sentinel learns late that one no longer is.
    async fn follow(&self, (host, port): (String, u16)) -> Result<ConnectionInfo, Failure> {
        let endpoint = format!("{} at {host}:{port}", self.primary);
        let asked = async {
            let info = self.server.at(host, port)?;
            let mut connection = connect(&Client::open(info.clone())?).await?;
            let role = redis::cmd("ROLE").query_async(&mut connection).await?;
            Ok((info, role))
        };
        match asked.await {
            Ok((info, Role::Primary { .. })) => Ok(info),
            Ok(_) => Err(Failure::demoted(&endpoint)),
            Err(error) => Err(Failure::from_redis(&endpoint, &error)),
        }
    }
}

impl Server {
    fn at(&self, host: String, port: u16) -> Result<ConnectionInfo, RedisError> {
        let info = target::info(host, port, self.is_tls, &self.login)?;
        with_certificates(info, &self.tls)
    }
}

/// A connection for one question. The asker has a deadline of its own.
async fn connect(client: &Client) -> Result<redis::aio::MultiplexedConnection, RedisError> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(None)
        .set_response_timeout(None);
    let connection = client.get_multiplexed_async_connection_with_config(&config);
    connection.await
}

/// Which of two reasons is told: that a client is refused mends itself more slowly than anything else.
fn graver(one: Option<Failure>, other: Failure) -> Failure {
    match one {
        Some(one) if one.outcome == Outcome::Refused || other.outcome != Outcome::Refused => one,
        _ => other,
    }
}
