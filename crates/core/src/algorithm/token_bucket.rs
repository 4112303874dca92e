//! Token bucket, as GCRA: the usage is one theoretical arrival time, when the bucket will be full again.
//!
//! The time until then, divided by the interval T, is what is missing from the bucket. See ITU-T I.371 for
//! the algorithm. T is rounded up to whole nanoseconds, so that at most `burst + floor(d / T)` are admitted in
//! every interval d (G1).

use crate::{Timestamp, Usage};

/// The most that can be missing, in nanoseconds: all that the bucket holds, and almost a window's flow beyond it.
///
/// Nodes that admit by themselves take up to `(N - 1) q` more than the bucket holds (G2). That must be owed, or else it
/// would be taken again and again; but never so much that a subject idle for W is still denied one unit (L4).
#[inline]
pub(crate) const fn most_missing(window: u64, burst: u64, interval: u64) -> u64 {
    burst * interval + window - interval
}

/// A value beyond the most that can be missing comes from a clock that stepped back, a burst that was lowered, or is
/// garbage.
#[inline]
pub(super) fn repair(usage: Usage, most: u64, now: Timestamp) -> Usage {
    Usage::bucket(usage.at.min(now.plus(most)))
}

#[inline]
pub(super) fn admits(usage: Usage, burst: u64, interval: u64, cost: u64, now: Timestamp) -> bool {
    // Both products are at most MAX_REFILL, 2^53 - 1: the quota's constructor and the caller see to it.
    debug_assert!(cost <= burst);
    usage.at.nanos_since(now).saturating_add(cost * interval) <= burst * interval
}

/// What would be owed beyond a full bucket is not kept; what is owed already is.
#[inline]
pub(super) fn charge(usage: Usage, burst: u64, interval: u64, cost: u64, now: Timestamp) -> Usage {
    let owed = usage.at.nanos_since(now);
    let debt = owed.saturating_add(cost.saturating_mul(interval));
    Usage::bucket(now.plus(debt.min(owed.max(burst * interval))))
}

#[inline]
pub(super) fn remaining(usage: Usage, burst: u64, interval: u64, now: Timestamp) -> u64 {
    (burst * interval).saturating_sub(usage.at.nanos_since(now)) / interval
}

/// `cost` is at most the burst, and does not fit now.
pub(super) fn available_at(
    usage: Usage,
    burst: u64,
    interval: u64,
    cost: u64,
    now: Timestamp,
) -> Timestamp {
    let wanted = usage.at.nanos_since(now).saturating_add(cost * interval);
    now.plus(wanted.saturating_sub(burst * interval))
}

/// Gives back what has not yet flowed in again by itself since the cost was charged (the bucket was to be full
/// at `charged_until` then): giving back more could take away what later requests owe.
pub(super) fn refund(
    usage: Usage,
    interval: u64,
    cost: u64,
    charged_until: Timestamp,
    now: Timestamp,
) -> Usage {
    let back = cost
        .saturating_mul(interval)
        .min(charged_until.nanos_since(now));
    let full_at = usage
        .at
        .as_nanos()
        .saturating_sub(back)
        .max(now.as_nanos().min(usage.at.as_nanos()));
    Usage::bucket(Timestamp::from_nanos(full_at))
}
