//! A node's clock that is wrong by a fixed amount.

use std::time::Duration;

use tidegate_clock::{Clock, SystemClock};
use tidegate_core::Timestamp;

/// The system's clock, ahead or behind.
#[derive(Clone, Debug)]
pub struct Skewed {
    clock: SystemClock,
    skew: Skew,
}

/// By how much a clock is wrong.
#[derive(Clone, Copy, Debug, Default)]
pub enum Skew {
    /// It is right.
    #[default]
    None,
    /// It is ahead.
    Ahead(Duration),
    /// It is behind.
    Behind(Duration),
}

impl Skewed {
    /// A clock that is wrong by so much.
    pub fn by(skew: Skew) -> Self {
        Self {
            clock: SystemClock::new(),
            skew,
        }
    }
}

impl Clock for Skewed {
    fn now(&self) -> Timestamp {
        let now = self.clock.now();
        match self.skew {
            Skew::None => now,
            Skew::Ahead(by) => now + by,
            Skew::Behind(by) => Timestamp::EPOCH + now.since(Timestamp::EPOCH + by),
        }
    }
}
