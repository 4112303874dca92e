//! Replicas about which nothing is unusual, read and changed as they are kept, while the store answers and no share holds.

use super::bucket::BucketReplica;
use super::compact::Compact;
use super::compact_bucket::CompactBucket;
use crate::{Quota, Timestamp, Usage};

/// What a decision needs of a replica.
pub(super) trait Usual {
    /// Moves it to `now`. No, if that takes a closer look.
    fn is_at(&mut self, quota: &Quota, now: Timestamp) -> bool;

    /// What all nodes are known to have used.
    fn usage(&self, quota: &Quota) -> Usage;

    /// What this node admitted by itself and the store does not know yet.
    fn unsent(&self) -> u64;

    /// Whether the store has said anything.
    fn is_informed(&self) -> bool;

    /// Counts what this node admits by itself. No, if this form has no room for it: nothing was counted.
    fn admit(&mut self, quota: &Quota, cost: u64, now: Timestamp) -> bool;
}

impl Usual for Compact {
    #[inline]
    fn is_at(&mut self, quota: &Quota, now: Timestamp) -> bool {
        let into = now.as_nanos().checked_sub(self.start().as_nanos());
        into.is_some_and(|into| into < quota.window_nanos())
    }

    #[inline]
    fn usage(&self, _quota: &Quota) -> Usage {
        self.usage()
    }

    #[inline]
    fn unsent(&self) -> u64 {
        self.unsent()
    }

    #[inline]
    fn is_informed(&self) -> bool {
        self.is_informed()
    }

    #[inline]
    fn admit(&mut self, _quota: &Quota, cost: u64, _now: Timestamp) -> bool {
        self.admit(cost)
    }
}

impl Usual for CompactBucket {
    #[inline]
    fn is_at(&mut self, quota: &Quota, now: Timestamp) -> bool {
        let usage = self.usage(quota);
        quota.brought_forward(usage, now) == usage
    }

    #[inline]
    fn usage(&self, quota: &Quota) -> Usage {
        self.usage(quota)
    }

    #[inline]
    fn unsent(&self) -> u64 {
        self.unsent()
    }

    #[inline]
    fn is_informed(&self) -> bool {
        self.is_informed()
    }

    #[inline]
    fn admit(&mut self, quota: &Quota, cost: u64, now: Timestamp) -> bool {
        self.admit(quota, cost, now)
    }
}

/// One whose counts are large, say.
impl Usual for BucketReplica {
    fn is_at(&mut self, quota: &Quota, now: Timestamp) -> bool {
        self.roll(quota, now);
        self.follow();
        true
    }

    fn usage(&self, _quota: &Quota) -> Usage {
        self.estimate()
    }

    fn unsent(&self) -> u64 {
        self.unsent()
    }

    fn is_informed(&self) -> bool {
        self.is_informed()
    }

    fn admit(&mut self, quota: &Quota, cost: u64, now: Timestamp) -> bool {
        self.admit(quota, cost, now);
        self.follow();
        true
    }
}
