//! A clock that stands still until it is moved.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tidegate_core::Timestamp;

use crate::Clock;

/// A clock for tests: it stands still until [`advance`](Self::advance) or [`set`](Self::set) moves it. Clones
/// share the time.
#[derive(Clone, Debug)]
pub struct ManualClock {
    nanos: Arc<AtomicU64>,
}

impl ManualClock {
    /// A clock that shows a fixed time, aligned to a full day, so that windows begin where tests expect it.
    pub fn new() -> Self {
        Self::at(Timestamp::from_secs(20_000 * 24 * 60 * 60))
    }

    /// A clock that shows the given time.
    pub fn at(now: Timestamp) -> Self {
        Self {
            nanos: Arc::new(AtomicU64::new(now.as_nanos())),
        }
    }

    /// Moves it on.
    pub fn advance(&self, duration: Duration) {
        self.set(self.now() + duration);
    }

    /// Moves it anywhere, back too.
    pub fn set(&self, now: Timestamp) {
        self.nanos.store(now.as_nanos(), Ordering::SeqCst);
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_nanos(self.nanos.load(Ordering::SeqCst))
    }
}
