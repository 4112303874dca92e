//! How long one waits for a decision among 64 tasks: while the server answers, while it hangs, and while it is down.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::Result;
use tidegate_core::Tolerance;
use tidegate_limiter::Quota;
use tidegate_test_servers::Server;

use super::own::{Tiered, wait_until};
use crate::goals::{Goal, Report, figure};
use crate::latency::Latencies;
use crate::tasks::{Limiter, flood, shuffled_keys};
use crate::workload::key;

const KNOWN: u32 = 10_000;
/// All of them are waiting to be reported when the server goes away.
const DIRTY: u32 = 100_000;
const TIME: Duration = Duration::from_secs(3);
/// What 999 of 1 000 answers stay below, in microseconds.
const GOAL: f64 = 1_000.0;
/// The keys that are new in one measurement; all of them together fit into the node's table.
const NEW: u32 = 200_000;

pub(super) async fn measure(server: &Server, report: &mut Report) -> Result<()> {
    let quota = Quota::per_hour(1_000_000_000)?;
    let node = Tiered::connect(&server.url(), quota, Tolerance::default())?;
    node.ready(1).await?;
    let node = Arc::new(node);
    let new = Arc::new(NewKeys {
        node: Arc::clone(&node),
        next: AtomicU32::new(1_000_000),
        last: AtomicU32::new(0),
    });
    let mut told = Told { report };

    told.both("the server answers", &node, &new).await?;
    server.freeze()?;
    told.both("it hangs", &node, &new).await?;
    server.thaw()?;
    node.ready(1).await?;
    server.kill();
    told.both("it is down", &node, &new).await?;
    server.start_again()?;
    node.ready(1).await?;
    dirty(server, &node, &mut told).await
}

/// The server goes away and comes back in the middle of traffic of many keys.
async fn dirty(server: &Server, node: &Arc<Tiered>, told: &mut Told<'_>) -> Result<()> {
    let keys = shuffled_keys(DIRTY);
    flood(node, &keys, TIME, false).await?;
    let during = async {
        let flooded = flood(node, &keys, 3 * TIME, true);
        let faults = async {
            tokio::time::sleep(TIME).await;
            server.freeze()?;
            tokio::time::sleep(TIME).await;
            server.thaw()
        };
        let (flooded, faulty) = tokio::join!(flooded, faults);
        faulty?;
        flooded
    };
    let load = during.await?;
    told.line("100 000 keys, it hangs and comes back", &load.latencies);
    let told_of = || node.stats().lag.is_some_and(|lag| lag < TIME);
    wait_until("the node is connected", told_of).await
}

struct Told<'a> {
    report: &'a mut Report,
}

impl Told<'_> {
    async fn both(&mut self, what: &str, node: &Arc<Tiered>, new: &Arc<NewKeys>) -> Result<()> {
        let known = flood(node, &shuffled_keys(KNOWN), TIME, true).await?;
        self.line(&format!("{what}, known keys"), &known.latencies);
        new.last
            .store(new.next.load(Ordering::Relaxed) + NEW, Ordering::Relaxed);
        let fresh = flood(new, &shuffled_keys(1), TIME, true).await?;
        self.line(&format!("{what}, new keys"), &fresh.latencies);
        Ok(())
    }

    fn line(&mut self, name: &str, latencies: &Latencies) {
        let section = "Microseconds until a decision, 64 tasks";
        self.report.add(
            section,
            name,
            vec![
                figure("p50", latencies.quantile(0.5)),
                figure("p99", latencies.quantile(0.99)),
                figure("p99.9", latencies.quantile(0.999)).against(Goal::AtMost(GOAL)),
                figure("longest", latencies.most()),
            ],
        );
    }
}

/// Asks for another key each time, until so many have been new; then for the last one again.
struct NewKeys {
    node: Arc<Tiered>,
    next: AtomicU32,
    last: AtomicU32,
}

impl Limiter for NewKeys {
    async fn check(&self, _: &str) -> Result<bool> {
        let last = self.last.load(Ordering::Relaxed);
        let number = self.next.fetch_add(1, Ordering::Relaxed).min(last);
        self.node.check(&key(number)).await
    }
}
