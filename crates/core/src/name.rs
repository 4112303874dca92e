//! Names that flags, files and store keys use for one thing of a few, and what is said of any other name.

use alloc::string::{String, ToString};

/// A name that none of those has which could be meant.
///
/// ```
/// use tidegate_core::{Algorithm, Fallback};
///
/// assert_eq!("token-bucket".parse(), Ok(Algorithm::TokenBucket));
/// let wrong = "leaky-bucket".parse::<Algorithm>().unwrap_err();
/// assert_eq!(
///     wrong.to_string(),
///     "unknown algorithm \"leaky-bucket\": it must be fixed-window, sliding-window or token-bucket",
/// );
/// let wrong = "panic".parse::<Fallback>().unwrap_err();
/// assert_eq!(wrong.to_string(), "unknown outage setting \"panic\": it must be share, full, open or closed");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} {given:?}: it must be {allowed}")]
pub struct UnknownName {
    what: &'static str,
    given: String,
    allowed: &'static str,
}

impl UnknownName {
    pub(crate) fn new(what: &'static str, given: &str, allowed: &'static str) -> Self {
        Self {
            what,
            given: given.to_string(),
            allowed,
        }
    }

    /// The name.
    pub fn given(&self) -> &str {
        &self.given
    }

    /// The names that there are.
    pub const fn allowed(&self) -> &'static str {
        self.allowed
    }
}
