//! What nearly every decision needs to know of what was used, in two words.

#[cfg(doc)]
use super::{replica::Replica, told::Told};
use crate::{Algorithm, Quota, Timestamp, Usage};

/// What all nodes are known to have used.
///
/// Under a window algorithm: where the window begins; what was used in it (the lower half), and in the one before. Of a bucket:
/// when it is full again, if all that is unsent was charged after what was heard; and if nothing was charged but that. (The
/// later of the two is when it is.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Words(pub(super) u64, pub(super) u64);

impl Words {
    pub(super) fn window(start: Timestamp, current: u32, previous: u32) -> Self {
        let counts = u64::from(previous) << 32 | u64::from(current);
        Self(start.as_nanos(), counts)
    }

    pub(super) fn bucket(charged_until: Timestamp, unsent_until: Timestamp) -> Self {
        Self(charged_until.as_nanos(), unsent_until.as_nanos())
    }

    /// The counts of two windows.
    #[inline]
    #[allow(clippy::cast_possible_truncation, reason = "into halves")]
    pub(super) const fn counts(self) -> [u32; 2] {
        [self.1 as u32, (self.1 >> 32) as u32]
    }

    /// As [`Replica::estimate`].
    #[inline]
    pub(super) fn usage(self, quota: &Quota) -> Usage {
        match quota.algorithm() {
            Algorithm::TokenBucket => Usage::bucket(Timestamp::from_nanos(self.0.max(self.1))),
            Algorithm::FixedWindow | Algorithm::SlidingWindow => {
                let [current, previous] = self.counts().map(u64::from);
                Usage::window(Timestamp::from_nanos(self.0), current, previous)
            }
        }
    }

    /// Whether `usage` is what counts at `now`.
    #[inline]
    pub(super) fn is_at(usage: Usage, quota: &Quota, now: Timestamp) -> bool {
        match quota.algorithm() {
            Algorithm::TokenBucket => quota.brought_forward(usage, now) == usage,
            Algorithm::FixedWindow | Algorithm::SlidingWindow => {
                let into = now.as_nanos().checked_sub(usage.at().as_nanos());
                into.is_some_and(|into| into < quota.window_nanos())
            }
        }
    }

    /// Counts what this node admits by itself; not more than there is [room](Told::room) for.
    #[inline]
    pub(super) fn admit(&mut self, quota: &Quota, cost: u16, now: Timestamp) {
        match quota.algorithm() {
            Algorithm::TokenBucket => {
                let flow = quota.flow_nanos(cost.into());
                self.0 = self.0.saturating_add(flow);
                self.1 = self.1.max(now.as_nanos()).saturating_add(flow);
            }
            // There is room, so that it does not carry into the upper half.
            Algorithm::FixedWindow | Algorithm::SlidingWindow => self.1 += u64::from(cost),
        }
    }
}
