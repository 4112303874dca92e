//! One shard: open addressing with linear probing over slots that hold digest and value.
//!
//! A key is found between its home and the next empty slot. Removing keeps that true by moving later entries
//! back (so there are no tombstones), and every change of size places all entries anew.

use tidegate_core::Timestamp;

use crate::{Digest, Entry};

/// Below 3 of 10 a sweep makes the shard smaller.
const MIN_LOAD: (usize, usize) = (3, 10);
const FEWEST_SLOTS: usize = 8;
/// How often a shard that is in use is swept, in nanoseconds: 10 s.
const SWEEP_EVERY: u64 = 10_000_000_000;
/// How many slots' worth of sweeping one attempt to insert into a full table pays for.
const CREDIT: u32 = 16;

#[derive(Default)]
struct Slot<V> {
    digest: Digest,
    value: V,
}

/// With its lock it fits into a cache line.
pub(crate) struct Shard<V> {
    slots: Box<[Slot<V>]>,
    used: usize,
    /// log2 of the number of shards: the bits of a digest that are the same for all that is in here.
    bits: u8,
    /// How many slots' worth of sweeping insertions into the full table have paid for.
    credit: u32,
    /// Which entry was wanted last, and how many times in a row before.
    recent: u32,
    streak: u32,
    /// Whether an entry is lifted out of this shard.
    pub(crate) has_lifted: bool,
    /// The latest time at which anybody worked in here.
    pub(crate) latest: Timestamp,
    swept: Timestamp,
}

impl<V: Entry> Shard<V> {
    /// What one slot takes.
    pub(crate) const SLOT_BYTES: usize = size_of::<Slot<V>>();
    /// Slots of a cache line or more: free ones cost memory, sooner than searches cost time.
    const LARGE: bool = Self::SLOT_BYTES >= 64;
    /// At most 7 of 10 slots are in use: an unsuccessful search then passes 6 slots on average. Large ones: 8, and 13.
    const MAX_LOAD: (usize, usize) = (if Self::LARGE { 8 } else { 7 }, 10);
    /// A full shard grows by one slot for so many.
    const GROWS_BY: usize = if Self::LARGE { 8 } else { 4 };

    pub(crate) fn new(bits: u32) -> Self {
        Self {
            slots: Box::default(),
            used: 0,
            // At most 63.
            bits: u8::try_from(bits).unwrap_or(0),
            credit: 0,
            recent: 0,
            streak: 0,
            has_lifted: false,
            latest: Timestamp::EPOCH,
            swept: Timestamp::EPOCH,
        }
    }

    #[inline]
    pub(crate) fn find(&self, digest: Digest) -> Option<usize> {
        let home = digest.home(self.bits.into(), self.slots.len());
        let (before, after) = self.slots.split_at_checked(home)?;
        for (at, slot) in (home..).zip(after).chain((0..).zip(before)) {
            if slot.digest == digest {
                return Some(at);
            }
            if slot.digest.is_none() {
                return None;
            }
        }
        None
    }

    pub(crate) fn value(&self, at: usize) -> Option<&V> {
        self.slots.get(at).map(|slot| &slot.value)
    }

    #[inline]
    pub(crate) fn value_mut(&mut self, at: usize) -> Option<&mut V> {
        self.slots.get_mut(at).map(|slot| &mut slot.value)
    }

    /// How many times in a row the entry at `at` has been wanted, before this time.
    #[inline]
    pub(crate) fn streak(&mut self, at: usize) -> u32 {
        // Entries move, and a shard has fewer slots than this counts: all of it is a guess.
        let at = u32::try_from(at).unwrap_or(u32::MAX);
        self.streak = if self.recent == at {
            self.streak.saturating_add(1)
        } else {
            0
        };
        self.recent = at;
        self.streak
    }

    /// Makes sure that `more` entries can be inserted. Returns how many idle entries it dropped to that end.
    pub(crate) fn reserve(&mut self, more: usize, now: Timestamp) -> usize {
        let fits =
            |used: usize, slots: usize| used + more <= slots * Self::MAX_LOAD.0 / Self::MAX_LOAD.1;
        if fits(self.used, self.slots.len()) {
            return 0;
        }
        let dropped = self.drop_idle(now);
        // Unless an eighth of the slots has become free, growing is cheaper than coming here again soon.
        let spare = self.slots.len() / 8;
        if !fits(self.used + spare, self.slots.len()) || self.slots.is_empty() {
            let needed = Self::slots_for(self.used + more);
            let grown = self.slots.len() + self.slots.len() / Self::GROWS_BY;
            self.resize(needed.max(grown));
        }
        dropped
    }

