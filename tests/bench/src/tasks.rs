//! Many tasks that ask at the same time, and what came of it.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::latency::Latencies;

/// As many tasks as all comparisons have.
pub const TASKS: usize = 64;
/// How often a task that never has to wait lets others go on.
const YIELD_EVERY: usize = 64;

/// A limiter that tasks ask.
pub trait Limiter: Send + Sync + 'static {
    /// Whether the request may proceed.
    fn check(&self, key: &str) -> impl Future<Output = Result<bool>> + Send;
}

/// What tasks did.
pub struct Load {
    /// How many answers they had.
    pub answers: u64,
    /// How many of them were that the request may proceed.
    pub admitted: u64,
    /// From the first request to the last answer.
    pub took: Duration,
    /// How long answers took, if that was measured.
    pub latencies: Latencies,
}

impl Load {
    /// Answers in a second.
    pub fn per_second(&self) -> f64 {
        self.answers as f64 / self.took.as_secs_f64()
    }
}

/// Asks with [`TASKS`] tasks for as long as told, for the same keys again and again, each task beginning elsewhere.
/// Reading the clock around every answer costs as much as some answers: `timed` says whether to.
pub async fn flood<L: Limiter>(
    limiter: &Arc<L>,
    keys: &Arc<[String]>,
    time: Duration,
    timed: bool,
) -> Result<Load> {
    let began = Instant::now();
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let (limiter, keys) = (Arc::clone(limiter), Arc::clone(keys));
            tokio::spawn(async move { ask(&*limiter, &keys, task, began + time, timed).await })
        })
        .collect();
    let mut load = Load {
        answers: 0,
        admitted: 0,
        took: Duration::ZERO,
        latencies: Latencies::new(),
    };
    for task in tasks {
        let (answers, admitted, latencies) = task.await??;
        load.answers += answers;
        load.admitted += admitted;
        load.latencies.add(&latencies);
    }
    load.took = began.elapsed();
    Ok(load)
}

async fn ask<L: Limiter>(
    limiter: &L,
    keys: &[String],
    task: usize,
    until: Instant,
    timed: bool,
) -> Result<(u64, u64, Latencies)> {
    let (mut answers, mut admitted, mut latencies) = (0, 0, Latencies::new());
    let mut at = task * keys.len() / TASKS;
    while Instant::now() < until {
        for _ in 0..YIELD_EVERY {
            let key = &keys[at];
            at = if at + 1 == keys.len() { 0 } else { at + 1 };
            let allowed = if timed {
                let asked = Instant::now();
                let allowed = limiter.check(key).await?;
                latencies.record(asked.elapsed());
                allowed
            } else {
                limiter.check(key).await?
            };
            answers += 1;
            admitted += u64::from(allowed);
        }
        tokio::task::yield_now().await;
    }
    Ok((answers, admitted, latencies))
}

/// The first keys of the workload, in no particular order.
pub fn shuffled_keys(count: u32) -> Arc<[String]> {
    let mut keys: Vec<String> = (0..count).map(crate::workload::key).collect();
    fastrand::Rng::with_seed(1).shuffle(&mut keys);
    keys.into()
}
