//! The store's clock, as a node knows it.

use crate::Timestamp;

/// An estimate of how far the store's clock is from this node's, learned from the time that every reply carries.
///
/// A reply that took `rtt` pins the offset down to half of that, taken at the middle of the round trip (as NTP
/// does, RFC 5905, section 8). The tightest recent reply wins; its claim weakens with age, because clocks drift.
/// A reply that contradicts the estimate by more than both can be wrong means that a clock stepped: it is believed
/// at once. Until a store has answered, the node's own clock is all there is.
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
        Timestamp::from_nanos(u64::try_from(nanos.max(0)).unwrap_or(u64::MAX))
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
        let better = self.best.is_none_or(|best| {
            let stale = best
                .error
                .saturating_add(received.nanos_since(best.at) / DRIFT_PER_NANO);
            let apart = best.offset.abs_diff(offset);
            error <= stale || apart > u128::from(stale) + u128::from(error)
        });
        if better {
            self.best = Some(sample);
        } else if let Some(best) = &mut self.best {
            // However wide a sample is, the store read its clock after the call was sent and before the answer came: it
            // never answers from the future, nor from a window that has not begun here.
            let read = i128::from(store.as_nanos());
            let least = read - i128::from(received.as_nanos());
            let most = read - i128::from(sent.as_nanos());
            best.offset = best.offset.max(least).min(most.max(least));
        }
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
        assert_eq!(clock.store_time(ms(3_000)), ms(7_000));
    }
}
