//! The three ways to count, behind one set of operations on a [`Quota`].
//!
//! Every operation takes a [`Usage`] as it was stored. [`Quota::brought_forward`] must come first: it moves
//! the usage to `now` and repairs what cannot be; the others expect its result.

mod aligned;
pub(crate) mod fixed_window;
pub(crate) mod sliding_window;
pub(crate) mod token_bucket;

use crate::quota::Shape;
use crate::{Quota, Timestamp, Usage};

impl Quota {
    /// The usage as it stands at `now`: the window rolled on, values that cannot be repaired (L4, G7).
    ///
    /// ```
    /// use tidegate_core::{Quota, Timestamp, Usage};
    ///
    /// let quota = Quota::per_minute(100)?;
    /// let usage = Usage::window(Timestamp::from_secs(60), 7, 3);
    /// let later = quota.brought_forward(usage, Timestamp::from_secs(121));
    /// assert_eq!(later, Usage::window(Timestamp::from_secs(120), 0, 7));
    /// # Ok::<(), tidegate_core::QuotaError>(())
    /// ```
    #[inline]
    pub fn brought_forward(&self, usage: Usage, now: Timestamp) -> Usage {
        match self.shape() {
            Shape::Fixed | Shape::Sliding(_) => aligned::repair(usage, self.window_nanos(), now),
            Shape::Bucket { burst, interval } => token_bucket::repair(
                usage,
                token_bucket::most_missing(self.window_nanos(), burst, interval),
                now,
            ),
        }
    }

    /// As [`brought_forward`](Self::brought_forward), for a usage that came from there, or is the default: what is in
    /// a window need not be repaired again.
    #[inline]
    pub(crate) fn rolled_on(&self, usage: Usage, now: Timestamp) -> Usage {
        match self.shape() {
            Shape::Fixed | Shape::Sliding(_) => aligned::roll(usage, self.window_nanos(), now),
            Shape::Bucket { .. } => self.brought_forward(usage, now),
        }
    }

    /// Whether `cost` more fits at `now`. Nothing is charged.
    #[inline]
    pub fn admits(&self, usage: Usage, cost: u64, now: Timestamp) -> bool {
        if cost > self.capacity() {
            return false;
        }
        match self.shape() {
            Shape::Fixed => fixed_window::admits(usage, self.limit(), cost),
            Shape::Sliding(steps) => sliding_window::admits(usage, self.limit(), steps, cost, now),
            Shape::Bucket { burst, interval } => {
                token_bucket::admits(usage, burst, interval, cost, now)
            }
        }
    }

    /// The usage with `cost` added, whether or not it fits: what a decision taken elsewhere has used.
    #[inline]
    pub fn charged(&self, usage: Usage, cost: u64, now: Timestamp) -> Usage {
        match self.shape() {
            Shape::Fixed | Shape::Sliding(_) => aligned::charge(usage, cost),
            Shape::Bucket { burst, interval } => {
                token_bucket::charge(usage, burst, interval, cost, now)
            }
        }
    }

    /// How many units are left at `now`: 0 to [`capacity`](Self::capacity) (G8).
    #[inline]
    pub fn remaining(&self, usage: Usage, now: Timestamp) -> u64 {
        match self.shape() {
            Shape::Fixed => fixed_window::remaining(usage, self.limit()),
            Shape::Sliding(steps) => sliding_window::remaining(usage, self.limit(), steps, now),
            Shape::Bucket { burst, interval } => {
                token_bucket::remaining(usage, burst, interval, now)
            }
        }
    }

    /// When `cost` fits, if nothing else is admitted until then: `now` if it fits now, `None` if it never can
    /// (L5).
    pub fn available_at(&self, usage: Usage, cost: u64, now: Timestamp) -> Option<Timestamp> {
        if cost > self.capacity() {
            return None;
        }
        if self.admits(usage, cost, now) {
            return Some(now);
        }
        Some(match self.shape() {
            Shape::Fixed => usage.at.plus(self.window_nanos()),
            Shape::Sliding(steps) => {
                sliding_window::available_at(usage, self.limit(), self.window_nanos(), steps, cost)
            }
            Shape::Bucket { burst, interval } => {
                token_bucket::available_at(usage, burst, interval, cost, now)
            }
        })
    }

    /// How many nanoseconds it takes a token bucket to take in `units`; 0 for other algorithms.
    pub(crate) fn flow_nanos(&self, units: u64) -> u64 {
        match self.shape() {
            Shape::Bucket { interval, .. } => units.saturating_mul(interval),
            Shape::Fixed | Shape::Sliding(_) => 0,
        }
    }

    /// From when on the usage is as good as none, and may be forgotten.
    #[inline]
    pub fn idle_at(&self, usage: Usage) -> Timestamp {
        match self.shape() {
            Shape::Fixed if usage.current == 0 => usage.at,
            Shape::Fixed => usage.at.plus(self.window_nanos()),
            Shape::Sliding(_) if usage.current == 0 && usage.previous == 0 => usage.at,
            Shape::Sliding(_) if usage.current == 0 => usage.at.plus(self.window_nanos()),
            Shape::Sliding(_) => usage.at.plus(2 * self.window_nanos()),
            Shape::Bucket { .. } => usage.at,
        }
    }

    /// The usage with `cost` given back into the window that it came from (never into a later one).
    ///
    /// `charged` is the usage right after the cost was charged, at time `then`.
    pub fn refunded(&self, usage: Usage, cost: u64, charged: Usage, now: Timestamp) -> Usage {
        match self.shape() {
            Shape::Fixed | Shape::Sliding(_) => {
                aligned::refund(usage, cost, charged.at, self.window_nanos())
            }
            Shape::Bucket { interval, .. } => {
                token_bucket::refund(usage, interval, cost, charged.at, now)
            }
        }
    }
}
