//! How many entries there are in all shards together, and may be (R1).

use crate::sync::{AtomicU64, AtomicUsize, Ordering};

/// A count that never exceeds its capacity. Only inserting and dropping entries touches it, so it is no bottleneck.
///
/// Orderings are relaxed: the count guards no other memory, and one atomic's changes have one order.
pub(crate) struct Population {
    capacity: usize,
    entries: AtomicUsize,
    evicted: AtomicU64,
}

impl Population {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            entries: AtomicUsize::new(0),
            evicted: AtomicU64::new(0),
        }
    }

    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    pub(crate) fn entries(&self) -> usize {
        self.entries.load(Ordering::Relaxed)
    }

    /// Idle entries dropped so far.
    pub(crate) fn evicted(&self) -> u64 {
        self.evicted.load(Ordering::Relaxed)
    }

    pub(crate) fn has_room(&self, more: usize) -> bool {
        more <= self.capacity - self.entries()
    }

    /// Takes room for `more` entries, or none at all.
    pub(crate) fn try_add(&self, more: usize) -> bool {
        let (set, fetch) = (Ordering::Relaxed, Ordering::Relaxed);
        let grown = |entries: usize| {
            let grown = entries.checked_add(more)?;
            (grown <= self.capacity).then_some(grown)
        };
        self.entries.fetch_update(set, fetch, grown).is_ok()
    }

    /// Gives back the room of entries that their owner removed.
    pub(crate) fn removed(&self, entries: usize) {
        self.entries.fetch_sub(entries, Ordering::Relaxed);
    }

    /// Gives back the room of entries that were idle.
    pub(crate) fn evict(&self, entries: usize) {
        if entries > 0 {
            self.removed(entries);
            self.evicted.fetch_add(entries as u64, Ordering::Relaxed);
        }
    }
}
