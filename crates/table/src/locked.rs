//! The entries of one subject, while their shard is locked.

use std::fmt;

use tidegate_core::{PolicyId, Timestamp};

use crate::lifted::Lifted;
use crate::shard::Shard;
use crate::sync::MutexGuard;
use crate::{Digest, Entry, Table};

/// The entries of one subject, and the shard that they are in, which nobody else can touch meanwhile.
///
/// It must be dropped before another subject is locked by the same thread: two subjects may be in one shard.
/// The overflow counters may be locked meanwhile, never the other way round.
pub struct Locked<'a, V> {
    table: &'a Table<V>,
    shard: MutexGuard<'a, Shard<V>>,
    digest: Digest,
    now: Timestamp,
}

/// Where an entry is, until entries are inserted or removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(usize);

/// What became of an entry while it was lifted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lowered {
    /// Where it is; none if it was dropped meanwhile, because it was idle.
    pub place: Option<Place>,
    /// What did not change.
    pub fixed: [u64; 2],
    /// Its count.
    pub count: u64,
}

impl<'a, V: Entry> Locked<'a, V> {
    pub(crate) fn new(
        table: &'a Table<V>,
        shard: MutexGuard<'a, Shard<V>>,
        digest: Digest,
        now: Timestamp,
    ) -> Self {
        Self {
            table,
            shard,
            digest,
            now,
        }
    }

    /// The time at which this subject is worked on: not before anything that was done in its shard, unless the clock
    /// itself went back.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Goes on at a later time, which [`Overflow`](crate::Overflow) told: the subject's entries may not go back behind it.
    pub fn advance_to(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
        self.shard.latest = self.now;
    }

    /// Where the subject's entry under a policy is, if it has one.
    #[inline]
    pub fn find(&self, policy: PolicyId) -> Option<Place> {
        self.shard.find(self.digest.under(policy)).map(Place)
    }

    /// The entry at a place that was found; none if entries were removed since.
    #[inline]
    pub fn value(&self, place: Place) -> Option<&V> {
        self.shard.value(place.0)
    }

    /// The entry at a place that was found, to be changed; none if entries were removed since.
    #[inline]
    pub fn value_mut(&mut self, place: Place) -> Option<&mut V> {
        self.shard.value_mut(place.0)
    }

    /// How many times in a row the entry at this place was wanted in its shard, before this call.
    #[inline]
    pub fn streak(&mut self, place: Place) -> u32 {
        self.shard.streak(place.0)
    }

    /// Whether an entry is lifted out of this shard, of this subject or another.
    #[inline]
    pub fn has_lifted(&self) -> bool {
        self.shard.has_lifted
    }

    /// Whether the subject's entry under this policy is lifted: what the table holds of it then is out of date.
    #[inline]
    pub fn is_lifted(&self, policy: PolicyId) -> bool {
        self.has_lifted() && self.lifted().digest() == self.digest.under(policy)
    }

    /// Lifts the subject's entry under a policy out of the lock: until [`lower`](Self::lower), its count may be
    /// changed without it ([`Table::with_lifted`]). One entry per shard can be lifted: another must be lowered
    /// before. Returns whether it is lifted now: not if the count has more than 40 bits.
    pub fn lift(&mut self, policy: PolicyId, fixed: [u64; 2], count: u64) -> bool {
        if self.has_lifted() {
            return false;
        }
        let digest = self.digest.under(policy);
        self.shard.has_lifted = self.lifted().open(digest, fixed, count);
        if self.has_lifted() {
            self.table.hint(digest).set(Some(digest));
        }
        self.has_lifted()
    }

    /// Ends that an entry is lifted out of this shard, of this subject or another. Returns what is to be written to
    /// it.
    pub fn lower(&mut self) -> Option<Lowered> {
        if !self.has_lifted() {
            return None;
        }
        self.shard.has_lifted = false;
        let place = self.shard.find(self.lifted().digest()).map(Place);
        let (fixed, count) = self.lifted().close();
        self.table.hint(self.digest).set(None);
        Some(Lowered {
            place,
            fixed,
            count,
        })
    }

    fn lifted(&self) -> &'a Lifted {
        self.table.lifted(self.digest)
    }

    /// Whether `more` entries could be inserted now. Idle entries may be dropped to that end.
    pub fn has_room(&mut self, more: usize) -> bool {
        let population = self.table.population();
        population.has_room(more) || {
            self.evict(more);
            population.has_room(more)
        }
    }

    /// Inserts entries of this subject that are not there, each under its policy, or none of them if that is
    /// more than the table may hold. Places found before are no longer valid.
    ///
    /// # Errors
    ///
    /// If the table is full, and nothing idle was found within a bounded search.
    pub fn insert_all<I>(&mut self, entries: I) -> Result<(), TableFull>
    where
        I: IntoIterator<Item = (PolicyId, V), IntoIter: ExactSizeIterator>,
    {
        let entries = entries.into_iter();
        let reserved = entries.len();
        let population = self.table.population();
        if !population.try_add(reserved) {
            self.evict(reserved);
            if !population.try_add(reserved) {
                return Err(TableFull(population.capacity()));
            }
        }
        population.evict(self.shard.reserve(reserved, self.now));
        let mut inserted = 0;
        for (policy, value) in entries.take(reserved) {
            let digest = self.digest.under(policy);
            if let Some(known) = self
                .shard
                .find(digest)
                .and_then(|at| self.shard.value_mut(at))
            {
                *known = value;
            } else {
                self.shard.insert(digest, value);
                inserted += 1;
            }
        }
        population.removed(reserved - inserted);
        Ok(())
    }

    /// Removes the subject's entry under a policy, if it has one. Places found before are no longer valid.
    pub fn remove(&mut self, policy: PolicyId) -> Option<V> {
        let at = self.shard.find(self.digest.under(policy))?;
        self.table.population().removed(1);
        Some(self.shard.remove(at))
    }

    /// Makes room for `wanted` entries of this subject, if something idle can be found at little cost.
    fn evict(&mut self, wanted: usize) {
        let dropped = self.shard.evict(self.digest, wanted, self.now);
        self.table.population().evict(dropped);
        if dropped < wanted {
            self.table.sweep_next(1, self.now);
        }
    }
}

impl<V> fmt::Debug for Locked<'_, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Locked")
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

/// The table holds as many entries as it may, and none of them is idle as far as was looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableFull(usize);

impl fmt::Display for TableFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the table is full: all of its {} entries are in use",
            self.0
        )
    }
}

impl std::error::Error for TableFull {}
