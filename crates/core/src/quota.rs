//! A quota that cannot be wrong once it is built: how much, per how long, by which algorithm.

use core::fmt;
use core::time::Duration;

use crate::UnknownName;
use crate::algorithm::sliding_window::Steps;
use crate::time::saturating_nanos;

/// The largest limit, burst or count: 2^53 - 1, the largest integer that Redis' Lua (whose numbers are
/// doubles) and JSON can hold exactly.
pub const MAX_COUNT: u64 = (1 << 53) - 1;
/// The shortest window. Windows are whole milliseconds.
pub const MIN_WINDOW: Duration = Duration::from_millis(1);
/// The longest window: a leap year.
pub const MAX_WINDOW: Duration = Duration::from_secs(366 * 24 * 60 * 60);
/// The shortest time between two units of a token bucket; at most ten million units a second and subject.
pub const MIN_INTERVAL: Duration = Duration::from_nanos(100);
/// The longest that a token bucket's window and the time in which its burst flows in may be together: 2^53 - 1 ns, about 104
/// days, the most that a double holds to the nanosecond. A bucket is built with its limit as burst first, which flows in in about
/// a window: so its window is at most half of this, whatever burst follows.
pub const MAX_REFILL: Duration = Duration::from_nanos(MAX_COUNT);

/// How a quota is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// At most the limit in every window; windows are aligned to the Unix epoch. Two windows' worth can pass
    /// around a boundary.
    FixedWindow,
    /// Two fixed windows, the previous one weighted by how much of it still lies within the last window's
    /// length: `previous x (1 - elapsed / window) + current`. Smooth, and the default. It assumes that the
    /// previous window's requests came evenly; an adversary can approach twice the limit in some window
    /// that is not aligned.
    SlidingWindow,
    /// A bucket of `burst` units which refills at `limit` per window (GCRA: one theoretical arrival time).
    TokenBucket,
}

impl Algorithm {
    /// The name that flags, files and store keys use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FixedWindow => "fixed-window",
            Self::SlidingWindow => "sliding-window",
            Self::TokenBucket => "token-bucket",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl core::str::FromStr for Algorithm {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        const NAMES: &str = "fixed-window, sliding-window or token-bucket";
        [Self::FixedWindow, Self::SlidingWindow, Self::TokenBucket]
            .into_iter()
            .find(|algorithm| algorithm.as_str() == name)
            .ok_or_else(|| UnknownName::new("algorithm", name, NAMES))
    }
}

/// How much is allowed: a limit per window, and the algorithm that counts it.
///
/// Every value that exists is valid: the limit is 1 to [`MAX_COUNT`], the window is [`MIN_WINDOW`] to
/// [`MAX_WINDOW`] in whole milliseconds, a token bucket's rate and burst are within what a store can compute
/// exactly. It is a sliding window unless told otherwise.
///
/// ```
/// use std::time::Duration;
/// use tidegate_core::{Algorithm, Quota, QuotaError};
///
/// let quota = Quota::per_minute(100)?;
/// assert_eq!((quota.limit(), quota.window()), (100, Duration::from_secs(60)));
///
/// // ten a second on average, fifty at once
/// let bucket = Quota::per_second(10)?.with_algorithm(Algorithm::TokenBucket)?.with_burst(50)?;
/// assert_eq!(bucket.capacity(), 50);
///
/// let wrong = Quota::per_minute(0).unwrap_err();
/// assert_eq!(wrong.to_string(), "limit 0 is out of range: it must be 1 to 9007199254740991");
/// # Ok::<(), QuotaError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Quota {
    limit: u64,
    window: u64,
    shape: Shape,
}

/// What an algorithm needs besides limit and window, computed once when the quota is built.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Shape {
    Fixed,
    Sliding(Steps),
    Bucket { burst: u64, interval: u64 },
}

