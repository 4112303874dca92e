//! The headers that tidegate sends: their names, and how they get into a response.

use crate::{Header, Text};

/// A header that tidegate sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// `content-type`, of a refusal's body.
    ContentType,
    /// `cache-control`, of a refusal.
    CacheControl,
    /// `retry-after`
    RetryAfter,
    /// `ratelimit-policy`
    RateLimitPolicy,
    /// `ratelimit`
    RateLimit,
    /// `x-ratelimit-limit`
    XRateLimitLimit,
    /// `x-ratelimit-remaining`
    XRateLimitRemaining,
    /// `x-ratelimit-reset`
    XRateLimitReset,
    /// `tidegate-mode`
    Mode,
}

impl Field {
    /// Its name, in lower case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ContentType => "content-type",
            Self::CacheControl => "cache-control",
            Self::RetryAfter => "retry-after",
            Self::RateLimitPolicy => "ratelimit-policy",
            Self::RateLimit => "ratelimit",
            Self::XRateLimitLimit => "x-ratelimit-limit",
            Self::XRateLimitRemaining => "x-ratelimit-remaining",
            Self::XRateLimitReset => "x-ratelimit-reset",
            Self::Mode => "tidegate-mode",
        }
    }

    /// Whether an admitted request's response is to be given this header, where it has others already, of the handler's
    /// own or by a limiter further inside: those stay as they are. `has` tells whether the response has such a header.
    ///
    /// In the lists `ratelimit` and `ratelimit-policy` several may speak, so these are never left out. The three
    /// `x-ratelimit-*` speak of one policy together: where the response has one of them, all are left out.
    ///
    /// ```
    /// use tidegate_http::Field;
    ///
    /// let theirs = [Field::RateLimit, Field::XRateLimitLimit];
    /// let ours = [Field::RateLimit, Field::XRateLimitLimit, Field::XRateLimitReset, Field::Mode];
    /// let added = ours.map(|field| field.is_unsaid(|field| theirs.contains(&field)));
    /// assert_eq!(added, [true, false, false, true]);
    /// ```
    #[inline]
    pub fn is_unsaid(self, has: impl Fn(Self) -> bool) -> bool {
        match self {
            Self::RateLimit | Self::RateLimitPolicy => true,
            Self::XRateLimitLimit | Self::XRateLimitRemaining | Self::XRateLimitReset => {
                !X_RATE_LIMIT.into_iter().any(has)
            }
            _ => !has(self),
        }
    }
}

/// What [`Dialect::XRateLimit`](crate::Dialect::XRateLimit) says.
const X_RATE_LIMIT: [Field; 3] = [
    Field::XRateLimitLimit,
    Field::XRateLimitRemaining,
    Field::XRateLimitReset,
];

/// A value that is the same whatever was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Constant {
    /// `application/problem+json`
    ProblemJson,
    /// `no-store`
    NoStore,
}

impl Constant {
    /// The value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ProblemJson => "application/problem+json",
            Self::NoStore => "no-store",
        }
    }
}

/// Where headers are written to, in the order in which they are to be sent. Values that are the same again and again are
/// told apart, because a framework's own value of them can be kept: to make one takes longer than anything else about a
/// header.
pub trait Sink {
    /// What is always the same.
    fn constant(&mut self, field: Field, value: Constant);

    /// `ratelimit-policy` of the [`PolicyField`](crate::PolicyField) that was given, which changes with the policies.
    fn policies(&mut self, value: &Text);

    /// What was written for this response, in ASCII.
    fn written(&mut self, field: Field, value: &[u8]);
}

impl Sink for Vec<Header> {
    fn constant(&mut self, field: Field, value: Constant) {
        self.push((field.as_str().into(), value.as_str().into()));
    }

    fn policies(&mut self, value: &Text) {
        self.push((Field::RateLimitPolicy.as_str().into(), value.clone()));
    }

    fn written(&mut self, field: Field, value: &[u8]) {
        self.push((field.as_str().into(), Text::copied(value)));
    }
}
