//! What is counted for one subject under one policy, as plain data that any store can hold.

use crate::Timestamp;

/// What one subject has used under one policy: three words, meaningful together with the [`Quota`](crate::Quota).
///
/// | algorithm | `at` | `current` | `previous` |
/// |---|---|---|---|
/// | fixed, sliding window | where the window began | admitted in it | admitted in the one before |
/// | token bucket | the theoretical arrival time: when the bucket is full again | 0 | 0 |
///
/// Any value is survived (L4): what lies too far in the future or is not aligned is repaired when it is read.
/// `Usage::default()` is "nothing used".
///
/// ```
/// use tidegate_core::{Timestamp, Usage};
///
/// let usage = Usage::window(Timestamp::from_secs(60), 7, 3);
/// assert_eq!((usage.current(), usage.previous()), (7, 3));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Usage {
    pub(crate) at: Timestamp,
    pub(crate) current: u64,
    pub(crate) previous: u64,
}

impl Usage {
    /// What a window algorithm counts: where the window began, what was admitted in it and in the one before.
    pub const fn window(start: Timestamp, current: u64, previous: u64) -> Self {
        Self {
            at: start,
            current,
            previous,
        }
    }

    /// What a token bucket counts: when it will be full again.
    pub const fn bucket(full_at: Timestamp) -> Self {
        Self {
            at: full_at,
            current: 0,
            previous: 0,
        }
    }

    /// Where the window began, or when the bucket is full again.
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    /// Admitted in the current window; 0 for a token bucket.
    pub const fn current(&self) -> u64 {
        self.current
    }

    /// Admitted in the window before; 0 for a token bucket.
    pub const fn previous(&self) -> u64 {
        self.previous
    }
}
