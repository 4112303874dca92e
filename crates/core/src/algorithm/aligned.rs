//! What fixed and sliding windows share: windows aligned to the Unix epoch, and two counts.

use crate::quota::MAX_COUNT;
use crate::{Timestamp, Usage};

/// Moves the usage into the window that holds `now`.
#[inline]
pub(super) fn roll(usage: Usage, window: u64, now: Timestamp) -> Usage {
    let into = now.as_nanos().wrapping_sub(usage.at.as_nanos());
    if into < window && usage.at.as_nanos().is_multiple_of(window) {
        return usage;
    }
    roll_on(usage, window, now)
}

#[cold]
fn roll_on(usage: Usage, window: u64, now: Timestamp) -> Usage {
    let number = usage.at.as_nanos() / window;
    let number_now = now.as_nanos() / window;
    let start = Timestamp::from_nanos(number_now * window);
    if number == number_now {
        return Usage { at: start, ..usage };
    }
    if number.checked_add(1) == Some(number_now) {
        return Usage {
            at: start,
            current: 0,
            previous: usage.current,
        };
    }
    // One window ahead: the clock stepped back a little, perhaps over a boundary, perhaps in a failover. The
    // counts are taken for this window's, so that nobody is reset, and nobody is denied for longer than W.
    if number_now.checked_add(1) == Some(number) {
        return Usage { at: start, ..usage };
    }
    Usage {
        at: start,
        current: 0,
        previous: 0,
    }
}

#[inline]
pub(super) fn charge(usage: Usage, cost: u64) -> Usage {
    Usage {
        current: usage.current.saturating_add(cost).min(MAX_COUNT),
        ..usage
    }
}

/// Gives `cost` back to the window that began at `start`, if it is this one or the one before.
pub(super) fn refund(usage: Usage, cost: u64, start: Timestamp, window: u64) -> Usage {
    if start == usage.at {
        Usage {
            current: usage.current.saturating_sub(cost),
            ..usage
        }
    } else if start.plus(window) == usage.at {
        Usage {
            previous: usage.previous.saturating_sub(cost),
            ..usage
        }
    } else {
        usage
    }
}
