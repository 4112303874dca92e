//! A node stands still, is flooded, or ends.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tidegate_store::{Request, Store};
use tidegate_store_redis::RedisStore;
use tidegate_store_tiered::TieredStore;
use tidegate_test_servers::Server;
use tidegate_test_servers::wait::{State, until};

use super::{Proof, Row, Scale};
use crate::figures::Figures;
use crate::run::Run;
use crate::scene::rules;

/// How many subjects the flooded node holds at the most.
const CAP: usize = 10_000;

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "node-paused",
        about: "one of three nodes stands still for 10 s, replies and timers included",
        proof: Proof::Made(node_paused),
    },
    Row {
        name: "flood",
        about: "a flood of new keys (--flood N) on a node that holds 10 000",
        proof: Proof::Made(flood),
    },
    Row {
        name: "unsent",
        about: "a node is shut down while the server hangs",
        proof: Proof::Made(unsent),
    },
];

fn node_paused(_: &Scale) -> Result<Figures> {
    let server = Server::start()?;
    let run = Run::new(|| RedisStore::builder(&server.url()), &[&server]);
    let paused = std::cell::Cell::new(None);
    Run {
        windows: 10,
        paused: Some(0),
        ..run
    }
    .measure(
        |scene| {
            paused.set(Some(scene.pause(0)?));
            Ok(())
        },
        || {
            drop(paused.take());
            Ok(())
        },
    )
}

pub(super) fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("no runtime")
}

/// R1: the table stays within its cap, those already known keep their counts, and the table is used again afterwards.
fn flood(scale: &Scale) -> Result<Figures> {
    let server = Server::start()?;
    let (runtime, rules) = (runtime()?, rules()?);
    let store = {
        let _inside = runtime.enter();
        TieredStore::builder(RedisStore::connect(&server.url())?)
            .max_entries(CAP)
            .build()?
    };
    let known = Request::new("known", &rules[1..]);
    let (mut longest, mut overflowed) = (Duration::ZERO, 0);
    runtime.block_on(async {
        for _ in 0..100 {
            ensure!(
                store.acquire(&known).await?.is_allowed(),
                "the first 100 fit"
            );
        }
        for number in 0..scale.flood {
            let subject = format!("flood-{number}");
            let began = Instant::now();
            let _ = store
                .acquire(&Request::new(subject.as_str(), &rules[..1]))
                .await?;
            longest = longest.max(began.elapsed());
            if number % 1_000 == 0 {
                let stats = store.stats();
                ensure!(stats.entries <= CAP, "R1: {stats:?}");
                tokio::task::yield_now().await;
            }
        }
        let stats = store.stats();
        overflowed = stats.overflowed;
        ensure!(overflowed > 0 || stats.evicted > 0, "no flood: {stats:?}");
        let left = store.peek(&known).await?.statuses()[0].remaining();
        let counted = rules[1].quota().limit() - left;
        ensure!(
            counted == 100,
            "R1: a known subject was reset: {counted} of 100"
        );
        Ok(())
    })?;
    until("R1: new subjects to have entries again", || {
        let subject = format!("later-{}", fastrand::u64(..));
        let before = store.stats().overflowed;
        let request = Request::new(subject.as_str(), &rules[..1]);
        let _ = runtime.block_on(store.acquire(&request))?;
        let stats = store.stats();
        Ok(State::of(stats.overflowed == before, || {
            format!("{stats:?}")
        }))
    })?;
    Ok(Figures {
        longest: Some(longest),
        note: format!("{} keys, {overflowed} on the overflow counter", scale.flood),
        ..Figures::default()
    })
}

/// L7: what could not be sent is said, and no longer waited for than was allowed.
fn unsent(_: &Scale) -> Result<Figures> {
    const WITHIN: Duration = Duration::from_millis(300);
    let server = Server::start()?;
    let (runtime, rules) = (runtime()?, rules()?);
    let store = {
        let _inside = runtime.enter();
        TieredStore::new(RedisStore::connect(&server.url())?)
    };
    let request = Request::new("client", &rules[1..]);
    let _ = runtime.block_on(store.acquire(&request))?;
    until("the first count to be sent", || {
        let stats = store.stats();
        Ok(State::of(stats.lag.is_some() && stats.pending == 0, || {
            format!("{stats:?}")
        }))
    })?;
    server.freeze()?;
    let mut admitted = 0;
    for _ in 0..50 {
        admitted += u64::from(runtime.block_on(store.acquire(&request))?.is_allowed());
    }
    let began = Instant::now();
    let unsent = runtime.block_on(store.shutdown(WITHIN));
    let took = began.elapsed();
    ensure!(
        took < WITHIN + Duration::from_secs(1),
        "L7: it took {took:?}"
    );
    // The first one was counted, but that it was may be what the server had not yet said.
    ensure!(
        (admitted..=admitted + 1).contains(&unsent.cost) && unsent.subjects == 1,
        "L7: {admitted} were admitted and not sent, and it says {unsent:?}"
    );
    Ok(Figures::noted(format!(
        "{admitted} unsent, told after {} ms",
        took.as_millis()
    )))
}
