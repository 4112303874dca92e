//! How many decisions a second, beside the peers that count in memory and share through Redis.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use rustix::time::{ClockId, clock_gettime};
use tidegate_core::Tolerance;
use tidegate_limiter::Quota;
use tidegate_test_servers::Server;

use super::own::Tiered;
use super::rivals::{Limitador, Trypema};
use crate::goals::{Goal, Report, figure};
use crate::statistics::{median, ratio};
use crate::tasks::{Limiter, flood, shuffled_keys};

const KEYS: u32 = 10_000;
const TIME: Duration = Duration::from_secs(1);
/// A limit that nobody reaches, per hour.
const PLENTY: u64 = 1_000_000_000;
const HOUR: Duration = Duration::from_secs(60 * 60);
/// Over what time a rest is seen, and how long it may take until there is one.
const REST: Duration = Duration::from_millis(100);
const LONGEST_REST: Duration = Duration::from_secs(30);
/// The least multiple of trypema's throughput.
const OF_TRYPEMA: f64 = 2.0;

pub(super) async fn measure(server: &Server, rounds: usize, report: &mut Report) -> Result<()> {
    let url = |database: usize| format!("{}/{database}", server.url());
    let own = Tiered::connect(&url(0), Quota::per_hour(PLENTY)?, Tolerance::default())?;
    own.ready(1).await?;
    let own = Arc::new(own);
    let trypema = Arc::new(Trypema::connect(&url(1), PLENTY, HOUR).await?);
    let limitador = Arc::new(Limitador::connect(&url(2), PLENTY, HOUR).await?);
    let mut per_second: [Vec<f64>; 3] = Default::default();
    for round in 0..=rounds {
        for turn in 0..3 {
            let at = (turn + round) % 3;
            settle(server).await?;
            let measured = match at {
                0 => decisions(&own).await?,
                1 => decisions(&trypema).await?,
                _ => decisions(&limitador).await?,
            };
            // The first round warms up.
            if round > 0 {
                per_second[at].push(measured);
            }
        }
    }
    let [own, trypema, limitador] = &per_second;
    let section = "Decisions a second, 64 tasks, 10 000 keys";
    report.add(
        section,
        "tidegate, tiered",
        vec![
            figure("/s", median(own)),
            figure("by trypema", ratio(own, trypema)).against(Goal::AtLeast(OF_TRYPEMA)),
            figure("by limitador", ratio(own, limitador)),
        ],
    );
    report.add(
        section,
        "trypema, hybrid",
        vec![figure("/s", median(trypema))],
    );
    report.add(
        section,
        "limitador, cached",
        vec![figure("/s", median(limitador))],
    );
    Ok(())
}

/// Waits until hardly anything is done any more of what is left of the one before: whoever comes next does not pay for it.
async fn settle(server: &Server) -> Result<()> {
    let used = || {
        let own = clock_gettime(ClockId::ProcessCPUTime);
        let own = Duration::new(u64::try_from(own.tv_sec)?, u32::try_from(own.tv_nsec)?);
        let servers = Duration::from_micros(server.admin().stats()?.cpu_micros);
        anyhow::Ok(own + servers)
    };
    let began = Instant::now();
    while began.elapsed() < LONGEST_REST {
        let (since, before) = (Instant::now(), used()?);
        tokio::time::sleep(REST).await;
        if used()?.saturating_sub(before) * 10 < since.elapsed() {
            return Ok(());
        }
    }
    bail!("there was no rest within {LONGEST_REST:?} after a contestant's turn")
}

async fn decisions<L: Limiter>(limiter: &Arc<L>) -> Result<f64> {
    let load = flood(limiter, &shuffled_keys(KEYS), TIME, false).await?;
    ensure!(load.admitted == load.answers, "something was denied");
    Ok(load.per_second())
}