impl Quota {
    /// `limit` per `window`, counted in a sliding window.
    ///
    /// # Errors
    ///
    /// If the limit or the window is out of range, or the window is not whole milliseconds.
    pub const fn new(limit: u64, window: Duration) -> Result<Self, QuotaError> {
        if limit == 0 || limit > MAX_COUNT {
            return Err(QuotaError::LimitOutOfRange { limit });
        }
        let nanos = saturating_nanos(window);
        if nanos < saturating_nanos(MIN_WINDOW) || nanos > saturating_nanos(MAX_WINDOW) {
            return Err(QuotaError::WindowOutOfRange { window });
        }
        if !nanos.is_multiple_of(1_000_000) {
            return Err(QuotaError::WindowNotWholeMillis { window });
        }
        let shape = Shape::Sliding(Steps::new(limit, nanos));
        Ok(Self {
            limit,
            window: nanos,
            shape,
        })
    }

    /// `limit` per second, in a sliding window. Two per second means two, not one every two seconds.
    ///
    /// # Errors
    ///
    /// If the limit is 0 or above [`MAX_COUNT`].
    pub const fn per_second(limit: u64) -> Result<Self, QuotaError> {
        Self::new(limit, Duration::from_secs(1))
    }

    /// `limit` per minute, in a sliding window.
    ///
    /// # Errors
    ///
    /// If the limit is 0 or above [`MAX_COUNT`].
    pub const fn per_minute(limit: u64) -> Result<Self, QuotaError> {
        Self::new(limit, Duration::from_secs(60))
    }

    /// `limit` per hour, in a sliding window.
    ///
    /// # Errors
    ///
    /// If the limit is 0 or above [`MAX_COUNT`].
    pub const fn per_hour(limit: u64) -> Result<Self, QuotaError> {
        Self::new(limit, Duration::from_secs(60 * 60))
    }

    /// `limit` per 24 hours, in a sliding window; days begin at midnight UTC.
    ///
    /// # Errors
    ///
    /// If the limit is 0 or above [`MAX_COUNT`].
    pub const fn per_day(limit: u64) -> Result<Self, QuotaError> {
        Self::new(limit, Duration::from_secs(24 * 60 * 60))
    }

    /// The same limit per window, counted by another algorithm. A token bucket's burst is the limit until
    /// [`with_burst`](Self::with_burst) says otherwise, and again after this, whatever it was before.
    ///
    /// # Errors
    ///
    /// For a token bucket, if its units come closer than [`MIN_INTERVAL`] or it takes longer than
    /// [`MAX_REFILL`] to fill.
    pub const fn with_algorithm(self, algorithm: Algorithm) -> Result<Self, QuotaError> {
        let shape = match algorithm {
            Algorithm::FixedWindow => Shape::Fixed,
            Algorithm::SlidingWindow => Shape::Sliding(Steps::new(self.limit, self.window)),
            Algorithm::TokenBucket => match bucket(self.limit, self.window, self.limit) {
                Ok(shape) => shape,
                Err(error) => return Err(error),
            },
        };
        Ok(Self { shape, ..self })
    }

    /// How many units a token bucket holds: what can be taken at once after a rest.
    ///
    /// # Errors
    ///
    /// If this is not a token bucket, the burst is 0 or above [`MAX_COUNT`], or filling it takes longer than
    /// [`MAX_REFILL`].
    pub const fn with_burst(self, burst: u64) -> Result<Self, QuotaError> {
        if !matches!(self.shape, Shape::Bucket { .. }) {
            return Err(QuotaError::BurstWithoutBucket {
                burst,
                algorithm: self.algorithm(),
            });
        }
        match bucket(self.limit, self.window, burst) {
            Ok(shape) => Ok(Self { shape, ..self }),
            Err(error) => Err(error),
        }
    }

    /// The same window and algorithm with another limit, as a customer's plan sets it. A token bucket's burst
    /// becomes the new limit.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new) and [`with_algorithm`](Self::with_algorithm).
    pub const fn with_limit(self, limit: u64) -> Result<Self, QuotaError> {
        match Self::new(limit, self.window()) {
            Ok(quota) => quota.with_algorithm(self.algorithm()),
            Err(error) => Err(error),
        }
    }

    /// How it is counted.
    pub const fn algorithm(&self) -> Algorithm {
        match self.shape {
            Shape::Fixed => Algorithm::FixedWindow,
            Shape::Sliding(_) => Algorithm::SlidingWindow,
            Shape::Bucket { .. } => Algorithm::TokenBucket,
        }
    }

    /// The limit L: how many units per window.
    pub const fn limit(&self) -> u64 {
        self.limit
    }

    /// The window W.
    pub const fn window(&self) -> Duration {
        Duration::from_nanos(self.window)
    }

