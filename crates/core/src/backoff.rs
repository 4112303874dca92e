//! How long to wait before the next attempt: exponential, with full jitter.

use core::time::Duration;

use crate::time::saturating_nanos;

/// Delays that double from `base` up to `cap`, each drawn evenly between `floor` and that bound, so that many
/// nodes do not come back all at once (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog,
/// 2015: "full jitter").
///
/// ```
/// use std::time::Duration;
/// use tidegate_core::Backoff;
///
/// let backoff = Backoff::default();
/// assert_eq!(backoff.delay(0, 0), Duration::from_millis(50), "never below the floor");
/// assert_eq!(backoff.delay(40, u64::MAX), Duration::from_secs(5), "never above the cap");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The shortest delay.
    pub floor: Duration,
    /// The longest delay of the first attempt.
    pub base: Duration,
    /// The longest delay of all.
    pub cap: Duration,
}

impl Backoff {
    /// The delay before attempt number `attempt` (from 0), given 64 random bits.
    pub fn delay(&self, attempt: u32, random: u64) -> Duration {
        let (floor, cap) = (saturating_nanos(self.floor), saturating_nanos(self.cap));
        let doubled = saturating_nanos(self.base)
            .saturating_mul(1u64.checked_shl(attempt).unwrap_or(u64::MAX));
        let most = doubled.min(cap).max(floor);
        // A random number below 2^64, scaled to the range by its high bits: even to within 2^-64.
        let drawn = (u128::from(random) * (u128::from(most - floor) + 1)) >> 64;
        self.floor + Duration::from_nanos(u64::try_from(drawn).unwrap_or(u64::MAX))
    }
}

impl Default for Backoff {
    /// 50 ms at least; up to 100 ms first, then doubling up to 5 s.
    fn default() -> Self {
        Self {
            floor: Duration::from_millis(50),
            base: Duration::from_millis(100),
            cap: Duration::from_secs(5),
        }
    }
}
