//! Sliding window: `previous x (1 - elapsed / W) + current`, in integers that a double holds exactly.
//!
//! The previous window's weight falls in equal steps of at least a millisecond: with S steps in a window, it
//! is `(S - k) / S` in step k. S is chosen so that `L x S` stays below 2^52; then both sides of
//!
//! ```text
//! previous x (S - k) <= (L - current - cost) x S
//! ```
//!
//! are exact in Redis' Lua as well as here, and the two cannot disagree. Steps are whole microseconds for the same
//! reason: nanoseconds since a long window began do not fit into a double. The formula is at most one step late, on
//! the strict side.
//!
//! A previous window counts for at most L: what was admitted beyond it (in an outage, or before the limit was
//! lowered) is not carried on as a debt.

use core::time::Duration;

use crate::{Timestamp, Usage};

/// How a sliding window is divided: in how many equal steps the previous window's weight falls to nothing.
///
/// For stores that evaluate the formula elsewhere, as a script in a server does; nobody else needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Steps {
    count: u64,
    nanos: u64,
}

impl Steps {
    pub(crate) const fn new(limit: u64, window: u64) -> Self {
        let finest = window / 1_000_000;
        let exact = (1 << 52) / limit;
        let most = if exact < 1 {
            1
        } else if exact < finest {
            exact
        } else {
            finest
        };
        let micros = (window / 1_000).div_ceil(most);
        Self {
            count: (window / 1_000).div_ceil(micros),
            nanos: micros * 1_000,
        }
    }

    /// S: how many steps. The limit times this is at most 2^52, unless it is 1.
    pub const fn count(self) -> u64 {
        self.count
    }

    /// The length of one step, whole microseconds. `count` of them are at least a window.
    pub const fn length(self) -> Duration {
        Duration::from_nanos(self.nanos)
    }

    /// S - k at `now`, in a window that began at `start`: how many steps' worth of the previous window count.
    #[inline]
    fn left(self, start: Timestamp, now: Timestamp) -> u64 {
        self.count
            .saturating_sub(now.nanos_since(start) / self.nanos)
    }

    /// The earliest time, in the window that began at `start`, at which `counted x (S - k) <= room x S`.
    fn when(self, start: Timestamp, counted: u64, room: u64) -> Timestamp {
        let left = (room * self.count / counted.max(1)).min(self.count);
        start.plus((self.count - left).saturating_mul(self.nanos))
    }
}

#[inline]
pub(super) fn admits(usage: Usage, limit: u64, steps: Steps, cost: u64, now: Timestamp) -> bool {
    let Some(room) = limit
        .checked_sub(usage.current)
        .and_then(|left| left.checked_sub(cost))
    else {
        return false;
    };
    // The previous window counts in full at the most: usually that settles it, without a division.
    usage.previous <= room
        || usage.previous.min(limit) * steps.left(usage.at, now) <= room * steps.count
}

#[inline]
pub(super) fn remaining(usage: Usage, limit: u64, steps: Steps, now: Timestamp) -> u64 {
    let room = limit.saturating_sub(usage.current);
    if usage.previous == 0 || room == 0 {
        return room;
    }
    let counted = usage.previous.min(limit) * steps.left(usage.at, now);
    let weighted = counted.div_ceil(steps.count);
    room.saturating_sub(weighted)
}

/// `cost` is at most the limit, and does not fit now.
pub(super) fn available_at(
    usage: Usage,
    limit: u64,
    window: u64,
    steps: Steps,
    cost: u64,
) -> Timestamp {
    let next = usage.at.plus(window);
    if let Some(room) = (limit - cost).checked_sub(usage.current) {
        // It fits beside the current count: wait until the previous window has lost enough weight.
        let when = steps.when(usage.at, usage.previous.min(limit), room);
        return when.min(next);
    }
    // It does not: this window's count becomes the previous one, and then loses weight.
    steps
        .when(next, usage.current.min(limit), limit - cost)
        .min(next.plus(window))
}