    /// The most that one request can ever take, and that `remaining` can ever be: a token bucket's burst, the
    /// limit otherwise.
    pub const fn capacity(&self) -> u64 {
        match self.shape {
            Shape::Bucket { burst, .. } => burst,
            _ => self.limit,
        }
    }

    /// The time in which `capacity` comes back: a token bucket's time to fill, the window otherwise.
    pub const fn capacity_window(&self) -> Duration {
        match self.shape {
            Shape::Bucket { burst, interval } => Duration::from_nanos(burst * interval),
            _ => self.window(),
        }
    }

    /// How a sliding window is divided; `None` for the other algorithms.
    pub const fn steps(&self) -> Option<Steps> {
        match self.shape {
            Shape::Sliding(steps) => Some(steps),
            _ => None,
        }
    }

    pub(crate) const fn shape(&self) -> Shape {
        self.shape
    }

    pub(crate) const fn window_nanos(&self) -> u64 {
        self.window
    }
}

impl fmt::Debug for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Quota({self})")
    }
}

/// As in `100 per 60s, sliding-window` or `10 per 1s, token-bucket of 50`.
impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} per {:?}, {}",
            self.limit,
            self.window(),
            self.algorithm()
        )?;
        if let Shape::Bucket { burst, .. } = self.shape {
            write!(f, " of {burst}")?;
        }
        Ok(())
    }
}

/// A bucket's interval is rounded up, so that it never refills faster than `limit` per `window`.
const fn bucket(limit: u64, window: u64, burst: u64) -> Result<Shape, QuotaError> {
    if burst == 0 || burst > MAX_COUNT {
        return Err(QuotaError::BurstOutOfRange { burst });
    }
    let interval = window.div_ceil(limit);
    if (limit as u128) * saturating_nanos(MIN_INTERVAL) as u128 > window as u128 {
        return Err(QuotaError::RateTooHigh {
            limit,
            window: Duration::from_nanos(window),
        });
    }
    if (burst as u128) * (interval as u128) + (window as u128)
        > saturating_nanos(MAX_REFILL) as u128
    {
        return Err(QuotaError::RefillTooLong {
            burst,
            interval: Duration::from_nanos(interval),
        });
    }
    Ok(Shape::Bucket { burst, interval })
}

/// Why a quota was refused: which value, and what is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QuotaError {
    /// A limit of 0, or above [`MAX_COUNT`].
    #[error("limit {limit} is out of range: it must be 1 to {MAX_COUNT}")]
    LimitOutOfRange {
        /// What was given.
        limit: u64,
    },
    /// A window below [`MIN_WINDOW`] or above [`MAX_WINDOW`].
    #[error("window {window:?} is out of range: it must be 1ms to 366 days")]
    WindowOutOfRange {
        /// What was given.
        window: Duration,
    },
    /// A window with a fraction of a millisecond.
    #[error("window {window:?} is not a whole number of milliseconds")]
    WindowNotWholeMillis {
        /// What was given.
        window: Duration,
    },
    /// A burst of 0, or above [`MAX_COUNT`].
    #[error("burst {burst} is out of range: it must be 1 to {MAX_COUNT}")]
    BurstOutOfRange {
        /// What was given.
        burst: u64,
    },
    /// A burst for an algorithm that has none.
    #[error("burst {burst} was given for a {algorithm}: only a token-bucket has a burst")]
    BurstWithoutBucket {
        /// What was given.
        burst: u64,
        /// What it was given for.
        algorithm: Algorithm,
    },
    /// A token bucket with more than one unit per [`MIN_INTERVAL`].
    #[error("{limit} per {window:?} is too fast for a token-bucket: at most 10000000 per second")]
    RateTooHigh {
        /// The limit given.
        limit: u64,
        /// The window given.
        window: Duration,
    },
    /// A token bucket that takes longer than [`MAX_REFILL`] to fill.
    #[error(
        "a token-bucket of {burst} with one unit every {interval:?} takes too long to fill: that and its window are \
         104 days together at most; use a shorter window, a smaller burst or a window algorithm"
    )]
    RefillTooLong {
        /// The burst given, or the limit, which is the first burst of every bucket.
        burst: u64,
        /// The time between two units.
        interval: Duration,
    },
}
