//! One entry per shard can be worked on without the shard's lock: a count is lifted out of it, into an atomic word.
//!
//! Threads that want the same entry all the time would hand the lock's and the entry's cache lines to and fro; here
//! they share one line, and those that only look at the count take it from nobody.
//!
//! A seqlock whose sequence number shares a word with the count: `open` and `close` happen under the shard's lock,
//! and change the sequence number; a count is replaced by comparing the whole word. So nobody changes a count
//! whose entry has been lowered, or exchanged for another, since he looked.

use crate::Digest;
use crate::sync::{AtomicU32, AtomicU64, Ordering, fence, give_way};

/// Counts have 40 bits, the sequence number 23. A thread would have to sleep through eight million changes of
/// what is lifted, and then find the very count that it saw, to take one for another.
const COUNT: u64 = (1 << 40) - 1;
const NEXT: u64 = 1 << 40;
const SEQUENCE: u64 = !(COUNT | OPEN);
const OPEN: u64 = 1 << 63;

/// What is lifted out of a shard, if anything is. A cache line of its own.
#[repr(align(64))]
pub(crate) struct Lifted {
    /// Open or not, sequence number, count.
    word: AtomicU64,
    digest: [AtomicU64; 2],
    /// What the entry consists of besides its count, which does not change while it is lifted.
    fixed: [AtomicU64; 2],
}

impl Lifted {
    pub(crate) fn nothing() -> Self {
        Self {
            word: AtomicU64::new(0),
            digest: [AtomicU64::new(0), AtomicU64::new(0)],
            fixed: [AtomicU64::new(0), AtomicU64::new(0)],
        }
    }

    /// Replaces the count of the entry with this digest by what `f` makes of it and of the fixed part, and returns
    /// `f`'s result. None, and nothing is replaced, if that entry is not lifted, or if `f` returns none, or a count that
    /// is too large. `f` is called again if the count has changed meanwhile.
    #[inline(always)]
    pub(crate) fn update<R>(
        &self,
        digest: Digest,
        f: impl Fn([u64; 2], u64) -> Option<(u64, R)>,
    ) -> Option<R> {
        let mut word = self.word.load(Ordering::Acquire);
        let read =
            |words: &[AtomicU64; 2]| words.each_ref().map(|word| word.load(Ordering::Relaxed));
        if word & OPEN == 0 || read(&self.digest) != digest.words() {
            return None;
        }
        let fixed = read(&self.fixed);
        // If any of these was written by a later `open`, its `close` is seen below.
        fence(Ordering::Acquire);
        let opened = word & SEQUENCE;
        loop {
            let count = word & COUNT;
            let (new, result) = f(fixed, count)?;
            if new > COUNT {
                return None;
            }
            let replaced = if new == count {
                // The count as it was seen is what counts, if it was this entry's.
                Err(self.word.load(Ordering::Relaxed))
            } else {
                let (set, seen) = (Ordering::AcqRel, Ordering::Relaxed);
                self.word
                    .compare_exchange_weak(word, word & !COUNT | new, set, seen)
            };
            match replaced {
                Ok(_) => return Some(result),
                Err(now) if now & OPEN == 0 || now & SEQUENCE != opened => return None,
                Err(_) if new == count => return Some(result),
                Err(now) => word = now,
            }
            // Somebody else wants it too: both are faster if each can go on for a while.
            give_way();
        }
    }

    /// Lifts an entry. Only under the shard's lock, and when nothing is lifted. Returns whether it could: not if the
    /// count is too large.
    pub(crate) fn open(&self, digest: Digest, fixed: [u64; 2], count: u64) -> bool {
        if count > COUNT {
            return false;
        }
        let closed = self.word.load(Ordering::Relaxed);
        // Whoever sees what is written next sees that it was closed before.
        fence(Ordering::Release);
        for (word, value) in self.digest.iter().zip(digest.words()) {
            word.store(value, Ordering::Relaxed);
        }
        for (word, value) in self.fixed.iter().zip(fixed) {
            word.store(value, Ordering::Relaxed);
        }
        let sequence = next(closed);
        self.word.store(OPEN | sequence | count, Ordering::Release);
        true
    }

    /// What is lifted. Only under the shard's lock.
    pub(crate) fn digest(&self) -> Digest {
        Digest::from_words(
            self.digest
                .each_ref()
                .map(|word| word.load(Ordering::Relaxed)),
        )
    }

    /// Ends it. Only under the shard's lock. Returns the fixed part and the last count.
    pub(crate) fn close(&self) -> ([u64; 2], u64) {
        let sequence = next(self.word.load(Ordering::Relaxed));
        let last = self.word.swap(sequence, Ordering::AcqRel);
        let fixed = self
            .fixed
            .each_ref()
            .map(|word| word.load(Ordering::Relaxed));
        (fixed, last & COUNT)
    }
}

/// Which subject's entry is lifted out of a shard, in 32 bits. It may be out of date or another's: it only spares
/// those who look for another subject a closer look.
pub(crate) struct Hint(AtomicU32);

impl Hint {
    pub(crate) fn nothing() -> Self {
        Self(AtomicU32::new(0))
    }

    /// Whether it may be worth while to look closer.
    #[inline(always)]
    pub(crate) fn may_be(&self, digest: Digest) -> bool {
        self.0.load(Ordering::Relaxed) == digest.tag()
    }

    /// From now on, it is an entry with this digest, or none.
    pub(crate) fn set(&self, digest: Option<Digest>) {
        let tag = digest.map_or(0, Digest::tag);
        self.0.store(tag, Ordering::Relaxed);
    }
}

/// The sequence number after a word's.
fn next(word: u64) -> u64 {
    (word & SEQUENCE).wrapping_add(NEXT) & SEQUENCE
}
