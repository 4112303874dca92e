//! Makes tiered stores, and refuses settings that cannot work.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use tidegate_clock::{Clock, SystemClock};
use tidegate_core::tiered::{LinkConfig, Timing};
use tidegate_core::{Backoff, BreakerConfig};
use tidegate_store::SharedStore;
use tidegate_table::{KeyHash, Keys, Table};

use crate::TieredStore;
use crate::inner::Inner;
use crate::membership::Membership;

/// As many subjects as a store holds unless told otherwise.
const DEFAULT_MAX_ENTRIES: usize = 1_000_000;
/// D: the longest that a decision waits, unless told otherwise.
const DEFAULT_DEADLINE: Duration = Duration::from_millis(50);

/// How often a store is looked at that spaces its own probes.
const LOOKED_AT: Backoff = Backoff {
    floor: Duration::from_millis(50),
    base: Duration::from_millis(100),
    cap: Duration::from_millis(250),
};

/// Makes a [`TieredStore`].
///
/// ```
/// use std::time::Duration;
/// use tidegate_store_memory::MemoryStore;
/// use tidegate_store_tiered::TieredStore;
///
/// let store = TieredStore::builder(MemoryStore::new())
///     .expected_nodes(3)
///     .deadline(Duration::from_millis(20))
///     .build()?;
/// # Ok::<(), tidegate_store_tiered::BuildError>(())
/// ```
#[derive(Debug)]
pub struct Builder<C = SystemClock> {
    store: Shared,
    clock: C,
    deadline: Duration,
    max_entries: usize,
    expected_nodes: u32,
    report: Duration,
    backoff: Option<Backoff>,
}

/// A shared store, which has no `Debug` of its own.
pub(crate) struct Shared(pub(crate) Arc<dyn SharedStore>);

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SharedStore")
    }
}

impl Builder {
    pub(crate) fn new(store: Arc<dyn SharedStore>) -> Self {
        Self {
            store: Shared(store),
            clock: SystemClock::new(),
            deadline: DEFAULT_DEADLINE,
            max_entries: DEFAULT_MAX_ENTRIES,
            expected_nodes: 1,
            report: Timing::default().report,
            backoff: None,
        }
    }
}

impl<C: Clock> Builder<C> {
    /// D: the longest that a decision waits for the shared store, everything included (L1). 50 ms unless told; 1 ms to
    /// 1 minute.
    #[must_use]
    pub fn deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// The most subjects that are told apart (R1). 1 000 000 unless told.
    #[must_use]
    pub fn max_entries(self, max_entries: usize) -> Self {
        Self {
            max_entries,
            ..self
        }
    }

    /// How many nodes to reckon with until the shared store has said how many there are, and at the least. 1 unless
    /// told: then a node that never heard of the others takes the whole limit.
    #[must_use]
    pub fn expected_nodes(self, expected_nodes: u32) -> Self {
        Self {
            expected_nodes,
            ..self
        }
    }

    /// T: how long a count may stay unreported. 50 ms unless told; 1 ms to 10 s.
    #[must_use]
    pub fn report_interval(self, report: Duration) -> Self {
        Self { report, ..self }
    }

    /// How probes are spaced while the shared store does not answer. Unless told, as
    /// [`Backoff::default`] says; but a store that keeps a deadline of its own also stops asking a server that is gone
    /// by itself (R2), and then costs nothing to ask: it is looked at every quarter of a second at least.
    #[must_use]
    pub fn backoff(self, backoff: Backoff) -> Self {
        Self {
            backoff: Some(backoff),
            ..self
        }
    }

    /// Another clock, for tests.
    #[must_use]
    pub fn clock<D: Clock>(self, clock: D) -> Builder<D> {
        Builder {
            store: self.store,
            clock,
            deadline: self.deadline,
            max_entries: self.max_entries,
            expected_nodes: self.expected_nodes,
            report: self.report,
            backoff: self.backoff,
        }
    }

    /// Makes the store. The shared store need not be there (L2).
    ///
    /// # Errors
    ///
    /// If a setting is out of its range; the error names it and the range.
    pub fn build(self) -> Result<TieredStore<C>, BuildError> {
        let in_range = |what, value: Duration, most| {
            if value < Duration::from_millis(1) || value > most {
                return Err(BuildError::Duration { what, value, most });
            }
            Ok(())
        };
        in_range("deadline", self.deadline, Duration::from_secs(60))?;
        in_range("report interval", self.report, Duration::from_secs(10))?;
        let capacity = NonZeroUsize::new(self.max_entries).ok_or(BuildError::NoEntries)?;
        if self.expected_nodes == 0 {
            return Err(BuildError::NoNodes);
        }
        Ok(self.build_with(capacity))
    }

    pub(crate) fn build_with(self, capacity: NonZeroUsize) -> TieredStore<C> {
        let link = LinkConfig {
            expected_nodes: self.expected_nodes,
            ..LinkConfig::default()
        };
        let guarded = self.store.0.capabilities().deadline.is_some();
        let usual = if guarded {
            LOOKED_AT
        } else {
            Backoff::default()
        };
        let backoff = self.backoff.unwrap_or(usual);
        let breaker = BreakerConfig {
            backoff,
            longest_pause: backoff.cap,
            ..BreakerConfig::default().for_deadline(self.deadline)
        };
        let timing = Timing {
            report: self.report,
            ..Timing::default()
        };
        let table = Table::new(capacity, Keys::random(KeyHash::Fast));
        let membership = Membership::new(link, breaker);
        TieredStore::start(Inner::new(
            self.store.0,
            self.clock,
            table,
            membership,
            (self.deadline, timing),
        ))
    }

    pub(crate) fn build_default(self) -> TieredStore<C> {
        self.build_with(NonZeroUsize::MIN.saturating_add(DEFAULT_MAX_ENTRIES - 1))
    }
}

/// Why a tiered store was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A duration out of its range.
    #[error("{what} {value:?} is out of range: it must be 1ms to {most:?}")]
    Duration {
        /// Which setting.
        what: &'static str,
        /// What was given.
        value: Duration,
        /// The most that is allowed.
        most: Duration,
    },
    /// A table without entries.
    #[error("max_entries 0 is out of range: it must be at least 1")]
    NoEntries,
    /// No nodes.
    #[error("expected_nodes 0 is out of range: this node counts, so it must be at least 1")]
    NoNodes,
}
