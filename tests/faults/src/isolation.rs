//! A network of our own, in which packets can be dropped: a namespace with nothing in it but a loopback device.
//!
//! The whole program runs in it, so that nothing has to be cleaned up: the namespace ends with its last process.

use std::env;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use tidegate_test_servers::{Direction, Proxy, Server};

/// Says that this process is in a namespace already.
const INSIDE: &str = "TIDEGATE_FAULTS_ISOLATED";

/// Runs the program again, in a network namespace of its own, if that can be had here; returns if it cannot, or if this
/// is the one inside.
pub fn enter() {
    if env::var_os(INSIDE).is_some() {
        return;
    }
    let Ok(program) = env::current_exe() else {
        return;
    };
    for namespaces in [&["--net"][..], &["--user", "--map-root-user", "--net"]] {
        let inside = |script: &str| {
            let mut command = Command::new("unshare");
            command
                .args(namespaces)
                .args(["--", "sh", "-c", script, "sh"]);
            command
        };
        if inside("ip link set lo up")
            .output()
            .is_ok_and(|output| output.status.success())
        {
            // Returns only if it fails; then the rows that need it are not run.
            let _ = inside("ip link set lo up && exec \"$@\"")
                .arg(&program)
                .args(env::args_os().skip(1))
                .env(INSIDE, "1")
                .exec();
        }
    }
}

/// Why packets cannot be dropped here, if they cannot.
pub fn missing() -> Option<String> {
    if env::var_os(INSIDE).is_none() {
        return Some("no network namespace: run as root, with util-linux and iproute2".to_owned());
    }
    let trial = nft("add table inet tidegate_trial\ndelete table inet tidegate_trial\n");
    trial.err().map(|error| {
        format!("no packet filter ({error:#}): install it with `apt-get install nftables`")
    })
}

/// The way between nodes and a server, and what can be done to it.
#[derive(Debug)]
pub enum Wire {
    /// A packet filter in front of the server.
    Filter(Filter),
    /// A proxy, where packets cannot be dropped: it holds what would be lost.
    Proxy(Proxy),
}

impl Wire {
    /// The best that can be had.
    ///
    /// # Errors
    ///
    /// If not even the proxy can be had.
    pub fn to(server: &Server) -> Result<Self> {
        Ok(match missing() {
            None => Self::Filter(Filter::on(server.port())),
            Some(_) => Self::Proxy(Proxy::start(server.address())?),
        })
    }

    /// Where clients connect to.
    pub fn url(&self, server: &Server) -> String {
        match self {
            Self::Filter(_) => server.url(),
            Self::Proxy(proxy) => proxy.url(),
        }
    }

    /// Lets nothing through, in these directions.
    ///
    /// # Errors
    ///
    /// If the filter does not take it.
    pub fn swallow(&self, directions: &[Direction]) -> Result<()> {
        for direction in directions {
            match self {
                Self::Filter(filter) => filter.add(*direction, "drop")?,
                Self::Proxy(proxy) => proxy.hold(*direction),
            }
        }
        Ok(())
    }

    /// Lets everything through again.
    ///
    /// # Errors
    ///
    /// If the filter does not take it.
    pub fn heal(&self) -> Result<()> {
        match self {
            Self::Filter(filter) => filter.clear(),
            Self::Proxy(proxy) => {
                proxy.heal();
                Ok(())
            }
        }
    }

    /// How it is done, for the table.
    pub const fn means(&self) -> &'static str {
        match self {
            Self::Filter(_) => "packets dropped",
            Self::Proxy(_) => "held by a proxy",
        }
    }
}

/// Rules about the packets of one port.
#[derive(Debug)]
pub struct Filter {
    port: u16,
}

impl Filter {
    /// No rules yet.
    pub const fn on(port: u16) -> Self {
        Self { port }
    }

    /// Does something to the packets of a direction: `drop`, `numgen random mod 100 < 10 drop`.
    ///
    /// # Errors
    ///
    /// If the filter does not take it.
    pub fn add(&self, direction: Direction, action: &str) -> Result<()> {
        let port = match direction {
            Direction::ToServer => "dport",
            Direction::ToClient => "sport",
        };
        let (table, number) = (self.table(), self.port);
        nft(&format!(
            "add table inet {table}\n\
             add chain inet {table} in {{ type filter hook input priority 0; policy accept; }}\n\
             add rule inet {table} in tcp {port} {number} {action}\n"
        ))
    }

    /// Takes all rules away.
    ///
    /// # Errors
    ///
    /// If the filter does not take it.
    pub fn clear(&self) -> Result<()> {
        let table = self.table();
        nft(&format!(
            "add table inet {table}\ndelete table inet {table}\n"
        ))
    }

    fn table(&self) -> String {
        format!("tidegate_{}", self.port)
    }
}

fn nft(rules: &str) -> Result<()> {
    ensure!(
        env::var_os(INSIDE).is_some(),
        "the packet filter of the machine itself is left alone"
    );
    let mut child = Command::new("nft")
        .args(["-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot run nft")?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(rules.as_bytes())?;
    }
    let output = child.wait_with_output()?;
    ensure!(
        output.status.success(),
        "nft: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}
