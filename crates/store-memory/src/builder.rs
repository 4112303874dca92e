//! How a memory store is made.

use std::num::NonZeroUsize;

use tidegate_clock::{Clock, SystemClock};
use tidegate_table::{KeyHash, Keys, MAX_CAPACITY, Table};

use crate::MemoryStore;

/// How many counters a store holds unless told otherwise: one million, about 60 MB when they are all in use.
pub const DEFAULT_MAX_ENTRIES: usize = 1_000_000;

/// Makes a [`MemoryStore`].
///
/// ```
/// use tidegate_clock::ManualClock;
/// use tidegate_store_memory::MemoryStore;
///
/// let store = MemoryStore::builder().max_entries(10_000).clock(ManualClock::new()).build()?;
/// assert_eq!(store.stats().max_entries, 10_000);
///
/// let wrong = MemoryStore::builder().max_entries(0).build().unwrap_err();
/// assert_eq!(wrong.to_string(), "max_entries 0 is out of range: it must be 1 to 1073741824");
/// # Ok::<(), tidegate_store_memory::BuildError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct Builder<C = SystemClock> {
    max_entries: usize,
    key_hash: KeyHash,
    clock: C,
}

impl Builder {
    pub(crate) fn new() -> Self {
        Self {
            max_entries: DEFAULT_MAX_ENTRIES,
            key_hash: KeyHash::default(),
            clock: SystemClock::new(),
        }
    }

    pub(crate) fn build_default(self) -> MemoryStore {
        let capacity = NonZeroUsize::new(self.max_entries).unwrap_or(NonZeroUsize::MIN);
        self.build_with(capacity)
    }
}

impl<C: Clock> Builder<C> {
    /// The most counters that it holds, one for each subject under each policy: 1 to 2^30. Default:
    /// [`DEFAULT_MAX_ENTRIES`].
    pub fn max_entries(self, max_entries: usize) -> Self {
        Self {
            max_entries,
            ..self
        }
    }

    /// How subjects are hashed. Default: [`KeyHash::Fast`].
    pub fn key_hash(self, key_hash: KeyHash) -> Self {
        Self { key_hash, ..self }
    }

    /// The clock that tells it the time. Default: the system's.
    pub fn clock<D: Clock>(self, clock: D) -> Builder<D> {
        Builder {
            max_entries: self.max_entries,
            key_hash: self.key_hash,
            clock,
        }
    }

    /// The store. It takes memory as it fills.
    ///
    /// # Errors
    ///
    /// If `max_entries` is out of range.
    pub fn build(self) -> Result<MemoryStore<C>, BuildError> {
        match NonZeroUsize::new(self.max_entries) {
            Some(capacity) if capacity.get() <= MAX_CAPACITY => Ok(self.build_with(capacity)),
            _ => Err(BuildError::MaxEntries {
                given: self.max_entries,
            }),
        }
    }

    fn build_with(self, capacity: NonZeroUsize) -> MemoryStore<C> {
        let table = Table::new(capacity, Keys::random(self.key_hash));
        MemoryStore::from_parts(table, self.clock)
    }
}

/// Why a store could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// No entries at all, or more than a table can have.
    #[error("max_entries {given} is out of range: it must be 1 to {MAX_CAPACITY}")]
    MaxEntries {
        /// What was given.
        given: usize,
    },
}
