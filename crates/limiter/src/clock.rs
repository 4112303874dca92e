//! A clock of any kind, so that the limiter is not generic over its clock.

use std::fmt;
use std::sync::Arc;

use tidegate_clock::{Clock, SystemClock};
use tidegate_core::Timestamp;

#[derive(Clone)]
pub(crate) struct AnyClock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl AnyClock {
    pub(crate) fn new(clock: impl Clock) -> Self {
        Self(Arc::new(move || clock.now()))
    }
}

impl Default for AnyClock {
    fn default() -> Self {
        Self::new(SystemClock::new())
    }
}

impl fmt::Debug for AnyClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnyClock")
    }
}

impl Clock for AnyClock {
    fn now(&self) -> Timestamp {
        (self.0)()
    }
}
