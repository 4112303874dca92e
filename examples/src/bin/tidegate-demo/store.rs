//! The store that the flags ask for.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use tidegate_limiter::Store;
use tidegate_store_memory::MemoryStore;
use tidegate_store_redis::RedisStore;
use tidegate_store_tiered::{TieredStats, TieredStore};

use crate::flags::{self, Flags};

/// How long a stopping server may take to tell the store what is unsent.
const FAREWELL: Duration = Duration::from_secs(2);

/// The store, and what can be asked of it beyond counting.
#[derive(Clone)]
pub(crate) struct Counts {
    pub(crate) store: Arc<dyn Store>,
    tiered: Option<Arc<TieredStore>>,
}

impl Counts {
    /// Makes the store. A server need not be there.
    pub(crate) fn new(flags: &Flags) -> Result<Self> {
        Ok(match flags.store {
            flags::Store::Memory => Self::plain(MemoryStore::new()),
            flags::Store::Redis => Self::plain(redis(flags)?),
            flags::Store::Tiered => {
                let tiered = TieredStore::builder(redis(flags)?)
                    .deadline(flags.deadline)
                    .expected_nodes(flags.expected_nodes)
                    .build()?;
                let tiered = Arc::new(tiered);
                Self {
                    store: Arc::clone(&tiered) as Arc<dyn Store>,
                    tiered: Some(tiered),
                }
            }
        })
    }

    fn plain(store: impl Store + 'static) -> Self {
        Self {
            store: Arc::new(store),
            tiered: None,
        }
    }

    /// Tells the other nodes what they do not know yet.
    pub(crate) async fn shut_down(&self) {
        if let Some(tiered) = &self.tiered {
            let left = tiered.shutdown(FAREWELL).await;
            if left.subjects > 0 {
                eprintln!(
                    "the store could not be told of {} requests of {} clients",
                    left.cost, left.subjects
                );
            }
        }
    }

    /// Its gauges, in Prometheus' text format.
    pub(crate) fn render(&self, text: &mut String) {
        if let Some(tiered) = &self.tiered {
            render_tiered(text, &tiered.stats());
        }
    }
}

fn redis(flags: &Flags) -> Result<RedisStore> {
    RedisStore::builder(&flags.redis)
        .deadline(flags.deadline)
        .build()
        .with_context(|| "--redis".to_owned())
}

fn render_tiered(text: &mut String, stats: &TieredStats) {
    use tidegate_core::tiered::Mode;

    let partitioned = u8::from(matches!(stats.mode, Mode::Out { .. }));
    let lag = stats.lag.map_or(f64::NAN, |lag| lag.as_secs_f64());
    let rows = [
        (
            "partitioned",
            "gauge",
            "Whether this node decides without the shared store.",
            f64::from(partitioned),
        ),
        (
            "nodes",
            "gauge",
            "How many nodes share each limit.",
            f64::from(stats.nodes),
        ),
        (
            "share",
            "gauge",
            "The part of a limit that this node would take without the shared store.",
            stats.share.unwrap_or(f64::NAN),
        ),
        (
            "overshoot_ratio",
            "gauge",
            "What the worst window of the last minute or two admitted over its limit, on all nodes.",
            stats.overshoot.unwrap_or(f64::NAN),
        ),
        (
            "sync_lag_seconds",
            "gauge",
            "How long ago the shared store last answered.",
            lag,
        ),
        (
            "entries",
            "gauge",
            "The subjects that are held.",
            stats.entries as f64,
        ),
        (
            "evictions_total",
            "counter",
            "Idle subjects dropped.",
            stats.evicted as f64,
        ),
        (
            "unsent",
            "gauge",
            "Subjects that are to be reported or looked at.",
            stats.pending as f64,
        ),
        (
            "store_calls_total",
            "counter",
            "Calls to the shared store.",
            stats.calls as f64,
        ),
    ];
    for (name, kind, help, value) in rows {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "# HELP tidegate_{name} {help}\n# TYPE tidegate_{name} {kind}\ntidegate_{name} {value}"
        );
    }
    let dropped = stats.dropped;
    let _ = writeln!(
        text,
        "# HELP tidegate_dropped_total What was admitted and could not be reported.\n\
         # TYPE tidegate_dropped_total counter\ntidegate_dropped_total{{reason=\"window_over\"}} {dropped}"
    );
}
