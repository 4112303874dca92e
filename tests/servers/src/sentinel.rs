//! Three Sentinels, the primary that they watch, and its replica.

use std::time::Duration;

use anyhow::{Context, Result};

use crate::server::{Options, Role, Server, with_credentials};
use crate::wait::{State, until_within};

const SENTINELS: usize = 3;

/// How many Sentinels must agree that the primary is gone.
const QUORUM: usize = 2;

/// How long Sentinels may take to agree on something. They take about 2 s; but Sentinels that see their machine stand
/// still for 2 s trust nothing that they know or hear for 30 s (TILT), and begin after that.
const PATIENCE: Duration = Duration::from_secs(90);

/// Three Sentinels with a primary and a replica. Dropping it stops all of them.
#[derive(Debug)]
pub struct Sentinels {
    sentinels: Vec<Server>,
    servers: [Server; 2],
}

impl Sentinels {
    /// What the Sentinels call the primary.
    pub const NAME: &'static str = "tidegate-test";

    /// A trio that is ready: every Sentinel knows the others and the replica, and the replica is in step.
    ///
    /// # Errors
    ///
    /// As [`Server::start`], or if they do not find each other.
    pub fn start() -> Result<Self> {
        Self::start_with(&Options::new())
    }

    /// A trio that watches servers with these options.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn start_with(servers: &Options) -> Result<Self> {
        Self::start_guarded(servers, &Options::new())
    }

    /// A trio with these options that watches servers with those.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn start_guarded(servers: &Options, sentinels: &Options) -> Result<Self> {
        let primary = servers.start()?;
        let replica = servers
            .clone()
            .config("replicaof", &format!("127.0.0.1 {}", primary.port()))
            .config("repl-diskless-sync-delay", "0")
            .start()?;
        let watcher = sentinels
            .clone()
            .role(Role::Sentinel)
            .flavor(servers.flavor);
        let settings = [
            format!(
                "monitor {} 127.0.0.1 {} {QUORUM}",
                Self::NAME,
                primary.port()
            ),
            format!("down-after-milliseconds {} 500", Self::NAME),
            format!("failover-timeout {} 3000", Self::NAME),
        ];
        let watcher = settings.iter().fold(watcher, |watcher, setting| {
            watcher.config("sentinel", setting)
        });
        let sentinels = (0..SENTINELS)
            .map(|_| watcher.start())
            .collect::<Result<Vec<_>>>()?;
        let trio = Self {
            sentinels,
            servers: [primary, replica],
        };
        trio.wait_until_ready()?;
        Ok(trio)
    }

    fn wait_until_ready(&self) -> Result<()> {
        let what = "the Sentinels to find each other and the replica";
        until_within(PATIENCE, what, || {
            for sentinel in &self.sentinels {
                let known: Vec<String> =
                    sentinel.admin().run(&["SENTINEL", "MASTER", Self::NAME])?;
                let says =
                    |name: &str, value: &str| known.chunks(2).any(|pair| pair == [name, value]);
                if !(says("num-slaves", "1")
                    && says("num-other-sentinels", "2")
                    && says("flags", "master"))
                {
                    return Ok(State::NotYet(format!("{known:?}")));
                }
            }
            let info: String = self.servers[1].admin().run(&["INFO", "replication"])?;
            Ok(State::of(info.contains("master_link_status:up"), || info))
        })
    }

    /// The Sentinels.
    pub fn sentinels(&self) -> &[Server] {
        &self.sentinels
    }

    /// The URL by which clients find the primary.
    pub fn url(&self) -> String {
        let addresses: Vec<String> = self
            .sentinels
            .iter()
            .map(|sentinel| sentinel.address().to_string())
            .collect();
        let scheme = self.sentinels[0].scheme();
        format!("{scheme}+sentinel://{}/{}", addresses.join(","), Self::NAME)
    }

    /// The same with credentials, for the primary.
    pub fn url_as(&self, user: &str, password: &str) -> String {
        with_credentials(&self.url(), user, password)
    }

    /// The URL of each Sentinel.
    pub fn urls(&self) -> Vec<String> {
        self.sentinels.iter().map(Server::url).collect()
    }

    /// The two servers that they watch; the first was the primary at the start.
    pub const fn servers(&self) -> &[Server; 2] {
        &self.servers
    }

    /// The server that the Sentinels call the primary now.
    ///
    /// # Errors
    ///
    /// If no Sentinel answers, or it names a stranger.
    pub fn primary(&self) -> Result<&Server> {
        let address: [String; 2] =
            self.sentinels[0]
                .admin()
                .run(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", Self::NAME])?;
        let mut servers = self.servers.iter();
        servers
            .find(|server| server.port().to_string() == address[1])
            .with_context(|| format!("the Sentinels name a stranger: {address:?}"))
    }

    /// Kills the primary and returns when all Sentinels have made the other server the primary, and it writes.
    ///
    /// # Errors
    ///
    /// If they do not.
    pub fn fail_over(&self) -> Result<&Server> {
        let lost = self.primary()?.port();
        self.primary()?.kill();
        let mut servers = self.servers.iter();
        let heir = servers
            .find(|server| server.port() != lost)
            .context("there is no other server")?;
        let port = heir.port().to_string();
        until_within(PATIENCE, "the Sentinels to fail over", || {
            for sentinel in &self.sentinels {
                let address: [String; 2] =
                    sentinel
                        .admin()
                        .run(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", Self::NAME])?;
                if address[1] != port {
                    return Ok(State::NotYet(format!(
                        "{} still names {address:?}",
                        sentinel.url()
                    )));
                }
            }
            let role: String = heir.admin().run(&["INFO", "replication"])?;
            Ok(State::of(role.contains("role:master"), || role))
        })?;
        Ok(heir)
    }
}
