//! The server is gone, hangs, dies, comes and goes, or is not the primary any more.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use tidegate_store_redis::RedisStore;
use tidegate_test_servers::{Options, Proxy, Server};

use super::{Proof, Row, Scale};
use crate::figures::Figures;
use crate::run::Run;

/// How long a server is told to be busy where it cannot be told to stop.
const BUSY: Duration = Duration::from_secs(4);

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "down-at-start",
        about: "nothing listens when the nodes start",
        proof: Proof::Made(down_at_start),
    },
    Row {
        name: "refused",
        about: "connections are reset, new ones refused",
        proof: Proof::Made(refused),
    },
    Row {
        name: "hang-stopped",
        about: "the server is stopped (SIGSTOP)",
        proof: Proof::Made(stopped),
    },
    Row {
        name: "hang-paused",
        about: "CLIENT PAUSE ALL",
        proof: Proof::Made(paused),
    },
    Row {
        name: "hang-busy",
        about: "DEBUG SLEEP",
        proof: Proof::Made(busy),
    },
    Row {
        name: "flapping",
        about: "the server hangs and works in turn, a second each",
        proof: Proof::Made(flapping),
    },
    Row {
        name: "killed",
        about: "kill -9, and started again empty",
        proof: Proof::Made(killed),
    },
    Row {
        name: "read-only",
        about: "the primary has become a replica (READONLY)",
        proof: Proof::Made(read_only),
    },
    Row {
        name: "primary-down",
        about: "a replica without its primary that serves nothing stale (MASTERDOWN)",
        proof: Proof::Made(primary_down),
    },
    Row {
        name: "loading",
        about: "the server loads its data (LOADING)",
        proof: Proof::Made(loading),
    },
    Row {
        name: "endless-script",
        about: "somebody's script never ends (BUSY)",
        proof: Proof::Made(endless_script),
    },
    Row {
        name: "no-more-clients",
        about: "maxclients is reached",
        proof: Proof::Made(no_more_clients),
    },
];

fn down_at_start(_: &Scale) -> Result<Figures> {
    let server = Server::start()?;
    server.kill();
    Run::new(|| RedisStore::builder(&server.url()), &[&server])
        .measure_from_start(|| server.start_again())
}

fn refused(_: &Scale) -> Result<Figures> {
    let server = Server::start()?;
    let proxy = Proxy::start(server.address())?;
    let run = Run::new(|| RedisStore::builder(&proxy.url()), &[&server]);
    Run {
        direct: RedisStore::builder(&server.url()),
        ..run
    }
    .measure(|_| proxy.refuse(), || proxy.accept())
}

fn stopped(_: &Scale) -> Result<Figures> {
    let server = Server::start()?;
    Run::new(|| RedisStore::builder(&server.url()), &[&server])
        .measure(|_| server.freeze(), || server.thaw())
}

fn paused(_: &Scale) -> Result<Figures> {
    let server = Server::start()?;
    Run::new(|| RedisStore::builder(&server.url()), &[&server]).measure(
        |_| server.admin().pause_clients(BUSY),
        || server.admin().run::<String>(&["PING"]).map(drop),
    )
}

fn busy(_: &Scale) -> Result<Figures> {
    let server = Server::start()?;
    Run::new(|| RedisStore::builder(&server.url()), &[&server]).measure(
        |_| server.keep_busy(BUSY),
        || server.admin().run::<String>(&["PING"]).map(drop),
    )
}

fn flapping(_: &Scale) -> Result<Figures> {
    let server = Server::start()?;
    let run = Run::new(|| RedisStore::builder(&server.url()), &[&server]);
    Run { windows: 1, ..run }.measure(
        |_| {
            for _ in 0..3 {
                server.freeze()?;
                wait(Duration::from_secs(1));
                server.thaw()?;
                wait(Duration::from_secs(1));
            }
            Ok(())
        },
        || Ok(()),
    )
}

/// The fault's own rhythm: nothing is waited for.
fn wait(time: Duration) {
    let until = Instant::now() + time;
    while Instant::now() < until {
        thread::sleep(Duration::from_millis(5));
    }
}

fn killed(_: &Scale) -> Result<Figures> {
    let server = Server::start()?;
    Run::new(|| RedisStore::builder(&server.url()), &[&server]).measure(
        |_| {
            server.kill();
            Ok(())
        },
        || server.start_again(),
    )
}

fn read_only(_: &Scale) -> Result<Figures> {
    let (server, other) = (Server::start()?, Server::start()?);
    replica_of(&server, other.port())
}

fn primary_down(_: &Scale) -> Result<Figures> {
    let server = Options::new()
        .config("replica-serve-stale-data", "no")
        .start()?;
    let gone = Server::start()?;
    gone.kill();
    replica_of(&server, gone.port())
}

/// The server becomes a replica for a while.
fn replica_of(server: &Server, primary: u16) -> Result<Figures> {
    Run::new(|| RedisStore::builder(&server.url()), &[server]).measure(
        |_| server.admin().replicate(Some(primary)),
        || server.admin().replicate(None),
    )
}

fn loading(_: &Scale) -> Result<Figures> {
    let server = Options::new()
        .config("loading-process-events-interval-bytes", "1024")
        .start()?;
    let text = "x".repeat(2_000);
    for number in 0..80 {
        let key = format!("ballast-{number}");
        server.admin().run::<()>(&["SET", &key, &text])?;
    }
    Run::new(|| RedisStore::builder(&server.url()), &[&server]).measure(
        |_| {
            // Microseconds for each key.
            server.admin().set("key-load-delay", "50000")?;
            server.reload()
        },
        || server.admin().set("key-load-delay", "0"),
    )
}

fn endless_script(_: &Scale) -> Result<Figures> {
    let server = Options::new()
        .config("busy-reply-threshold", "50")
        .start()?;
    Run::new(|| RedisStore::builder(&server.url()), &[&server]).measure(
        |_| server.run_endless_script(),
        || server.admin().run(&["SCRIPT", "KILL"]),
    )
}

fn no_more_clients(_: &Scale) -> Result<Figures> {
    let server = Server::start()?;
    let proxy = Proxy::start(server.address())?;
    let run = Run::new(|| RedisStore::builder(&proxy.url()), &[&server]);
    Run {
        direct: RedisStore::builder(&server.url()),
        ..run
    }
    .measure(
        |_| {
            server.admin().set("maxclients", "1")?;
            proxy.cut()
        },
        || server.admin().set("maxclients", "1000"),
    )
}
