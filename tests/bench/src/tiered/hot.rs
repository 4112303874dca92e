//! The path that nearly every request takes: a known key, no I/O. Beside the memory store, and beside governor.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tidegate_core::Algorithm;
use tidegate_limiter::{Limiter, Policy, Quota};
use tidegate_store_memory::MemoryStore;
use tidegate_store_tiered::TieredStore;
use tokio::runtime::Runtime;

use super::forgetful::Forgetful;
use super::own::wait_until;
use crate::goals::{Goal, Report, figure};
use crate::local::{Answer, Contestant, Governor, Prepared, Tidegate, measure};
use crate::memory::allocated;
use crate::statistics::{median, ratio};
use crate::workload::{Workload, key};

/// The largest multiples of the memory store's time, and of governor's, that a decision may take.
const OF_MEMORY: f64 = 1.5;
const OF_GOVERNOR: f64 = 2.0;
/// The most bytes that a key may take.
const BYTES_GOAL: f64 = 160.0;
const REQUESTS: usize = 200_000;

/// tidegate's limiter on a tiered store whose shared store answers at once.
struct OnTiered {
    limiter: Limiter,
    store: Arc<TieredStore>,
    runtime: Runtime,
}

impl OnTiered {
    fn with_quota(quota: Quota) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let _entered = runtime.enter();
        // As far apart as can be: what a report costs is not what is measured.
        let store = TieredStore::builder(Forgetful).report_interval(Duration::from_secs(10));
        let store = Arc::new(store.build()?);
        let policy = Policy::new("per-client", quota);
        let limiter = Limiter::builder(Arc::clone(&store))
            .policy(policy)
            .build()?;
        let made = Self {
            limiter,
            store,
            runtime,
        };
        let connected = || made.store.stats().lag.is_some();
        made.runtime
            .block_on(wait_until("the node is connected", connected))?;
        Ok(made)
    }
}

fn quota(answer: Answer) -> Result<Quota> {
    Ok(match answer {
        Answer::Allowed => Quota::per_second(1_000_000_000)?,
        Answer::Denied => Quota::per_day(1)?,
    })
}

/// Token buckets take ten million a second at most, and as many at once.
fn bucket(answer: Answer) -> Result<Quota> {
    let quota = match answer {
        Answer::Allowed => Quota::per_second(10_000_000)?,
        Answer::Denied => quota(answer)?,
    };
    Ok(quota.with_algorithm(Algorithm::TokenBucket)?)
}

impl Contestant for OnTiered {
    fn new(answer: Answer) -> Result<Self> {
        Self::with_quota(quota(answer)?)
    }

    #[inline]
    fn check(&self, key: &String) -> bool {
        match self.limiter.try_check(key) {
            Some(decision) => decision.is_allowed(),
            None => self.ask(key),
        }
    }

    /// All keys have been told for the first time.
    fn settle(&self) -> Result<()> {
        let told = || self.store.stats().pending == 0;
        self.runtime.block_on(wait_until("all is told", told))
    }
}

/// The same with a token bucket for each key, and a memory store with them.
struct BucketsOnTiered(OnTiered);
struct BucketsInMemory(Limiter);

impl Contestant for BucketsOnTiered {
    fn new(answer: Answer) -> Result<Self> {
        OnTiered::with_quota(bucket(answer)?).map(Self)
    }

    #[inline]
    fn check(&self, key: &String) -> bool {
        self.0.check(key)
    }

    fn settle(&self) -> Result<()> {
        self.0.settle()
    }
}

impl Contestant for BucketsInMemory {
    fn new(answer: Answer) -> Result<Self> {
        let policy = Policy::new("per-client", bucket(answer)?);
        let limiter = Limiter::builder(MemoryStore::new()).policy(policy);
        Ok(Self(limiter.build()?))
    }

    #[inline]
    fn check(&self, key: &String) -> bool {
        let decision = self.0.try_check(key);
        decision.is_some_and(|decision| decision.is_allowed())
    }
}

impl OnTiered {
    #[cold]
    fn ask(&self, key: &str) -> bool {
        self.runtime.block_on(self.limiter.check(key)).is_allowed()
    }
}

/// Nanoseconds from a borrowed string key to a decision, on one thread.
pub fn measure_speed(rounds: usize, report: &mut Report) -> Result<()> {
    let cases = [
        (Workload::Hot, Answer::Allowed),
        (Workload::Hot, Answer::Denied),
        (Workload::Uniform, Answer::Allowed),
        (Workload::Uniform, Answer::Denied),
        (Workload::Zipf, Answer::Allowed),
    ];
    for case in cases {
        compare::<OnTiered, Tidegate>(case, "", rounds, report)?;
    }
    for case in &cases[..3] {
        compare::<BucketsOnTiered, BucketsInMemory>(*case, ", token bucket", rounds, report)?;
    }
    Ok(())
}

/// The tiered store, the memory store and governor.
fn compare<Tiered: Contestant + 'static, Memory: Contestant + 'static>(
    (workload, answer): (Workload, Answer),
    suffix: &str,
    rounds: usize,
    report: &mut Report,
) -> Result<()> {
    let contestants = [
        Prepared::new::<Tiered>("tiered", workload, answer)?,
        Prepared::new::<Memory>("memory", workload, answer)?,
        Prepared::new::<Governor>("governor", workload, answer)?,
    ];
    let requests = [workload.requests(REQUESTS, 100)];
    let figures = measure(&contestants, &requests, answer, rounds)?;
    let nanos = |at: usize| &figures[at].nanos;
    let by = |at: usize| ratio(nanos(0), nanos(at));
    report.add(
        "A known key, one thread, no I/O; ratios are medians of the rounds'",
        &format!("{}, {}{suffix}", workload.as_str(), answer.as_str()),
        vec![
            figure("ns", median(nanos(0))),
            figure("memory store's ns", median(nanos(1))),
            figure("governor's ns", median(nanos(2))),
            figure("by memory store", by(1)).against(Goal::AtMost(OF_MEMORY)),
            figure("by governor", by(2)).against(Goal::AtMost(OF_GOVERNOR)),
        ],
    );
    Ok(())
}

/// Bytes that are allocated for each of a million keys.
pub fn measure_memory(report: &mut Report) -> Result<()> {
    let section = "Memory of a million keys on a node, allocated";
    for algorithm in [
        Algorithm::FixedWindow,
        Algorithm::SlidingWindow,
        Algorithm::TokenBucket,
    ] {
        let before = allocated();
        let quota = Quota::per_day(1_000)?.with_algorithm(algorithm)?;
        let tiered = OnTiered::with_quota(quota)?;
        let keys = Workload::Zipf.keys();
        for number in 0..keys {
            let decision = tiered.limiter.try_check(&key(number));
            let decision = decision.context("it had to be asked for")?;
            ensure!(decision.is_allowed(), "denied a new key");
        }
        tiered.settle()?;
        let bytes = (allocated() - before) as f64 / f64::from(keys);
        report.add(
            section,
            algorithm.as_str(),
            vec![figure("bytes a key", bytes).against(Goal::AtMost(BYTES_GOAL))],
        );
    }
    Ok(())
}
