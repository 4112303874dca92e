//! Fixed window: at most L in every aligned window (G1).

use crate::Usage;

#[inline]
pub(super) fn admits(usage: Usage, limit: u64, cost: u64) -> bool {
    usage.current.saturating_add(cost) <= limit
}

#[inline]
pub(super) fn remaining(usage: Usage, limit: u64) -> u64 {
    limit.saturating_sub(usage.current)
}
