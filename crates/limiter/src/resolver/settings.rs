//! How answers that take time are cached.

use std::time::Duration;

use crate::BuildError;

const LONGEST_DEADLINE: Duration = Duration::from_secs(60);
const LONGEST_LIFE: Duration = Duration::from_secs(366 * 24 * 60 * 60);
const SHORTEST: Duration = Duration::from_millis(1);

/// How an [`AsyncResolver`](crate::AsyncResolver)'s answers are cached, and how long requests wait for them.
///
/// There is one lookup at a time for a subject, whoever waits for it. A lookup that fails is tried again after a
/// second at the earliest; until it succeeds, the last known answer holds, or the policies' own quotas.
///
/// ```
/// use std::time::Duration;
/// use tidegate_limiter::LookupSettings;
///
/// let settings = LookupSettings {
///     time_to_live: Duration::from_secs(10),
///     ..LookupSettings::default()
/// };
/// assert_eq!(settings.capacity, 100_000);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LookupSettings {
    /// How long an answer is good: 1 ms to 366 days, 60 seconds by default. After that it is looked up again
    /// in the background; only after twice that time do requests wait for it.
    pub time_to_live: Duration,
    /// How many subjects' answers are kept: at least 1, 100 000 by default. Those used least recently are
    /// forgotten first.
    pub capacity: u64,
    /// How long a request waits for its subject's first answer: 1 ms to 60 s, 100 ms by default. This is beside
    /// the deadline for the store.
    pub deadline: Duration,
}

impl Default for LookupSettings {
    fn default() -> Self {
        Self {
            time_to_live: Duration::from_secs(60),
            capacity: 100_000,
            deadline: Duration::from_millis(100),
        }
    }
}

impl LookupSettings {
    pub(crate) fn check(&self) -> Result<(), BuildError> {
        let error = |setting, value, allowed| BuildError::Lookup {
            setting,
            value,
            allowed,
        };
        if !(SHORTEST..=LONGEST_LIFE).contains(&self.time_to_live) {
            let value = format!("{:?}", self.time_to_live);
            return Err(error("time_to_live", value, "1ms to 366 days"));
        }
        if !(SHORTEST..=LONGEST_DEADLINE).contains(&self.deadline) {
            let value = format!("{:?}", self.deadline);
            return Err(error("deadline", value, "1ms to 60s"));
        }
        if self.capacity == 0 {
            return Err(error("capacity", "0".to_owned(), "at least 1"));
        }
        Ok(())
    }
}
