//! What a tiered store knows of itself, for metrics.

use std::time::Duration;

use tidegate_core::tiered::Mode;

/// How a tiered store stands, and what it has done.
///
/// ```
/// use tidegate_core::tiered::Mode;
/// use tidegate_store_memory::MemoryStore;
/// use tidegate_store_tiered::TieredStore;
///
/// let stats = TieredStore::new(MemoryStore::new()).stats();
/// assert_eq!((stats.mode, stats.nodes, stats.entries), (Mode::Connected, 1, 0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct TieredStats {
    /// Connected, out, or just returning.
    pub mode: Mode,
    /// How many nodes share each limit, this one included.
    pub nodes: u32,
    /// The part of a limit that this node would take without the store (G4), by the windows that finished in the last
    /// minute or two; `None` if nothing was admitted in them.
    pub share: Option<f64>,
    /// What the worst of these windows admitted over its limit, on all nodes: 1.0 is the limit itself. `None` if none has
    /// finished.
    pub overshoot: Option<f64>,
    /// How long ago the shared store last answered anything; `None` if it never did.
    pub lag: Option<Duration>,
    /// The subjects that it holds.
    pub entries: usize,
    /// The most subjects that it may hold.
    pub max_entries: usize,
    /// How many idle subjects were dropped so far.
    pub evicted: u64,
    /// How many subjects are to be reported or looked at.
    pub pending: usize,
    /// How many calls to the shared store there were.
    pub calls: u64,
    /// How much was admitted and could no longer be reported, because its window was too long past.
    pub dropped: u64,
    /// How many requests were decided on the overflow counter, because the table was full.
    pub overflowed: u64,
}
