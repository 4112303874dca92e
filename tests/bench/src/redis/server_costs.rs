//! What three nodes' reports cost the server: memory for a key, processor time for a key in a batch.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tidegate_core::shared::{BucketReport, NodeId, Report as NodeReport, Totals, WindowReport};
use tidegate_core::{Algorithm, Rule, Timestamp};
use tidegate_store::{SharedStore, SyncRequest};
use tidegate_store_redis::RedisStore;
use tidegate_test_servers::Server;

use super::{ALGORITHMS, plenty};
use crate::goals::{Goal, Report, figure};
use crate::workload::key;

const NODES: u64 = 3;
/// As many that what else takes memory in the server does not count.
const KEYS: usize = 100_000;
/// Those that are reported again and again.
const ACTIVE: usize = 10_000;
/// How often every node reports them.
const ROUNDS: u64 = 10;
/// As many keys as go into one report.
const BATCH: usize = 256;
/// The most bytes that a key may take.
const BYTES_GOAL: f64 = 250.0;
/// The most microseconds that a key may take in a batched report.
const MICROS_GOAL: f64 = 5.0;

pub(super) async fn measure(server: &Server, report: &mut Report) -> Result<()> {
    let section = "What reports of three nodes cost the server, 256 keys in a call";
    for (algorithm, name) in ALGORITHMS {
        server.admin().flush_all()?;
        let store = RedisStore::builder(&server.url())
            .deadline(Duration::from_secs(10))
            .build()?;
        let keys: Vec<String> = (0..KEYS as u32).map(key).collect();
        let nodes = Nodes {
            rule: plenty(algorithm)?,
            now: store.register(NodeId::from_random(1)).await?.now,
            store,
        };
        // Connections and scripts are there before anything is counted.
        nodes.report(1, &keys[..1], 1).await?;
        let before = server.admin().stats()?;
        nodes.report_all(&keys, 1).await?;
        let filled = server.admin().stats()?;
        for round in 2..2 + ROUNDS {
            nodes.report_all(&keys[..ACTIVE], round).await?;
        }
        let cpu = server.admin().stats()?.since(&filled).cpu_micros;
        let reported = ACTIVE as u64 * NODES * ROUNDS;
        let bytes = (filled.memory - before.memory) as f64 / KEYS as f64;
        report.add(
            section,
            name,
            vec![
                figure("bytes a key", bytes).against(Goal::AtMost(BYTES_GOAL)),
                figure("of these MEMORY USAGE", memory_usage(server)?),
                figure("us a key in a report", cpu as f64 / reported as f64)
                    .against(Goal::AtMost(MICROS_GOAL)),
            ],
        );
    }
    Ok(())
}

/// Nodes that have admitted something of every key.
struct Nodes {
    store: RedisStore,
    rule: Rule,
    now: Timestamp,
}

impl Nodes {
    /// Each node says that it has admitted `count` of each key by now.
    async fn report_all(&self, keys: &[String], count: u64) -> Result<()> {
        for node in 1..=NODES {
            self.report(node, keys, count).await?;
        }
        Ok(())
    }

    /// One node says that it has admitted `count` of each key by now.
    async fn report(&self, node: u64, keys: &[String], count: u64) -> Result<()> {
        let reports = [(self.rule, self.totals(count))];
        for keys in keys.chunks(BATCH) {
            let requests = keys.iter().map(|key| SyncRequest {
                subject: key.as_str().into(),
                reports: &reports,
                want: 0,
            });
            let requests: Vec<_> = requests.collect();
            for reply in self
                .store
                .sync(NodeId::from_random(node), &requests)
                .await?
            {
                let reply = reply?;
                let mine = reply.first().context("there is one rule")?.mine;
                let told = mine == self.used(count);
                ensure!(told, "the store knows of {mine:?}");
            }
        }
        Ok(())
    }

    /// A node's totals when it has admitted `count`: a bucket's begin with what has flowed in, of a lap of eight million.
    fn used(&self, count: u64) -> Totals {
        let begun = match self.rule.quota().algorithm() {
            Algorithm::TokenBucket => 1 << 22,
            Algorithm::FixedWindow | Algorithm::SlidingWindow => 0,
        };
        Totals {
            local: begun + count,
            granted: begun,
            returned: 0,
        }
    }

    fn totals(&self, count: u64) -> NodeReport {
        if self.rule.quota().algorithm() == Algorithm::TokenBucket {
            return NodeReport::Bucket(BucketReport {
                totals: self.used(count),
                acknowledged: self.used(count - 1),
                since: self.now,
                ..BucketReport::default()
            });
        }
        let window = u64::try_from(self.rule.quota().window().as_nanos()).unwrap_or(u64::MAX);
        let start = self.now.as_nanos() / window * window;
        NodeReport::Windows {
            current: WindowReport {
                start: Timestamp::from_nanos(start),
                totals: self.used(count),
            },
            previous: WindowReport::default(),
        }
    }
}

/// The mean of what the server says of some keys, its own table's entries not included.
fn memory_usage(server: &Server) -> Result<f64> {
    const SAMPLE: usize = 100;
    let keys = server.admin().keys()?;
    let mut sum = 0;
    for key in keys.iter().take(SAMPLE) {
        let mut command = redis::cmd("MEMORY");
        command.arg("USAGE").arg(key);
        sum += server.admin().run_command::<u64>(&command)?;
    }
    Ok(sum as f64 / keys.len().min(SAMPLE) as f64)
}
