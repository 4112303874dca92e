//! What a store has done so far, for metrics.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters, each by itself.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    repaired: AtomicU64,
}

impl Tally {
    /// Records that held something else, and were begun anew.
    pub(crate) fn repaired(&self, records: u64) {
        if records > 0 && self.repaired.fetch_add(records, Ordering::Relaxed) == 0 {
            tracing::warn!(
                records,
                "redis held something that is no record of tidegate's; it counts as nothing"
            );
        }
    }

    pub(crate) fn repaired_so_far(&self) -> u64 {
        self.repaired.load(Ordering::Relaxed)
    }
}
