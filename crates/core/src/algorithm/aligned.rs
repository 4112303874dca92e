//! What fixed and sliding windows share: windows aligned to the Unix epoch, and two counts.

use crate::quota::MAX_COUNT;
use crate::{Timestamp, Usage};

/// Moves the usage into the window that holds `now`, wherever it was said to begin.
#[inline]
pub(super) fn repair(usage: Usage, window: u64, now: Timestamp) -> Usage {
    if usage.at.as_nanos().is_multiple_of(window) {
        roll(usage, window, now)
    } else {
        move_on(usage, window, now)
    }
}

/// Moves the usage into the window that holds `now`. Its own window is aligned: to see that takes a division, much of
/// what a decision computes.
#[inline]
pub(super) fn roll(usage: Usage, window: u64, now: Timestamp) -> Usage {
    let into = now.as_nanos().wrapping_sub(usage.at.as_nanos());
    if into < window {
        return usage;
    }
    move_on(usage, window, now)
}

#[inline]
fn move_on(usage: Usage, window: u64, now: Timestamp) -> Usage {
    let (start, passed) = passed(usage.at, window, now);
    let (current, previous) = match passed {
        Passed::None => (usage.current, usage.previous),
        Passed::One => (0, usage.current),
        Passed::Many => (0, 0),
    };
    Usage {
        at: start,
        current,
        previous,
    }
}

/// How many windows have begun since.
enum Passed {
    None,
    One,
    Many,
}

/// Where the window that holds `now` begins, and how many have begun since the one that holds `at`.
// It takes no usage, so that one that need not be moved on can stay in registers.
#[cold]
fn passed(at: Timestamp, window: u64, now: Timestamp) -> (Timestamp, Passed) {
    let number = at.as_nanos() / window;
    let number_now = now.as_nanos() / window;
    let passed = match number_now.checked_sub(number) {
        Some(0) => Passed::None,
        Some(1) => Passed::One,
        // One window ahead: the clock stepped back a little, perhaps over a boundary, perhaps in a failover. The
        // counts are taken for this window's, so that nobody is reset, and nobody is denied for longer than W.
        None if number - number_now == 1 => Passed::None,
        _ => Passed::Many,
    };
    (Timestamp::from_nanos(number_now * window), passed)
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
