//! The table: shards behind locks, one count of entries, and who sweeps when.

use std::fmt;
use std::num::NonZeroUsize;

use tidegate_core::{PolicyId, Timestamp};

use crate::lifted::{Hint, Lifted};
use crate::overflow::Shared;
use crate::population::Population;
use crate::shard::Shard;
use crate::sync::{AtomicUsize, Mutex, MutexGuard, Ordering};
use crate::{Digest, Entry, Keys, Locked, Overflow};

/// The most entries that a table can be made for: 2^30, about a thousand million.
pub const MAX_CAPACITY: usize = 1 << 30;

/// How many entries a full shard has, on average, at the most: it is rebuilt in well under a millisecond.
const ENTRIES_PER_SHARD: usize = 4096;
/// A small table is still divided, as far as this many entries per shard, so that threads do not wait for each other.
const FEW_ENTRIES_PER_SHARD: usize = 64;
/// As long as there are fewer shards than this, that is.
const ENOUGH_SHARDS: usize = 64;
/// How many other shards a thread sweeps, if they are due, when it has swept its own.
const SWEPT_TOGETHER: usize = 4;

/// A bounded map from subject and policy to `V`. See the [crate](crate)'s documentation.
pub struct Table<V> {
    keys: Keys,
    shards: Box<[Aligned<V>]>,
    /// What is lifted out of each shard.
    lifted: Box<[Lifted]>,
    /// Of what is lifted out of each shard, so much that others need not look closer. Sixteen shards' in a cache line, so
    /// that this is always at hand.
    hints: Box<[Hint]>,
    bits: u32,
    population: Population,
    overflow: Mutex<Shared<V>>,
    /// Which shard is swept next by a thread that works in another.
    next: AtomicUsize,
}

/// A cache line of its own for each shard's lock, so that threads in different shards do not disturb each other.
#[repr(align(64))]
struct Aligned<V>(Mutex<Shard<V>>);

#[cfg(all(not(loom), target_pointer_width = "64"))]
const _: () = assert!(size_of::<Aligned<u64>>() == 64);

/// What a table holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stats {
    /// The most entries that it may hold.
    pub capacity: usize,
    /// The entries that it holds; idle ones count until they are dropped.
    pub entries: usize,
    /// How many idle entries were dropped so far.
    pub evicted: u64,
}

impl<V: Entry> Table<V> {
    /// An empty table of at most `capacity` entries, or [`MAX_CAPACITY`] if that is less. It takes memory as it
    /// fills.
    pub fn new(capacity: NonZeroUsize, keys: Keys) -> Self {
        let capacity = capacity.get().min(MAX_CAPACITY);
        let enough = (capacity / FEW_ENTRIES_PER_SHARD).clamp(1, ENOUGH_SHARDS);
        let bits = capacity
            .div_ceil(ENTRIES_PER_SHARD)
            .max(enough)
            .next_power_of_two()
            .trailing_zeros();
        let shards = (0..1_usize << bits).map(|_| Aligned(Mutex::new(Shard::new(bits))));
        let lifted = (0..1_usize << bits).map(|_| Lifted::nothing());
        let hints = (0..1_usize << bits).map(|_| Hint::nothing());
        Self {
            keys,
            shards: shards.collect(),
            lifted: lifted.collect(),
            hints: hints.collect(),
            bits,
            population: Population::new(capacity),
            overflow: Mutex::new(Shared::new()),
            next: AtomicUsize::new(0),
        }
    }

    /// What stands for the subject in this table.
    #[inline]
    pub fn digest(&self, subject: &[u8]) -> Digest {
        self.keys.digest(subject)
    }

