//! The server forgets, is full, throws away, or holds something else than it was given.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tidegate_store::{Request, Store};
use tidegate_store_redis::RedisStore;
use tidegate_store_tiered::TieredStore;
use tidegate_test_servers::Server;
use tidegate_test_servers::wait::{State, until};

use super::nodes::runtime;
use super::{Proof, Row, Scale};
use crate::figures::Figures;
use crate::run::Run;
use crate::scene::{CLIENT, rules};

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "flushed",
        about: "FLUSHALL",
        proof: Proof::Made(flushed),
    },
    Row {
        name: "flushed-idle",
        about: "FLUSHALL in mid-window, and nobody asks for the client any more",
        proof: Proof::Made(flushed_idle),
    },
    Row {
        name: "scripts-flushed",
        about: "SCRIPT FLUSH",
        proof: Proof::Made(scripts_flushed),
    },
    Row {
        name: "full",
        about: "out of memory, noeviction (OOM): it still answers PING",
        proof: Proof::Made(full),
    },
    Row {
        name: "evicted",
        about: "out of memory, and our keys are thrown away",
        proof: Proof::Made(evicted),
    },
    Row {
        name: "wrong-type",
        about: "a list in the place of the client's records",
        proof: Proof::Made(|_| {
            tampered("redis.call('DEL', key) redis.call('LPUSH', key, 'x')", true)
        }),
    },
    Row {
        name: "garbage",
        about: "garbage in the place of the client's records",
        proof: Proof::Made(|_| {
            tampered(
                "redis.call('SET', key, 'no record, but as long as one')",
                true,
            )
        }),
    },
    Row {
        name: "no-expiry",
        about: "the client's records lose their expiry",
        proof: Proof::Made(|_| tampered("redis.call('PERSIST', key)", true)),
    },
    Row {
        name: "expiry-2090",
        about: "the client's records expire in 2090",
        proof: Proof::Made(|_| tampered("redis.call('EXPIREAT', key, 3786912000)", true)),
    },
    Row {
        name: "future-counters",
        about: "the client's records are of windows to come",
        // What another node is said to have admitted stays in the record: it no longer counts what ours did.
        proof: Proof::Made(|_| tampered("redis.call('SETRANGE', key, 1, '~~~~~~')", false)),
    },
];

fn flushed(_: &Scale) -> Result<Figures> {
    let server = Server::start()?;
    Run::new(|| RedisStore::builder(&server.url()), &[&server])
        .measure(|_| server.admin().flush_all(), || Ok(()))
}

/// G6: nodes that have nothing more to say tell again what the server has lost.
fn flushed_idle(_: &Scale) -> Result<Figures> {
    const ADMITTED: [u64; 2] = [30, 12];
    let server = Server::start()?;
    let (runtime, rules) = (runtime()?, rules()?);
    let direct = RedisStore::builder(&server.url()).deadline(Duration::from_secs(5));
    let direct = direct.build()?;
    let inside = runtime.enter();
    let node = |_| Ok(TieredStore::new(RedisStore::connect(&server.url())?));
    let nodes: Vec<TieredStore> = ADMITTED.iter().map(node).collect::<Result<_>>()?;
    drop(inside);
    let request = Request::new(CLIENT, &rules[1..]);
    for (node, admitted) in nodes.iter().zip(ADMITTED) {
        for _ in 0..admitted {
            let decision = runtime.block_on(node.acquire(&request))?;
            ensure!(decision.is_allowed(), "there is room");
        }
    }
    let counted = |what| {
        until(what, || {
            let left = runtime.block_on(direct.peek(&request))?.statuses()[0].remaining();
            let counted = rules[1].quota().limit() - left;
            let all = ADMITTED.iter().sum::<u64>();
            Ok(State::of(counted == all, || format!("{counted} of {all}")))
        })
    };
    counted("all to be told")?;
    until("nodes that have nothing to say", || {
        let stats: Vec<_> = nodes.iter().map(TieredStore::stats).collect();
        let quiet = stats.iter().all(|stats| stats.pending == 0);
        Ok(State::of(quiet, || format!("{stats:?}")))
    })?;
    server.admin().flush_all()?;
    let flushed = Instant::now();
    counted("G6: all to be told again")?;
    Ok(Figures::noted(format!(
        "two nodes' {ADMITTED:?} told again after {} ms",
        flushed.elapsed().as_millis()
    )))
}

fn scripts_flushed(_: &Scale) -> Result<Figures> {
    let server = Server::start()?;
    Run::new(|| RedisStore::builder(&server.url()), &[&server])
        .measure(|_| server.admin().flush_scripts(), || Ok(()))
}

fn full(_: &Scale) -> Result<Figures> {
    let server = Server::start()?;
    Run::new(|| RedisStore::builder(&server.url()), &[&server]).measure(
        |_| {
            server.admin().set("maxmemory", "1")?;
            server.admin().run::<String>(&["PING"]).map(drop)
        },
        || server.admin().set("maxmemory", "0"),
    )
}

fn evicted(_: &Scale) -> Result<Figures> {
    let server = Server::start()?;
    let admin = server.admin();
    let figures = Run::new(|| RedisStore::builder(&server.url()), &[&server]).measure(
        |_| {
            admin.set("maxmemory-policy", "allkeys-random")?;
            let most = admin.stats()?.memory + 200_000;
            admin.set("maxmemory", &most.to_string())?;
            let text = "x".repeat(2_000);
            for number in 0..2_000 {
                admin.run::<()>(&["SET", &format!("ballast-{number}"), &text])?;
            }
            Ok(())
        },
        || admin.set("maxmemory", "0"),
    )?;
    let info: String = admin.run(&["INFO", "stats"])?;
    let line = info.lines().find(|line| line.starts_with("evicted_keys:"));
    let line = line.context("no evicted_keys")?;
    ensure!(line != "evicted_keys:0", "nothing was evicted");
    Ok(Figures {
        note: line.replace("evicted_keys:", "keys evicted: "),
        ..figures
    })
}

/// Does something to every record of the client at once, in Lua, where `key` is the record's.
fn tampered(script: &str, counts: bool) -> Result<Figures> {
    let server = Server::start()?;
    let tamper = || -> Result<()> {
        let mut keys = server.admin().keys()?;
        keys.retain(|key| String::from_utf8_lossy(key).contains(CLIENT));
        ensure!(!keys.is_empty(), "the client has no records");
        let mut command = redis::cmd("EVAL");
        command.arg(format!("for _, key in ipairs(KEYS) do {script} end"));
        command.arg(keys.len()).arg(keys);
        server.admin().run_command(&command)
    };
    let run = Run::new(|| RedisStore::builder(&server.url()), &[&server]);
    Run { counts, ..run }.measure(|_| tamper(), || Ok(()))
}
