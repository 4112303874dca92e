//! How fast: contestants in turn, round after round, because a machine is not equally fast all the time.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tidegate_test_servers::Server;

use super::ALGORITHMS;
use super::contestants::{ActixExtensible, Exact, Incr, IncrExpire, WholeLimiter};
use crate::goals::{Goal, Report, figure};
use crate::latency::Latencies;
use crate::statistics::{median, ratio};
use crate::tasks::{Limiter, Load, flood, shuffled_keys};

const KEYS: u32 = 10_000;
/// The part of raw INCR's throughput that each algorithm must reach.
const OF_INCR: f64 = 0.45;

type Run = Box<dyn Fn(Arc<[String]>, Duration) -> Pin<Box<dyn Future<Output = Result<Load>>>>>;

/// A contestant, and what was measured of it.
struct Measured {
    name: &'static str,
    run: Run,
    /// Answers in a second, round by round.
    per_second: Vec<f64>,
    /// Microseconds of the server's processor time for an answer, round by round.
    server_micros: Vec<f64>,
    /// The 99th percentile, round by round.
    p99: Vec<f64>,
    latencies: Latencies,
}

/// Measures all contestants on one server, each in a database of its own.
pub(super) async fn measure(
    server: &Server,
    rounds: usize,
    time: Duration,
    report: &mut Report,
) -> Result<()> {
    let mut contestants = contestants(server).await?;
    let keys = shuffled_keys(KEYS);
    let count = contestants.len();
    for round in 0..=rounds {
        for turn in 0..count {
            let contestant = &mut contestants[(turn + round) % count];
            let before = server.admin().stats()?;
            let load = (contestant.run)(Arc::clone(&keys), time).await;
            let load = load.with_context(|| contestant.name.to_owned())?;
            let cost = server.admin().stats()?.since(&before);
            ensure!(load.admitted == load.answers, "{} denied", contestant.name);
            // The first round warms up.
            if round > 0 {
                contestant.note(&load, cost.cpu_micros);
            }
        }
    }
    tell(&contestants, report)
}

async fn contestants(server: &Server) -> Result<Vec<Measured>> {
    let url = |database: usize| format!("{}/{database}", server.url());
    let mut all = vec![
        Measured::of("INCR", Incr::connect(&url(0)).await?),
        Measured::of("INCR + EXPIRE", IncrExpire::connect(&url(1)).await?),
        Measured::of(
            "actix-extensible-rate-limit",
            ActixExtensible::connect(&url(2)).await?,
        ),
    ];
    for (index, (algorithm, name)) in ALGORITHMS.into_iter().enumerate() {
        all.push(Measured::of(
            name,
            Exact::connect(&url(3 + index), algorithm)?,
        ));
    }
    let (algorithm, _) = ALGORITHMS[0];
    let whole = WholeLimiter::connect(&url(6), algorithm)?;
    all.push(Measured::of("fixed window, the whole limiter", whole));
    Ok(all)
}

fn tell(contestants: &[Measured], report: &mut Report) -> Result<()> {
    let [incr, by_hand, peer, own @ ..] = contestants else {
        anyhow::bail!("there are fewer contestants than expected");
    };
    let section =
        "64 tasks, 10 000 keys, one server; by the INCR and by the peer: median ratios of a round";
    for contestant in [incr, by_hand, peer] {
        report.add(section, contestant.name, contestant.figures());
    }
    for contestant in own {
        let mut figures = contestant.figures();
        let by_incr = ratio(&contestant.per_second, &incr.per_second);
        let by_peer = ratio(&contestant.per_second, &peer.per_second);
        let p99 = ratio(&contestant.p99, &peer.p99);
        figures.extend([
            figure("by INCR", by_incr).against(Goal::AtLeast(OF_INCR)),
            figure("by peer", by_peer).against(Goal::AtLeast(1.0)),
            figure("p99 by peer", p99).against(Goal::AtMost(1.0)),
        ]);
        report.add(section, &format!("tidegate, {}", contestant.name), figures);
    }
    Ok(())
}

impl Measured {
    fn of<L: Limiter>(name: &'static str, limiter: L) -> Self {
        let limiter = Arc::new(limiter);
        Self {
            name,
            run: Box::new(move |keys, time| {
                let limiter = Arc::clone(&limiter);
                Box::pin(async move { flood(&limiter, &keys, time, true).await })
            }),
            per_second: Vec::new(),
            server_micros: Vec::new(),
            p99: Vec::new(),
            latencies: Latencies::new(),
        }
    }

    fn note(&mut self, load: &Load, server_micros: u64) {
        self.per_second.push(load.per_second());
        self.server_micros
            .push(server_micros as f64 / load.answers as f64);
        self.p99.push(load.latencies.quantile(0.99));
        self.latencies.add(&load.latencies);
    }

    fn figures(&self) -> Vec<crate::goals::Figure> {
        vec![
            figure("/s", median(&self.per_second)),
            figure("p50 us", self.latencies.quantile(0.5)),
            figure("p99 us", self.latencies.quantile(0.99)),
            figure("server us", median(&self.server_micros)),
        ]
    }
}
