//! A time in whole milliseconds and a count, in eight bytes: every subject with a token bucket has one.

use crate::Timestamp;

/// The time takes 45 bits, as many as the last [`Timestamp`] needs; the count has the other 19.
///
/// In two halves, so that what it is in takes no more room than it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamped([u32; 2]);

impl Stamped {
    const COUNT_BITS: u32 = 19;
    /// The largest count.
    pub(super) const MOST: u64 = (1 << Self::COUNT_BITS) - 1;

    /// None, if the time is not a whole number of milliseconds, or if the count is too large.
    pub(super) fn new(at: Timestamp, count: u64) -> Option<Self> {
        let millis = at.as_nanos() / 1_000_000;
        let whole = Timestamp::from_millis(millis) == at;
        let stamped = Self::of_word(millis << Self::COUNT_BITS);
        stamped.with_count(count).filter(|_| whole)
    }

    /// Another count of the same time. None, if it is too large.
    #[inline]
    pub(super) fn with_count(self, count: u64) -> Option<Self> {
        (count <= Self::MOST).then(|| Self::of_word(self.word() & !Self::MOST | count))
    }

    /// The same with a larger count; with the largest, if it is too large.
    pub(super) fn saturating_add(self, more: u64) -> Self {
        let count = self.count().saturating_add(more).min(Self::MOST);
        Self::of_word(self.word() & !Self::MOST | count)
    }

    pub(super) const fn at(self) -> Timestamp {
        Timestamp::from_millis(self.word() >> Self::COUNT_BITS)
    }

    #[inline]
    pub(super) const fn count(self) -> u64 {
        self.word() & Self::MOST
    }

    #[inline]
    const fn word(self) -> u64 {
        let [low, high] = self.0;
        (high as u64) << 32 | low as u64
    }

    #[inline]
    #[allow(clippy::cast_possible_truncation, reason = "into halves")]
    const fn of_word(word: u64) -> Self {
        Self([word as u32, (word >> 32) as u32])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LAST: u64 = u64::MAX / 1_000_000;

    proptest! {
        #[test]
        fn it_tells_the_time_and_the_count(
            millis in prop_oneof![0_u64..9, LAST - 9..=LAST, 0..=LAST],
            count in prop_oneof![0_u64..9, Stamped::MOST - 9..=Stamped::MOST],
        ) {
            let at = Timestamp::from_millis(millis);
            let stamped = Stamped::new(at, count).unwrap();
            prop_assert_eq!((stamped.at(), stamped.count()), (at, count));
            let other = stamped.with_count(Stamped::MOST - count).unwrap();
            prop_assert_eq!((other.at(), other.count()), (at, Stamped::MOST - count));
            prop_assert_eq!(stamped.saturating_add(Stamped::MOST - count), Stamped::new(at, Stamped::MOST).unwrap());
            prop_assert_eq!(stamped.saturating_add(u64::MAX), stamped.saturating_add(Stamped::MOST));
        }
    }

    #[test]
    fn there_is_none_of_what_it_has_no_room_for() {
        let at = Timestamp::from_millis(7);
        assert!(Stamped::new(at, Stamped::MOST + 1).is_none());
        assert!(Stamped::new(at, u64::MAX).is_none());
        assert!(Stamped::new(Timestamp::from_nanos(7_000_001), 0).is_none());
        assert!(Stamped::new(Timestamp::MAX, 0).is_none());
    }
}
