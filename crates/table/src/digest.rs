//! Subjects become 128-bit keyed digests: that is what the table stores, and what decides where.

use std::hash::{BuildHasher, Hasher, RandomState};

use foldhash::SharedSeed;
use foldhash::quality::FoldHasher;
use tidegate_core::PolicyId;

/// How subjects are hashed. The keys are random, new for every [`Keys`], and known to nobody.
///
/// Two subjects share an entry if their 128 bits are the same (G9 holds up to that): with a million subjects,
/// the chance that any two do is about 10⁻²⁷.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyHash {
    /// foldhash, twice, with independent keys. Not a cryptographic hash: it is made so that collisions cannot be
    /// found by somebody who does not know the keys and cannot see the hashes, and nothing here shows them;
    /// but that rests on no proof. About 5 ns for 20 bytes.
    #[default]
    Fast,
    /// SipHash-1-3, twice, with different keys: a pseudo-random function as far as anybody knows, so that not even
    /// hashes that leak help to find a collision. About 20 ns for 20 bytes.
    Sip,
}

/// The keys of one table's digests.
#[derive(Debug)]
pub struct Keys(Kind);

#[derive(Debug)]
enum Kind {
    Fast(Box<[Fold; 2]>),
    Sip([RandomState; 2]),
}

#[derive(Debug)]
struct Fold {
    own: u64,
    shared: SharedSeed,
}

impl Keys {
    /// Random keys.
    pub fn random(hash: KeyHash) -> Self {
        match hash {
            KeyHash::Fast => Self::fast(|| RandomState::new().hash_one(0_u64)),
            KeyHash::Sip => Self(Kind::Sip([RandomState::new(), RandomState::new()])),
        }
    }

    /// Keys that follow from `seed`, for [`KeyHash::Fast`]: a simulation that must repeat itself needs them, and
    /// nobody else may use them.
    pub fn from_seed(seed: u64) -> Self {
        let mut state = seed;
        Self::fast(|| {
            // Weyl sequence through a multiply-xorshift: distinct words for distinct seeds will do.
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let word = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            word ^ (word >> 31)
        })
    }

    fn fast(mut word: impl FnMut() -> u64) -> Self {
        let mut fold = || Fold {
            own: word(),
            shared: SharedSeed::from_u64(word()),
        };
        Self(Kind::Fast(Box::new([fold(), fold()])))
    }

    /// The subject's digest.
    #[inline(always)]
    pub fn digest(&self, subject: &[u8]) -> Digest {
        match &self.0 {
            Kind::Fast(folds) => Digest::new(fold(folds, subject)),
            Kind::Sip(states) => Digest::new(sip(states, subject)),
        }
    }
}

#[inline(never)]
fn sip(states: &[RandomState; 2], subject: &[u8]) -> [u64; 2] {
    states.each_ref().map(|state| {
        let mut hasher = state.build_hasher();
        hasher.write(subject);
        hasher.finish()
    })
}

/// Both hashes of a subject.
#[inline(always)]
fn fold(folds: &[Fold; 2], subject: &[u8]) -> [u64; 2] {
    let len = subject.len();
    // Subjects of these lengths are common, and foldhash takes longer for them than for two halves, which may
    // overlap. What they do not say is the length: it goes into the key.
    if let (17..=32, Some(first), Some(last)) =
        (len, subject.first_chunk::<16>(), subject.last_chunk::<16>())
    {
        return folds.each_ref().map(|fold| {
            let own = fold.own.wrapping_add((len as u64) << 32);
            let mut hasher = FoldHasher::with_seed(own, &fold.shared);
            hasher.write(first);
            hasher.write(last);
            hasher.finish()
        });
    }
    fold_any(folds, subject)
}

#[inline(never)]
fn fold_any(folds: &[Fold; 2], subject: &[u8]) -> [u64; 2] {
    folds.each_ref().map(|fold| {
        let mut hasher = FoldHasher::with_seed(fold.own, &fold.shared);
        hasher.write(subject);
        hasher.finish()
    })
}

/// What stands for a subject in one table. Only the [`Keys`] that made it can make it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Digest {
    lo: u64,
    hi: u64,
}

impl Digest {
    #[inline]
    fn new([lo, hi]: [u64; 2]) -> Self {
        // An empty slot is one whose first word is 0, so no digest's may be.
        let lo = if lo == 0 { 1 } else { lo };
        Self { lo, hi }
    }

    /// Some of its bits, never 0: those of a subject's entries are the same, those of two subjects seldom.
    #[inline(always)]
    pub(crate) fn tag(self) -> u32 {
        // The upper bits are much the same within a shard.
        let [a, b, c, d, ..] = self.lo.to_le_bytes();
        u32::from_le_bytes([a, b, c, d]) | 1
    }

    /// Which of `2^bits` shards the subject's entries are in.
    #[inline]
    pub(crate) fn shard(self, bits: u32) -> usize {
        // In two steps, because a shift by 64 is none. Shards are few: the result fits.
        usize::try_from(self.lo >> 1 >> (63 - bits)).unwrap_or(0)
    }

    /// The digest of one of the subject's entries. It begins as the subject's does: shard and home are the same.
    #[inline]
    pub(crate) fn under(self, policy: PolicyId) -> Self {
        Self {
            lo: self.lo,
            hi: self.hi ^ policy.as_u64(),
        }
    }

    /// Where in a shard of `len` slots, with `2^bits` shards, looking for it begins.
    #[inline]
    pub(crate) fn home(self, bits: u32, len: usize) -> usize {
        // Multiply-shift: the bits that chose the shard are no use here.
        let fraction = u128::from(self.lo << bits);
        let home = (fraction * len as u128) >> 64;
        // Below `len`, so it fits.
        usize::try_from(home).unwrap_or(0)
    }
}

/// The digest of an empty slot.
impl Default for Digest {
    fn default() -> Self {
        Self { lo: 0, hi: 0 }
    }
}

impl Digest {
    #[inline]
    pub(crate) fn words(self) -> [u64; 2] {
        [self.lo, self.hi]
    }

    pub(crate) fn from_words([lo, hi]: [u64; 2]) -> Self {
        Self { lo, hi }
    }

    #[inline]
    pub(crate) fn is_none(self) -> bool {
        self.lo == 0
    }
}
