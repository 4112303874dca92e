//! Settings of a store, and what can be wrong with them.

use std::sync::Arc;
use std::time::Duration;

use tidegate_core::{Backoff, BreakerConfig};

use crate::cluster::{Address, Cluster};
use crate::dispatch::{Context, Dispatch};
use crate::failure::Failure;
use crate::fleet::Fleet;
use crate::key::Names;
use crate::permits::Permits;
use crate::script::Scripts;
use crate::sentinels::Sentinels;
use crate::server::{self, Connector, Limits, Server, TlsSettings};
use crate::server_time::ServerTime;
use crate::store::RedisStore;
use crate::tally::Tally;
use crate::target::{ClusterTarget, Target, without_login};

/// Makes a [`RedisStore`] with other settings than the default ones.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it builds"]
pub struct Builder {
    url: String,
    prefix: String,
    deadline: Duration,
    max_in_flight: usize,
    connections: usize,
    breaker: BreakerConfig,
    hash_subjects: bool,
    hash_key: [u8; 16],
    clock_key: Option<String>,
    tls: TlsSettings,
    sentinels: Sentinels,
}

/// Why a store's settings were refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// An address that cannot be understood.
    #[error(
        "the store's address {address:?} is wrong: {problem}; it must be \
         redis://[user:password@]host[:port][/database] (rediss:// with TLS), several of these, separated by commas, for a \
         cluster, or redis+sentinel://[user:password@]host:port,host:port/primary[/database]\
         [?sentinel_user=...&sentinel_password=...]"
    )]
    Address {
        /// What was given, without user and password.
        address: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A prefix that would change where keys belong, or would be too long.
    #[error("the key prefix {prefix:?} is wrong: at most 64 bytes, and no braces")]
    Prefix {
        /// What was given.
        prefix: String,
    },
    /// A deadline or a number of 0.
    #[error("{what} is 0: it must be at least 1")]
    Zero {
        /// Which setting.
        what: &'static str,
    },
}

impl ConfigError {
    /// An address is wrong. It is shown without what may be a password.
    pub(crate) fn address(url: &str, problem: impl Into<String>) -> Self {
        Self::Address {
            address: without_login(url),
            problem: problem.into(),
        }
    }
}

/// The usual breaker, but that a server which does not answer is probed every half a second at least: a second after it is back all
/// nodes are to know it, and to have told it what it lacks (L3, G6). That is a connection about every quarter of a second.
fn breaker() -> BreakerConfig {
    BreakerConfig {
        backoff: Backoff {
            cap: Duration::from_millis(500),
            ..Backoff::default()
        },
        ..BreakerConfig::default()
    }
}

