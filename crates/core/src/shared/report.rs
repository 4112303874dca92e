//! What a node tells the store, and what it hears back.

use core::fmt;

use super::Totals;
use crate::{Timestamp, Usage};

/// A node: random, and new at each start of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(u64);

impl NodeId {
    /// From 64 random bits.
    pub const fn from_random(bits: u64) -> Self {
        Self(bits)
    }

    /// As a number.
    pub const fn as_u64(self) -> u64 {
        self.0
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// A node's totals in one window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WindowReport {
    /// Where the window began.
    pub start: Timestamp,
    /// What the node has used in it so far.
    pub totals: Totals,
}

/// A node's totals under a token bucket, with what is needed to rebuild a bucket that the store lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BucketReport {
    /// What the node has used so far, on top of where it began to count.
    pub totals: Totals,
    /// The part of it that the store is known to know, or that the node began with: it is charged to nobody. A store that knows
    /// less takes it for what it knew.
    pub acknowledged: Totals,
    /// When the bucket was going to be full again, by the store's last word.
    pub heard: Timestamp,
    /// From when on what is not acknowledged has been flowing in again, had it been taken from a full bucket, on the
    /// store's clock as the node knows it.
    pub since: Timestamp,
    /// Whether some of it was admitted without the store: then nobody knows how the nodes' parts overlapped, and not
    /// more than one burst is owed for all of them.
    pub isolated: bool,
}

impl BucketReport {
    /// When the bucket is full again as far as the node knows, and at the latest what it gives back has flowed in by itself.
    ///
    /// Giving that back once more would let it be used twice (G2). What was owed by the node's last word flows in first, and
    /// only then what others have used since; so of what is given back no more is still to come than the time until then
    /// takes in. That holds as long as nobody else gives something back in between.
    pub(super) fn full_at(&self, interval: u64, now: Timestamp) -> Timestamp {
        let unheard = self.totals.local.saturating_sub(self.acknowledged.local);
        if unheard == 0 {
            return self.heard;
        }
        let since = self.since.min(now).max(self.heard);
        since.plus(unheard.saturating_mul(interval))
    }
}

/// What a node reports for one subject under one policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// Under a window algorithm: the current window, and the one before. Others are not reported any more.
    Windows {
        /// The window that the node believes to be the current one.
        current: WindowReport,
        /// The one before.
        previous: WindowReport,
    },
    /// Under a token bucket.
    Bucket(BucketReport),
}

impl Report {
    /// The report of a node that has used nothing.
    pub const NOTHING: Self = Self::Windows {
        current: WindowReport {
            start: Timestamp::EPOCH,
            totals: Totals {
                local: 0,
                granted: 0,
                returned: 0,
            },
        },
        previous: WindowReport {
            start: Timestamp::EPOCH,
            totals: Totals {
                local: 0,
                granted: 0,
                returned: 0,
            },
        },
    };
}

/// What the store answers for one subject under one policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The store's time.
    pub now: Timestamp,
    /// What all together have used.
    pub usage: Usage,
    /// What the store knows of this node: in the current window, or under a token bucket in all.
    pub mine: Totals,
    /// What the store knows of this node in the window before; nothing under a token bucket.
    pub mine_before: Totals,
    /// How much was granted in this call. It is part of `mine.granted` already.
    pub got: u64,
    /// Under a token bucket, what all together have used since the store began to count; 0 otherwise.
    pub spent: u64,
}
