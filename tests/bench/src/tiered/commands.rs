//! What one hot key asks of the server: commands for each admitted request, and for denied ones.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use tidegate_core::{Algorithm, Tolerance};
use tidegate_limiter::{Quota, Status};
use tidegate_test_servers::{Server, Stats};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};

use super::own::{Tiered, next_window};
use crate::goals::{Goal, Report, figure};
use crate::tasks::Limiter;

const NODES: u32 = 3;
const WINDOW: Duration = Duration::from_secs(10);
const LIMIT: u64 = 10_000;
/// How often a node asks for the hot key: 1 500 times a second, half as often again as all may be admitted.
const HOT_EVERY: Duration = Duration::from_micros(667);
/// The most commands for a request that is admitted: one for each 50, the slack of a node.
const PER_ADMITTED: f64 = 0.02;
/// How many windows are used up.
const WINDOWS: u32 = 3;
/// How many requests of a node wait at the same time, flat out.
const TASKS: usize = 16;
/// The limit of the key that is used up, in an hour, and how often it is asked for all the same.
const USED_UP: u64 = 100;
const DENIED_EVERY: Duration = Duration::from_millis(2);
const DENIED_FOR: Duration = Duration::from_secs(10);
/// The most commands of a node in a second for denied requests: its look at the counts, and some room for jitter.
const PER_SECOND_DENIED: f64 = 1.5;

/// What nodes were answered, and how many scripts the server ran for that.
#[derive(Default)]
struct Cost {
    admitted: u64,
    denied: u64,
    scripts: f64,
}

pub(super) async fn measure(server: &Server, report: &mut Report) -> Result<()> {
    let section =
        "Commands to the server for one hot key, three nodes, 1 % tolerance, 10 000 per 10 s";
    for (tasks, every, pace) in [
        (1, HOT_EVERY, "1 500 requests a second each"),
        (TASKS, Duration::ZERO, "flat out, 16 tasks each"),
    ] {
        let quota = Quota::new(LIMIT, WINDOW)?.with_algorithm(Algorithm::FixedWindow)?;
        let nodes = nodes(server, quota).await?;
        let cost = use_up_windows(server, &nodes, tasks, every).await?;
        let commands = cost.scripts / cost.admitted as f64;
        report.add(
            section,
            &format!("until it is used up, {pace}"),
            vec![
                figure("admitted", cost.admitted as f64),
                figure("commands", cost.scripts),
                figure("commands an admitted request", commands)
                    .against(Goal::AtMost(PER_ADMITTED)),
            ],
        );
    }
    for algorithm in [Algorithm::FixedWindow, Algorithm::SlidingWindow] {
        let quota = Quota::new(LIMIT, WINDOW)?.with_algorithm(algorithm)?;
        let nodes = nodes(server, quota).await?;
        told().await;
        let cost = load(server, &nodes, HOT_EVERY, 3 * WINDOW).await?;
        report.add(
            section,
            &format!("and beyond, {algorithm}"),
            vec![
                figure("admitted", cost.admitted as f64),
                figure("denied", cost.denied as f64),
                figure(
                    "commands an admitted request",
                    cost.scripts / cost.admitted as f64,
                ),
            ],
        );
    }
    let quota = Quota::per_hour(USED_UP)?.with_algorithm(Algorithm::FixedWindow)?;
    let nodes = nodes(server, quota).await?;
    // To use it up takes a command for nearly each request: the limit is too small to be shared out.
    load(server, &nodes, DENIED_EVERY, Duration::from_secs(2)).await?;
    told().await;
    let cost = load(server, &nodes, DENIED_EVERY, DENIED_FOR).await?;
    let per_second = cost.scripts / f64::from(NODES) / DENIED_FOR.as_secs_f64();
    report.add(
        "Commands to the server for denied requests, three nodes",
        "a key that is used up, 1 500 requests a second",
        vec![
            figure("admitted", cost.admitted as f64),
            figure("denied", cost.denied as f64),
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
        // A key that is hot was seen before.
        let _ = node.decide("client").await;
    }
    Ok(nodes)
}

/// What it costs that all nodes ask for one key at a steady rate.
async fn load(
    server: &Server,
    nodes: &[Arc<Tiered>],
    every: Duration,
    time: Duration,
) -> Result<Cost> {
    let work =
        move |node: Arc<Tiered>| async move { ask(&node, every, Instant::now() + time).await };
    cost(server, nodes, 1, work).await
}

/// What it costs that so many tasks of each node do this. That nodes say that they are alive, once a
/// second whatever happens, is not in it.
async fn cost<F: Future<Output = Result<(u64, u64)>> + Send + 'static>(
    server: &Server,
    nodes: &[Arc<Tiered>],
    tasks: usize,
    work: impl Fn(Arc<Tiered>) -> F,
) -> Result<Cost> {
    let before = server.admin().stats()?;
    let tasks: Vec<_> = nodes
        .iter()
        .flat_map(|node| (0..tasks).map(move |_| Arc::clone(node)))
        .map(|node| tokio::spawn(work(node)))
        .collect();
    let (mut admitted, mut denied) = (0, 0);
    for task in tasks {
        let (more_admitted, more_denied) = task.await??;
        admitted += more_admitted;
        denied += more_denied;
    }
    let scripts = scripts(&server.admin().stats()?.since(&before));
    Ok(Cost {
        admitted,
        denied,
        scripts,
    })
}

/// How many scripts ran. One that registers a node, and no other, calls `ZADD`.
fn scripts(stats: &Stats) -> f64 {
    let ran = stats.calls_of("evalsha") + stats.calls_of("evalsha_ro");
    ran as f64 - stats.calls_of("zadd") as f64
}

/// What it costs to use up a few windows, each from its beginning until half a second after it was used up: what is told of
/// admitted requests alone is counted. A node looks at the counts again a second after a denial, which belongs to that.
async fn use_up_windows(
    server: &Server,
    nodes: &[Arc<Tiered>],
    tasks: usize,
    every: Duration,
) -> Result<Cost> {
    let mut sum = Cost::default();
    for _ in 0..WINDOWS {
        // Not in the window in which nodes were made ready, nor in that of the cost before.
        sleep_until(next_window(WINDOW)?).await;
        let work = move |node: Arc<Tiered>| async move { use_up(&node, every).await };
        let cost = cost(server, nodes, tasks, work).await?;
        sum.admitted += cost.admitted;
        sum.denied += cost.denied;
        sum.scripts += cost.scripts;
    }
    Ok(sum)
}

/// Until nothing is untold any more.
async fn told() {
    sleep(Duration::from_secs(2)).await;
}

/// Asks for a key until none is left, as far as the node knows.
async fn use_up(node: &Tiered, every: Duration) -> Result<(u64, u64)> {
    let (mut admitted, mut denied) = (0, 0);
    let mut ticks = (!every.is_zero()).then(|| interval(every));
    loop {
        match &mut ticks {
            Some(ticks) => drop(ticks.tick().await),
            None => tokio::task::yield_now().await,
        }
        let decision = node.decide("client").await;
        if !decision.is_allowed() {
            denied += 1;
            break;
        }
        admitted += 1;
        if decision.most_restrictive().map(Status::remaining) == Some(0) {
            break;
        }
    }
    // The last of it is told.
    sleep(Duration::from_millis(500)).await;
    Ok((admitted, denied))
}

async fn ask(node: &Tiered, every: Duration, end: Instant) -> Result<(u64, u64)> {
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
