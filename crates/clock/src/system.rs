//! The system's clock: wall time when it was made, monotonic time since.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tidegate_core::Timestamp;

use crate::Clock;

/// Monotonic time, anchored once to the wall clock: a wall clock that steps changes nothing (G7).
///
/// A reading takes about ten nanoseconds where the processor has an invariant time-stamp counter.
#[derive(Clone, Debug)]
pub struct SystemClock {
    clock: quanta::Clock,
    /// What the clock's counter showed when it was made, and the wall time then.
    anchor: u64,
    anchor_wall: Timestamp,
}

impl SystemClock {
    /// Anchors the clock to the wall time of now. A wall clock before 1970 counts as 1970.
    pub fn new() -> Self {
        let clock = quanta::Clock::new();
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or(Duration::ZERO);
        Self {
            anchor: clock.raw(),
            clock,
            anchor_wall: Timestamp::EPOCH + since_epoch,
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[inline]
    fn now(&self) -> Timestamp {
        // By way of a `Duration`, this would take half as long again.
        let since = self.clock.delta_as_nanos(self.anchor, self.clock.raw());
        Timestamp::from_nanos(self.anchor_wall.as_nanos().saturating_add(since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_at_wall_time_and_never_goes_back() {
        let before = Timestamp::EPOCH + SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let clock = SystemClock::new();
        let mut last = clock.now();
        assert!(last >= before);
        for _ in 0..10_000 {
            let now = clock.now();
            assert!(now >= last);
            last = now;
        }
    }
}
