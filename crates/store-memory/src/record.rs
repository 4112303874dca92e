//! What the table holds for a subject under a policy: a usage, and how long it lasts, in three words.

use tidegate_core::{MAX_COUNT, Quota, Timestamp, Usage};
use tidegate_table::Entry;

/// A [`Usage`] whose counts, at most [`MAX_COUNT`] (53 bits), leave room for its lifetime: how long after its time
/// it still counts for something. That follows from the policy's algorithm and window, so it never changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Record {
    at: Timestamp,
    current: u64,
    /// The lower 53 bits are the previous count, the upper 11 a [`Lifetime`].
    previous: u64,
}

const COUNT_BITS: u32 = MAX_COUNT.trailing_ones();

impl Record {
    /// A record under a policy that counts by `quota`.
    pub(crate) fn new(usage: Usage, quota: &Quota) -> Self {
        // What a window algorithm counted at the epoch lasts for its lifetime; a bucket's time is its end.
        let counted = Usage::window(Timestamp::EPOCH, 1, 1);
        let lifetime = Lifetime::at_least(quota.idle_at(counted).as_nanos());
        let mut record = Self {
            previous: lifetime.0 << COUNT_BITS,
            ..Self::default()
        };
        record.set(usage);
        record
    }

    #[inline]
    pub(crate) fn usage(&self) -> Usage {
        Usage::window(self.at, self.current, self.previous & MAX_COUNT)
    }

    /// Replaces the usage by another under the same policy.
    #[inline]
    pub(crate) fn set(&mut self, usage: Usage) {
        self.at = usage.at();
        self.current = usage.current();
        self.previous = self.previous & !MAX_COUNT | usage.previous() & MAX_COUNT;
    }

    fn lifetime(&self) -> u64 {
        Lifetime(self.previous >> COUNT_BITS).as_nanos()
    }
}

impl Entry for Record {
    fn is_idle(&self, now: Timestamp) -> bool {
        match self.lifetime() {
            // A bucket: its time is when it is full.
            0 => self.at <= now,
            // From a window long ago; or so far ahead that the clock must have gone back since.
            lifetime => {
                let counted = self.current > 0 || self.previous & MAX_COUNT > 0;
                !counted || self.at.as_nanos().abs_diff(now.as_nanos()) >= lifetime
            }
        }
    }
}

/// Nanoseconds in 11 bits, 1/32 too many at the most: a power of two, and the five bits that follow its leading one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Lifetime(u64);

impl Lifetime {
    const FRACTION_BITS: u32 = 5;
    const ONE: u64 = 1 << Self::FRACTION_BITS;

    fn at_least(nanos: u64) -> Self {
        if nanos < Self::ONE {
            // No window is that short: this is a bucket's, 0.
            return Self(0);
        }
        let shift = nanos.ilog2() - Self::FRACTION_BITS;
        // Without the leading one. Rounding up may carry into the power, as it should.
        let fraction = nanos.div_ceil(1 << shift) - Self::ONE;
        Self((u64::from(shift + 1) << Self::FRACTION_BITS) + fraction)
    }

    fn as_nanos(self) -> u64 {
        match self.0 >> Self::FRACTION_BITS {
            0 => 0,
            power => (Self::ONE | self.0 & (Self::ONE - 1)) << (power - 1),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use tidegate_core::{Algorithm, MAX_WINDOW, MIN_WINDOW};

    use super::*;

    fn quotas() -> impl Strategy<Value = Quota> {
        let millis = |window: Duration| u64::try_from(window.as_millis()).unwrap();
        let algorithm = prop_oneof![
            Just(Algorithm::FixedWindow),
            Just(Algorithm::SlidingWindow),
            Just(Algorithm::TokenBucket),
        ];
        (
            1..=1000_u64,
            millis(MIN_WINDOW)..=millis(MAX_WINDOW),
            algorithm,
        )
            .prop_filter_map(
                "a bucket may not take too long to fill",
                |(limit, window, algorithm)| {
                    let quota = Quota::new(limit, Duration::from_millis(window)).unwrap();
                    quota.with_algorithm(algorithm).ok()
                },
            )
    }

    proptest! {
        #[test]
        fn a_lifetime_is_never_short_and_hardly_long(nanos in 1_000_000_u64..1 << 57) {
            let lifetime = Lifetime::at_least(nanos);
            prop_assert!(lifetime.0 < 1 << 11);
            prop_assert!((nanos..=nanos + nanos / 32).contains(&lifetime.as_nanos()));
        }

        #[test]
        fn a_record_keeps_its_usage_and_is_idle_only_when_the_usage_is(
            quota in quotas(),
            counts in prop_oneof![Just((0, 0)), Just((MAX_COUNT, MAX_COUNT)), (0..3_u64, 0..3_u64)],
            start in 0..1_000_000_000_u64,
            later in 0..1_000_000_000_u64,
        ) {
            let at = Timestamp::from_millis(start);
            let usage = match quota.algorithm() {
                Algorithm::TokenBucket => Usage::bucket(at),
                _ => Usage::window(at, counts.0, counts.1),
            };
            let mut record = Record::new(Usage::default(), &quota);
            record.set(usage);
            prop_assert_eq!(record, Record::new(usage, &quota));
            prop_assert_eq!(record.usage(), usage);

            let now = at + Duration::from_millis(later);
            if record.is_idle(now) {
                prop_assert!(quota.idle_at(usage) <= now, "forgotten too early");
            }
            let most = quota.idle_at(Usage::window(at, 1, 1)) + 2 * quota.window() / 32;
            prop_assert!(record.is_idle(most), "kept for too long");
        }
    }

    #[test]
    fn what_lies_too_far_ahead_is_idle() {
        let quota = Quota::per_minute(10).unwrap();
        let record = Record::new(Usage::window(Timestamp::from_secs(6_000), 3, 3), &quota);
        assert!(record.is_idle(Timestamp::from_secs(60)));
        assert!(!record.is_idle(Timestamp::from_secs(5_990)));
    }
}
