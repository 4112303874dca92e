//! The store's clock, as a node knows it.

use crate::Timestamp;

/// An estimate of how far the store's clock is from this node's, learned from the time that every reply carries.
///
/// A reply that took `rtt` pins the offset down to half of that, taken at the middle of the round trip (as NTP
/// does, RFC 5905, section 8). The tightest recent reply wins; its claim weakens with age, because clocks drift.
/// A reply that contradicts the estimate by more than both can be wrong means that a clock stepped: it is believed
/// at once. Until a store has answered, the node's own clock is all there is.
///
/// Only a step sets it back. Where a better sample says that it was ahead, it stands still until that is made up for:
/// what was charged to a window that had just begun by this clock stays in it (G2, G5).
///
/// ```
/// use tidegate_core::tiered::StoreClock;
/// use tidegate_core::Timestamp;
///
/// let mut clock = StoreClock::default();
/// let ms = Timestamp::from_millis;
/// assert_eq!(clock.store_time(ms(1_000)), ms(1_000));
/// // Sent at 1000, answered at 1010; the store's clock said 9005 meanwhile.
/// clock.learn(ms(1_000), ms(9_005), ms(1_010));
/// assert_eq!(clock.store_time(ms(1_020)), ms(9_020));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct StoreClock {
    best: Option<Sample>,
    not_before: Timestamp,
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    /// The store's clock minus this node's, in nanoseconds.
    offset: i128,
    /// By how much that can be wrong.
    error: u64,
    /// When it was learned, on this node's clock.
    at: Timestamp,
}

/// How fast two clocks may drift apart: 100 parts per million.
const DRIFT_PER_NANO: u64 = 10_000;

impl StoreClock {
    /// The store's time at a moment of this node's clock.
    pub fn store_time(&self, local: Timestamp) -> Timestamp {
        let Some(best) = self.best else { return local };
        let nanos = i128::from(local.as_nanos()) + best.offset;
        let shown = Timestamp::from_nanos(u64::try_from(nanos.max(0)).unwrap_or(u64::MAX));
        shown.max(self.not_before)
    }

    /// The store's clock minus this node's, in nanoseconds; 0 until a store has answered, or if it is no time that can be.
    pub fn offset(&self) -> i64 {
        self.best
            .map_or(0, |best| i64::try_from(best.offset).unwrap_or(0))
    }

    /// What it showed when it was found to be ahead: it shows nothing earlier, unless a clock steps.
    pub const fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// Whether a store has answered yet.
    pub const fn is_known(&self) -> bool {
        self.best.is_some()
    }

    /// Learns from a call that was sent and answered at the given times of this node's clock.
    pub fn learn(&mut self, sent: Timestamp, store: Timestamp, received: Timestamp) {
        let error = received.nanos_since(sent) / 2 + 1;
        let middle = sent.as_nanos().saturating_add(error - 1);
        let offset = i128::from(store.as_nanos()) - i128::from(middle);
        let sample = Sample {
            offset,
            error,
            at: received,
        };
        let shown = self.store_time(received);
        match &mut self.best {
            Some(best) if !best.is_contradicted_by(&sample) => {
                self.not_before = self.not_before.max(shown);
                best.refine(sample, sent, store);
            }
            _ => *self = Self::stepped(sample),
        }
    }

    /// Nothing that it showed before counts any more.
    const fn stepped(to: Sample) -> Self {
        Self {
            best: Some(to),
            not_before: Timestamp::EPOCH,
        }
    }
}

impl Sample {
    /// By how much it can be wrong by now.
    fn error_at(&self, now: Timestamp) -> u64 {
        self.error
            .saturating_add(now.nanos_since(self.at) / DRIFT_PER_NANO)
    }

    fn is_contradicted_by(&self, other: &Self) -> bool {
        let apart = self.offset.abs_diff(other.offset);
        apart > u128::from(self.error_at(other.at)) + u128::from(other.error)
    }

    /// Takes a sample into account that does not contradict it.
    fn refine(&mut self, other: Self, sent: Timestamp, store: Timestamp) {
        if other.error <= self.error_at(other.at) {
            *self = other;
            return;
        }
        // However wide a sample is, the store read its clock after the call was sent and before the answer came: it
        // never answers from the future, nor from a window that has not begun here.
        let read = i128::from(store.as_nanos());
        let least = read - i128::from(other.at.as_nanos());
        let most = read - i128::from(sent.as_nanos());
        self.offset = self.offset.max(least).min(most.max(least));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g7_no_answer_comes_from_the_future_or_from_before_it_was_asked_for() {
        let ms = Timestamp::from_millis;
        let mut clock = StoreClock::default();
        clock.learn(ms(1_000), ms(5_001), ms(1_002));
        // Slow, and a little later than it should be, but not so much that the clock must have stepped.
        clock.learn(ms(2_000), ms(6_031), ms(2_030));
        assert_eq!(clock.store_time(ms(2_030)), ms(6_031));
        clock.learn(ms(3_000), ms(7_000), ms(3_030));
        assert_eq!(clock.store_time(ms(3_030)), ms(7_031), "it stands still");
        assert_eq!(clock.store_time(ms(4_000)), ms(8_000));
    }

    #[test]
    fn g2_g5_a_better_sample_does_not_set_the_clock_back_into_the_window_before() {
        let ms = Timestamp::from_millis;
        let mut clock = StoreClock::default();
        // It took 40 ms, and nearly all of that to the store: by its middle the store is 19 ms ahead.
        clock.learn(ms(1_000), ms(5_039), ms(1_040));
        assert_eq!(clock.store_time(ms(1_990)), ms(6_009));
        clock.learn(ms(1_989), ms(5_990), ms(1_991));
        assert_eq!(clock.store_time(ms(1_991)), ms(6_010));
        assert_eq!(clock.store_time(ms(2_005)), ms(6_010));
        assert_eq!(clock.store_time(ms(2_020)), ms(6_020), "made up for");
    }

    #[test]
    fn g7_a_step_back_is_believed_at_once() {
        let ms = Timestamp::from_millis;
        let mut clock = StoreClock::default();
        clock.learn(ms(1_000), ms(5_001), ms(1_002));
        clock.learn(ms(2_000), ms(6_001), ms(2_002));
        clock.learn(ms(3_000), ms(1_001), ms(3_002));
        assert_eq!(clock.store_time(ms(3_002)), ms(1_002));
    }
}
