//! What one hot key asks of the server: commands for each admitted request, and for denied ones.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use tidegate_core::{Algorithm, Tolerance};
use tidegate_limiter::Quota;
use tidegate_test_servers::{Server, Stats};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::own::Tiered;
use crate::goals::{Goal, Report, figure};
use crate::tasks::Limiter;

const NODES: u32 = 3;
const WINDOW: Duration = Duration::from_secs(10);
const LIMIT: u64 = 10_000;
/// How often a node asks for the hot key: 1 500 times a second, half as often again as all may be admitted.
const HOT_EVERY: Duration = Duration::from_micros(667);
/// The most commands for a request that is admitted.
const PER_ADMITTED: f64 = 0.02;
/// How long nothing is asked, to see what nodes say all the same.
const IDLE: Duration = Duration::from_secs(5);
/// The limit of the key that is used up, in an hour, and how often it is asked for all the same.
const USED_UP: u64 = 100;
const DENIED_EVERY: Duration = Duration::from_millis(2);
const DENIED_FOR: Duration = Duration::from_secs(10);
/// The most commands of a node in a second for denied requests: its look at the counts, and some room for jitter.
const PER_SECOND_DENIED: f64 = 1.5;

pub(super) async fn measure(server: &Server, report: &mut Report) -> Result<()> {
    let section = "Commands to the server for one hot key, three nodes, 1 % tolerance";
    for algorithm in [Algorithm::FixedWindow, Algorithm::SlidingWindow] {
        let quota = Quota::new(LIMIT, WINDOW)?.with_algorithm(algorithm)?;
        let nodes = nodes(server, quota).await?;
        let (admitted, _, scripts) = load(server, &nodes, HOT_EVERY, 3 * WINDOW).await?;
        let commands = scripts / admitted as f64;
        report.add(
            section,
            &format!("10 000 per 10 s, {algorithm}"),
            vec![
                figure("admitted", admitted as f64),
                figure("commands an admitted request", commands)
                    .against(Goal::AtMost(PER_ADMITTED)),
            ],
        );
    }
    let quota = Quota::per_hour(USED_UP)?.with_algorithm(Algorithm::FixedWindow)?;
    let nodes = nodes(server, quota).await?;
    // To use it up takes a command for nearly each request: the limit is too small to be shared out.
    load(server, &nodes, DENIED_EVERY, Duration::from_secs(2)).await?;
    let (admitted, denied, scripts) = load(server, &nodes, DENIED_EVERY, DENIED_FOR).await?;
    let per_second = scripts / f64::from(NODES) / DENIED_FOR.as_secs_f64();
    report.add(
        section,
        "a key that is used up, 1 500 requests a second",
        vec![
            figure("admitted", admitted as f64),
            figure("denied", denied as f64),
            figure("commands a node and second", per_second)
                .against(Goal::AtMost(PER_SECOND_DENIED)),
        ],
    );
    Ok(())
}

/// Nodes that are connected, on a server that knows of nobody else.
async fn nodes(server: &Server, quota: Quota) -> Result<Vec<Arc<Tiered>>> {
    server.admin().flush_all()?;
    let tolerance = Tolerance::from_fraction(0.01)?;
    let nodes = (0..NODES).map(|_| Tiered::connect(&server.url(), quota, tolerance).map(Arc::new));
    let nodes = nodes.collect::<Result<Vec<_>>>()?;
    for node in &nodes {
        node.ready(NODES).await?;
    }
    Ok(nodes)
}

/// All nodes ask for one key at a steady rate; what they were admitted and denied, and how many scripts the server ran for
/// that. What nodes say once a second whatever happens, that they are alive, is measured before and not in it.
async fn load(
    server: &Server,
    nodes: &[Arc<Tiered>],
    every: Duration,
    time: Duration,
) -> Result<(u64, u64, f64)> {
    // What is untold has been told then, and only registrations are left.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let idle = server.admin().stats()?;
    tokio::time::sleep(IDLE).await;
    let before = server.admin().stats()?;
    let registering = scripts(&before.since(&idle)) * time.as_secs_f64() / IDLE.as_secs_f64();
    let end = Instant::now() + time;
    let tasks: Vec<_> = nodes
        .iter()
        .map(|node| tokio::spawn(ask(Arc::clone(node), every, end)))
        .collect();
    let (mut admitted, mut denied) = (0, 0);
    for task in tasks {
        let (more_admitted, more_denied) = task.await??;
        admitted += more_admitted;
        denied += more_denied;
    }
    let ran = scripts(&server.admin().stats()?.since(&before));
    Ok((admitted, denied, (ran - registering).max(0.0)))
}

fn scripts(stats: &Stats) -> f64 {
    (stats.calls_of("evalsha") + stats.calls_of("evalsha_ro")) as f64
}

async fn ask(node: Arc<Tiered>, every: Duration, end: Instant) -> Result<(u64, u64)> {
    let (mut admitted, mut denied) = (0, 0);
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    while Instant::now() < end {
        ticks.tick().await;
        if node.check("client").await? {
            admitted += 1;
        } else {
            denied += 1;
        }
    }
    Ok((admitted, denied))
}
