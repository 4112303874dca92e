//! The clocks of tidegate: core takes `now` as an argument, and this is where it comes from.
//!
//! [`SystemClock`] is monotonic and cheap to read; [`ManualClock`] stands still until it is moved, for tests.
//!
//! ```
//! use std::time::Duration;
//! use tidegate_clock::{Clock, ManualClock, SystemClock};
//!
//! let clock = SystemClock::new();
//! assert!(clock.now() <= clock.now());
//!
//! let manual = ManualClock::new();
//! let before = manual.now();
//! manual.advance(Duration::from_secs(60));
//! assert_eq!(manual.now().since(before), Duration::from_secs(60));
//! ```

mod manual;
mod system;

pub use manual::ManualClock;
pub use system::SystemClock;
use tidegate_core::Timestamp;

/// Tells the time. Clones of a clock tell the same time.
pub trait Clock: Clone + Send + Sync + 'static {
    /// Now. Never earlier than an answer given before, unless a test wants it so.
    fn now(&self) -> Timestamp;
}