impl Builder {
    pub(crate) fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            prefix: String::new(),
            deadline: Duration::from_millis(50),
            max_in_flight: 4_096,
            connections: 2,
            breaker: breaker(),
            hash_subjects: false,
            hash_key: [0; 16],
            clock_key: None,
            tls: TlsSettings::default(),
            sentinels: Sentinels::new(),
        }
    }

    /// What all keys begin with, if several programs share a server. Empty unless told.
    pub fn prefix(self, prefix: impl Into<String>) -> Self {
        Self {
            prefix: prefix.into(),
            ..self
        }
    }

    /// How long a decision waits for the store at most, everything included (L1). 50 ms unless told.
    pub const fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// How many calls to one server may be waiting for an answer at a time (R4); those beyond are refused at once, as
    /// overloaded. 4096 unless told. Each member of a cluster has so many places of its own.
    pub const fn max_in_flight(mut self, calls: usize) -> Self {
        self.max_in_flight = calls;
        self
    }

    /// How many connections to hold to each server. 2 unless told: more do not make a server faster.
    pub const fn connections(mut self, connections: usize) -> Self {
        self.connections = connections;
        self
    }

    /// When to stop asking a server, and when to try again: as [`BreakerConfig::default`] says, but for probes in vain, which are half
    /// a second apart at most. A probe is given twice the deadline at least.
    pub const fn breaker(mut self, config: BreakerConfig) -> Self {
        self.breaker = config;
        self
    }

    /// Keep subjects out of the server: their keys hold a keyed hash of 128 bits instead of their bytes. All nodes
    /// need the same key. Subjects longer than 128 bytes are hashed in any case, with this key if one is given.
    pub const fn hash_subjects(mut self, key: [u8; 16]) -> Self {
        self.hash_subjects = true;
        self.hash_key = key;
        self
    }

    /// Whom to trust, and what to prove oneself with, where the address begins with `rediss`. Without, the system's
    /// authorities are trusted.
    #[cfg(feature = "tls")]
    pub fn tls(self, tls: crate::Tls) -> Self {
        Self {
            tls: Some(tls),
            ..self
        }
    }

    /// How to speak with Sentinels, where that differs from how to speak with the servers that they watch: a login of
    /// their own, which the address can also name, or other TLS settings.
    pub fn sentinels(self, sentinels: Sentinels) -> Self {
        Self { sentinels, ..self }
    }

    /// Reads the time from a list under this key instead of the server's clock: seconds and microseconds, as `TIME`
    /// gives them. For tests of the scripts.
    #[doc(hidden)]
    pub fn clock_key(self, key: impl Into<String>) -> Self {
        Self {
            clock_key: Some(key.into()),
            ..self
        }
    }

    /// The store. It does not connect yet: the server need not be there (L2).
    ///
    /// # Errors
    ///
    /// If a setting is wrong; the message says which, and never contains a password.
    pub fn build(self) -> Result<RedisStore, ConfigError> {
        self.check()?;
        let target = self.target()?;
        let context = Arc::new(Context {
            scripts: Arc::new(Scripts::new(self.clock_key.clone())),
            deadline: self.deadline,
            max_in_flight: self.max_in_flight,
            tally: Tally::default(),
        });
        let names = Names::new(&self.prefix, self.hash_subjects, self.hash_key);
        let making = Making {
            connections: self.connections,
            // A probe connects, and then makes a call.
            breaker: self.breaker.for_deadline(self.deadline * 2),
            tls: self.tls,
            probe_key: names.own("probe"),
            context: Arc::clone(&context),
        };
        let fleet = making.fleet(target, &names);
        Ok(RedisStore {
            fleet: fleet.map_err(|failure| ConfigError::address(&self.url, failure.message()))?,
            nodes_key: names.own("nodes"),
            generation_key: names.own_beside("nodes", "generation"),
            server_time: ServerTime::default(),
            names,
            context,
        })
    }

    fn target(&self) -> Result<Target, ConfigError> {
        let mut target = Target::parse(&self.url)?;
        let problem = match &mut target {
            Target::Sentinel(target) => self.sentinels.clone().apply(target, &self.tls).err(),
            _ if self.sentinels.says_nothing() => None,
            _ => {
                let problem = "there are settings for Sentinels, and it names none";
                return Err(ConfigError::address(&self.url, problem));
            }
        };
        match problem {
            Some(error) => Err(ConfigError::address(&self.url, error.to_string())),
            None => Ok(target),
        }
    }

    fn check(&self) -> Result<(), ConfigError> {
        if self.prefix.len() > 64 || self.prefix.contains(['{', '}']) {
            return Err(ConfigError::Prefix {
                prefix: self.prefix.clone(),
            });
        }
        let zero = [
            ("the deadline", self.deadline.is_zero()),
            ("the number of calls in flight", self.max_in_flight == 0),
            ("the number of connections", self.connections == 0),
        ];
        match zero.iter().find(|(_, is_zero)| *is_zero) {
            Some((what, _)) => Err(ConfigError::Zero { what }),
            None => Ok(()),
        }
    }
}

/// What servers are made of.
struct Making {
    connections: usize,
    breaker: BreakerConfig,
    tls: TlsSettings,
    probe_key: Vec<u8>,
    context: Arc<Context>,
}

impl Making {
    fn fleet(self, target: Target, names: &Names) -> Result<Fleet, Failure> {
        let connector = match target {
            Target::One(info) => Connector::to_server(info, &self.tls, self.limits())?,
            Target::Sentinel(target) => {
                // What is left of a probe's time is for the connection.
                let patience = self.breaker.probe_deadline / 2;
                Connector::by_sentinel(target, &self.tls, self.limits(), patience)?
            }
            Target::Cluster(target) => {
                let seeds = target.seeds.clone();
                for seed in &seeds {
                    // What is wrong with the settings shows at once.
                    self.member(&target, seed)?;
                }
                return Ok(Fleet::Cluster(Cluster::new(
                    seeds,
                    names.clone(),
                    Permits::new(self.context.max_in_flight),
                    move |address, cluster| {
                        let server = self.server(self.member(&target, address)?, true);
                        let context = Arc::clone(&self.context);
                        Ok(Dispatch::of_member(server, context, cluster))
                    },
                )));
            }
        };
        let server = self.server(connector, false);
        Ok(Fleet::One(Dispatch::new(server, self.context)))
    }

    fn member(&self, target: &ClusterTarget, address: &Address) -> Result<Connector, Failure> {
        let info = target.member(address);
        let info = info.map_err(|error| Failure::from_redis(&address.to_string(), &error))?;
        Connector::to_server(info, &self.tls, self.limits())
    }

    fn limits(&self) -> Limits {
        Limits::new(self.connections, self.context.deadline)
    }

    fn server(&self, connector: Connector, is_member: bool) -> Arc<Server> {
        let scripts = Arc::clone(&self.context.scripts);
        Server::new(
            connector,
            scripts,
            server::Settings {
                connections: self.connections,
                breaker: self.breaker,
                probe_key: self.probe_key.clone(),
                deadline: self.context.deadline,
                is_member,
            },
        )
    }
}
