//! Which rate-limit headers to send.

use std::ops::BitOr;

/// A family of headers that tells clients about their limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dialect {
    /// `RateLimit-Policy` and `RateLimit` as draft-ietf-httpapi-ratelimit-headers-11 has them, with all the
    /// policies that the request falls under, of those that enforce.
    Draft11,
    /// `X-RateLimit-Limit`, `-Remaining` and `-Reset` (seconds until nothing counts as used any more), of the
    /// policy that leaves the least, of those that enforce.
    XRateLimit,
}

impl Dialect {
    /// The name that configuration uses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft11 => "draft-11",
            Self::XRateLimit => "x-ratelimit",
        }
    }
}

/// A set of dialects: all of them are sent.
///
/// ```
/// use tidegate_http::{Dialect, Dialects};
///
/// let both = Dialect::Draft11 | Dialect::XRateLimit;
/// assert!(both.contains(Dialect::XRateLimit));
/// assert_eq!(Dialects::default(), Dialect::Draft11.into());
/// assert!(!Dialects::OFF.contains(Dialect::Draft11));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Dialects {
    draft_11: bool,
    x_rate_limit: bool,
}

impl Dialects {
    /// No headers, other than those that say when a denied request may be tried again.
    pub const OFF: Self = Self {
        draft_11: false,
        x_rate_limit: false,
    };

    /// Whether the dialect is sent.
    pub const fn contains(self, dialect: Dialect) -> bool {
        match dialect {
            Dialect::Draft11 => self.draft_11,
            Dialect::XRateLimit => self.x_rate_limit,
        }
    }

    /// With one more.
    #[must_use]
    pub const fn with(self, dialect: Dialect) -> Self {
        match dialect {
            Dialect::Draft11 => Self {
                draft_11: true,
                ..self
            },
            Dialect::XRateLimit => Self {
                x_rate_limit: true,
                ..self
            },
        }
    }
}

impl Default for Dialects {
    fn default() -> Self {
        Self::OFF.with(Dialect::Draft11)
    }
}

impl From<Dialect> for Dialects {
    fn from(dialect: Dialect) -> Self {
        Self::OFF.with(dialect)
    }
}

impl BitOr for Dialect {
    type Output = Dialects;

    fn bitor(self, other: Self) -> Dialects {
        Dialects::from(self).with(other)
    }
}