    /// Locks the subject's entries. The clock is read before that, and again only if that came too late.
    // Always inlined, or else digest and lock go through memory: that makes a sixth of a decision's time.
    #[inline(always)]
    pub fn lock(&self, digest: Digest, clock: impl Fn() -> Timestamp) -> Locked<'_, V> {
        let index = digest.shard(self.bits);
        let now = clock();
        let mut shard = self.shards[index].0.lock();
        if shard.is_sweep_due(now) {
            shard = self.sweep_and_lock(index, shard, now);
        }
        let now = settle(now, &mut shard.latest, clock);
        Locked::new(self, shard, digest, now)
    }

    /// Whether it is worth while to try [`with_lifted`](Self::with_lifted): a look at one word.
    #[inline(always)]
    pub fn may_be_lifted(&self, digest: Digest) -> bool {
        self.hint(digest).may_be(digest)
    }

    /// Works on the subject's entry under a policy without its lock, if that entry is [lifted](Locked::lift). `f` gets
    /// the fixed part and the count, and returns the count that shall replace it, and a result: it is what is
    /// returned once the count is replaced. None, and nothing is changed, if the entry is not lifted, or if `f`
    /// says none, or a count of more than 40 bits: then it must be locked. `f` can be called several times.
    #[inline(always)]
    pub fn with_lifted<R>(
        &self,
        digest: Digest,
        policy: PolicyId,
        f: impl Fn([u64; 2], u64) -> Option<(u64, R)>,
    ) -> Option<R> {
        self.lifted(digest).update(digest.under(policy), f)
    }

    /// Locks the shared entries, for a subject that was locked at `now`.
    pub fn overflow(&self, now: Timestamp, clock: impl Fn() -> Timestamp) -> Overflow<'_, V> {
        Overflow::new(self.overflow.lock(), now, clock)
    }

    /// Drops all idle entries, and memory that is not needed, one shard after the other. Nobody has to call this:
    /// shards are swept as they are used.
    pub fn sweep(&self, now: Timestamp) {
        for shard in &self.shards {
            self.population.evict(shard.0.lock().sweep(now));
        }
    }

    /// How many shards it has: a few thousand entries are in each, at the most.
    pub fn shards(&self) -> usize {
        self.shards.len()
    }

    /// Works on every entry of a shard, one after the other, while it is locked; on none if there is no such shard. They are
    /// all worked on at one time, not before anything that was done in the shard, unless the clock itself went back. What
    /// is lifted out of the shard is not seen.
    pub fn visit(
        &self,
        shard: usize,
        clock: impl Fn() -> Timestamp,
        mut work: impl FnMut(&mut V, Timestamp),
    ) {
        if let Some(shard) = self.shards.get(shard) {
            let mut shard = shard.0.lock();
            let now = settle(clock(), &mut shard.latest, clock);
            shard.values_mut().for_each(|value| work(value, now));
        }
    }

    /// What it holds.
    pub fn stats(&self) -> Stats {
        Stats {
            capacity: self.population.capacity(),
            entries: self.population.entries(),
            evicted: self.population.evicted(),
        }
    }

    /// How many bytes its slots take, used or not. This locks one shard after the other.
    pub fn slot_bytes(&self) -> usize {
        let slots = self.shards.iter().map(|shard| shard.0.lock().slots());
        slots.sum::<usize>() * Shard::<V>::SLOT_BYTES
    }

    /// What is lifted out of the subject's shard.
    #[inline(always)]
    pub(crate) fn lifted(&self, digest: Digest) -> &Lifted {
        &self.lifted[digest.shard(self.bits)]
    }

    /// The hint at what is lifted out of the subject's shard.
    #[inline(always)]
    pub(crate) fn hint(&self, digest: Digest) -> &Hint {
        &self.hints[digest.shard(self.bits)]
    }

    pub(crate) fn population(&self) -> &Population {
        &self.population
    }

    /// Sweeps the shard, and some others while it is not locked.
    #[cold]
    #[inline(never)]
    fn sweep_and_lock<'a>(
        &'a self,
        index: usize,
        mut shard: MutexGuard<'a, Shard<V>>,
        now: Timestamp,
    ) -> MutexGuard<'a, Shard<V>> {
        self.population.evict(shard.sweep(now));
        drop(shard);
        self.sweep_next(SWEPT_TOGETHER, now);
        self.shards[index].0.lock()
    }

    /// Sweeps the next `count` shards, as far as they are due and free. It waits for no lock, so a shard's lock may
    /// be held.
    pub(crate) fn sweep_next(&self, count: usize, now: Timestamp) {
        let first = self.next.fetch_add(count, Ordering::Relaxed);
        for index in (0..count.min(self.shards.len())).map(|i| first.wrapping_add(i)) {
            let shard = &self.shards[index & (self.shards.len() - 1)];
            if let Some(mut shard) = shard.0.try_lock()
                && shard.is_sweep_due(now)
            {
                self.population.evict(shard.sweep(now));
            }
        }
    }
}

impl<V> fmt::Debug for Table<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // No entries and no keys: neither belongs into a log.
        f.debug_struct("Table")
            .field("capacity", &self.population.capacity())
            .field("entries", &self.population.entries())
            .finish_non_exhaustive()
    }
}

/// The time to work at under a lock under which the latest was `latest`.
///
/// A thread may read the clock, and get the lock after one that read it later. A window that has ended must not
/// come back then (G1), so it reads again. If that is still too early, the clock itself went back: so be it.
#[inline]
pub(crate) fn settle(
    now: Timestamp,
    latest: &mut Timestamp,
    clock: impl Fn() -> Timestamp,
) -> Timestamp {
    let now = if now < *latest { clock() } else { now };
    *latest = now;
    now
}
