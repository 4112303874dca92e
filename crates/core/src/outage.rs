//! What to do while the store cannot be reached.

use core::fmt;
use core::time::Duration;

use crate::UnknownName;

/// What one node does for a policy while it cannot reach the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fallback {
    /// Enforce this node's share of the limit, so that all nodes together admit about the limit (G4).
    Share,
    /// Enforce the whole limit on every node: up to N times the limit.
    Full,
    /// Admit everything.
    Open,
    /// Deny everything, with 503: the limiter is unavailable.
    Closed,
}

impl Fallback {
    /// The name that flags, files, metrics and logs use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Share => "share",
            Self::Full => "full",
            Self::Open => "open",
            Self::Closed => "closed",
        }
    }
}

impl fmt::Display for Fallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl core::str::FromStr for Fallback {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        [Self::Share, Self::Full, Self::Open, Self::Closed]
            .into_iter()
            .find(|fallback| fallback.as_str() == name)
            .ok_or_else(|| UnknownName::new("outage setting", name, "share, full, open or closed"))
    }
}

/// One [`Fallback`] for the first part of an outage, another for the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Grace {
    /// How long the first part lasts.
    pub lasting: Duration,
    /// What holds in the first part.
    pub first: Fallback,
    /// What holds afterwards.
    pub then: Fallback,
}

/// What a policy does while the store cannot be reached.
///
/// ```
/// use std::time::Duration;
/// use tidegate_core::{Fallback, Grace, Outage};
///
/// // a login: go on for half a minute, then rather let nobody in
/// let login = Outage::Grace(Grace {
///     lasting: Duration::from_secs(30),
///     first: Fallback::Share,
///     then: Fallback::Closed,
/// });
/// assert_eq!(login.after(Duration::from_secs(5)), Fallback::Share);
/// assert_eq!(login.after(Duration::from_secs(31)), Fallback::Closed);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outage {
    /// The same throughout.
    Always(Fallback),
    /// One thing first, then another.
    Grace(Grace),
}

impl Outage {
    /// Enforce this node's share of the limit.
    pub const SHARE: Self = Self::Always(Fallback::Share);
    /// Enforce the whole limit on every node.
    pub const FULL: Self = Self::Always(Fallback::Full);
    /// Admit everything.
    pub const OPEN: Self = Self::Always(Fallback::Open);
    /// Deny everything, with 503.
    pub const CLOSED: Self = Self::Always(Fallback::Closed);

    /// What holds when the outage has lasted for `lasted`.
    pub fn after(self, lasted: Duration) -> Fallback {
        match self {
            Self::Always(fallback) => fallback,
            Self::Grace(grace) if lasted < grace.lasting => grace.first,
            Self::Grace(grace) => grace.then,
        }
    }
}

impl From<Fallback> for Outage {
    fn from(fallback: Fallback) -> Self {
        Self::Always(fallback)
    }
}