    /// Inserts what is not in here, after room was [reserved](Self::reserve).
    pub(crate) fn insert(&mut self, digest: Digest, value: V) {
        let home = digest.home(self.bits.into(), self.slots.len());
        if let Some(free) = self.probe(home).find(|at| self.slots[*at].digest.is_none()) {
            self.slots[free] = Slot { digest, value };
            self.used += 1;
        }
    }

    /// Removes an entry, and closes the gap: every later entry of the run that may stand in it moves back.
    pub(crate) fn remove(&mut self, at: usize) -> V {
        let len = self.slots.len();
        let mut gap = at;
        let mut next = at;
        loop {
            next = if next + 1 == len { 0 } else { next + 1 };
            let digest = self.slots[next].digest;
            if next == at || digest.is_none() {
                break;
            }
            // From its home to where it is, is the gap on the way?
            let home = digest.home(self.bits.into(), len);
            if distance(gap, next, len) <= distance(home, next, len) {
                self.slots.swap(gap, next);
                gap = next;
            }
        }
        self.used -= 1;
        std::mem::take(&mut self.slots[gap]).value
    }

    /// Drops idle entries, of the full table, so that `wanted` others may come: those on the way of `digest`, or all
    /// of the shard once enough such attempts have paid for it. Returns how many.
    pub(crate) fn evict(&mut self, digest: Digest, wanted: usize, now: Timestamp) -> usize {
        self.credit = self.credit.saturating_add(CREDIT);
        if self.credit as usize >= self.slots.len() {
            self.credit = 0;
            return self.drop_idle(now);
        }
        let mut dropped = 0;
        while dropped < wanted {
            let home = digest.home(self.bits.into(), self.slots.len());
            let run = self.probe(home).map(|at| (at, &self.slots[at]));
            let idle = run
                .take_while(|(_, slot)| !slot.digest.is_none())
                .find(|(_, slot)| slot.value.is_idle(now));
            let Some((at, _)) = idle else { break };
            self.remove(at);
            dropped += 1;
        }
        dropped
    }

    /// All entries.
    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        let used = self.slots.iter_mut().filter(|slot| !slot.digest.is_none());
        used.map(|slot| &mut slot.value)
    }

    /// Whether the shard should be swept: not for a while, or the clock went back.
    #[inline]
    pub(crate) fn is_sweep_due(&self, now: Timestamp) -> bool {
        now.as_nanos().wrapping_sub(self.swept.as_nanos()) >= SWEEP_EVERY
    }

    /// Drops all idle entries, and the memory that is too much for the rest. Returns how many.
    pub(crate) fn sweep(&mut self, now: Timestamp) -> usize {
        self.swept = now;
        let dropped = self.drop_idle(now);
        let few = self.used < self.slots.len() * MIN_LOAD.0 / MIN_LOAD.1;
        if self.used == 0 {
            self.slots = Box::default();
        } else if few && self.slots.len() > FEWEST_SLOTS {
            self.resize(Self::slots_for(self.used + self.used / 8));
        }
        dropped
    }

    fn drop_idle(&mut self, now: Timestamp) -> usize {
        let before = self.used;
        let mut at = 0;
        while at < self.slots.len() {
            let slot = &self.slots[at];
            if !slot.digest.is_none() && slot.value.is_idle(now) {
                // Another entry may have moved here: look again.
                self.remove(at);
            } else {
                at += 1;
            }
        }
        before - self.used
    }

    fn resize(&mut self, len: usize) {
        let empty = std::iter::repeat_with(Slot::default).take(len).collect();
        let old = std::mem::replace(&mut self.slots, empty);
        self.used = 0;
        for slot in old {
            if !slot.digest.is_none() {
                self.insert(slot.digest, slot.value);
            }
        }
    }

    /// All slots, from `home` on, each once.
    fn probe(&self, home: usize) -> impl Iterator<Item = usize> + use<V> {
        (home..self.slots.len()).chain(0..home)
    }

    /// How many slots it has.
    pub(crate) fn slots(&self) -> usize {
        self.slots.len()
    }

    /// How many slots `used` entries need.
    fn slots_for(used: usize) -> usize {
        let (most, of) = Self::MAX_LOAD;
        (used * of).div_ceil(most).max(FEWEST_SLOTS)
    }
}

/// How many steps it is from one slot on to another.
fn distance(from: usize, to: usize, len: usize) -> usize {
    if to >= from {
        to - from
    } else {
        to + len - from
    }
}
