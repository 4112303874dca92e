//! How much four instances admit together, of one key, in a minute: beside the peers, flat out and at a steady rate.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use tidegate_core::{Algorithm, Tolerance};
use tidegate_limiter::Quota;
use tidegate_test_servers::Server;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::own::{Tiered, next_window};
use super::rivals::{Limitador, Trypema};
use crate::goals::{Goal, Report, figure};
use crate::tasks::Limiter;

const INSTANCES: usize = 4;
const LIMIT: u64 = 1_000;
const WINDOW: Duration = Duration::from_secs(10);
/// Between two requests of an instance, at the steady rate: 500 a second.
const STEADY: Duration = Duration::from_millis(2);
/// How many requests an instance makes before others go on, flat out.
const AT_ONCE: usize = 64;

/// How fast an instance asks.
#[derive(Clone, Copy)]
enum Pace {
    FlatOut,
    Steady,
}

pub(super) async fn measure(server: &Server, time: Duration, report: &mut Report) -> Result<()> {
    for (pace, section) in [
        (
            Pace::FlatOut,
            "Four instances, limit 1 000 per 10 s, flat out: per cent admitted over the limit",
        ),
        (
            Pace::Steady,
            "Four instances, limit 1 000 per 10 s, 500 requests a second each: per cent over the limit",
        ),
    ] {
        for (tolerance, most, name) in [
            (
                Tolerance::from_fraction(0.01)?,
                1.0,
                "tidegate, 1 % tolerance",
            ),
            (Tolerance::EXACT, 0.0, "tidegate, exact"),
        ] {
            server.admin().flush_all()?;
            let mut nodes = Vec::new();
            for _ in 0..INSTANCES {
                let quota = Quota::new(LIMIT, WINDOW)?.with_algorithm(Algorithm::FixedWindow)?;
                nodes.push(Arc::new(Tiered::connect(&server.url(), quota, tolerance)?));
            }
            for node in &nodes {
                node.ready(INSTANCES as u32).await?;
            }
            let over = over_the_limit(nodes.clone(), pace, time).await?;
            let without: u64 = nodes.iter().map(|node| node.without_store()).sum();
            report.add(
                section,
                name,
                vec![
                    figure("%", over).against(Goal::AtMost(most)),
                    figure("decided without the server", without as f64),
                ],
            );
        }
        server.admin().flush_all()?;
        let mut instances = Vec::new();
        for _ in 0..INSTANCES {
            instances.push(Arc::new(
                Trypema::connect(&server.url(), LIMIT, WINDOW).await?,
            ));
        }
        let over = over_the_limit(instances, pace, time).await?;
        report.add(section, "trypema, hybrid", vec![figure("%", over)]);
        server.admin().flush_all()?;
        let mut instances = Vec::new();
        for _ in 0..INSTANCES {
            instances.push(Arc::new(
                Limitador::connect(&server.url(), LIMIT, WINDOW).await?,
            ));
        }
        let over = over_the_limit(instances, pace, time).await?;
        report.add(section, "limitador, cached", vec![figure("%", over)]);
    }
    Ok(())
}

/// By how many per cent what all instances admit is more than the limit, from the beginning of a window of the clock on
/// and for whole windows, so that no more than one limit each is due.
async fn over_the_limit<L: Limiter>(
    instances: Vec<Arc<L>>,
    pace: Pace,
    time: Duration,
) -> Result<f64> {
    let windows = time.as_secs() / WINDOW.as_secs();
    let begin = next_window(WINDOW)?;
    let end = begin + WINDOW * u32::try_from(windows)? - Duration::from_millis(200);
    let tasks: Vec<_> = instances
        .into_iter()
        .map(|instance| tokio::spawn(admitted(instance, pace, begin, end)))
        .collect();
    let mut sum = 0;
    for task in tasks {
        sum += task.await??;
    }
    let due = LIMIT * windows;
    Ok((sum as f64 / due as f64 - 1.0) * 100.0)
}

async fn admitted<L: Limiter>(
    instance: Arc<L>,
    pace: Pace,
    begin: Instant,
    end: Instant,
) -> Result<u64> {
    tokio::time::sleep_until(begin).await;
    let mut admitted = 0;
    let mut ticks = interval(STEADY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    while Instant::now() < end {
        let requests = match pace {
            Pace::FlatOut => AT_ONCE,
            Pace::Steady => 1,
        };
        for _ in 0..requests {
            admitted += u64::from(instance.check("client").await?);
        }
        match pace {
            Pace::FlatOut => tokio::task::yield_now().await,
            Pace::Steady => {
                ticks.tick().await;
            }
        }
    }
    Ok(admitted)
}
