//! Tolerance: how far past the limit all nodes together may go while the store answers (G2).

use core::fmt;

/// A fraction of the limit, 0 to 1, in millionths.
///
/// 0 is exact: every decision asks the store. The default is 1 %.
///
/// ```
/// use tidegate_core::Tolerance;
///
/// assert_eq!(Tolerance::default(), Tolerance::from_fraction(0.01)?);
/// assert!(Tolerance::EXACT.is_exact());
/// assert_eq!(
///     Tolerance::from_fraction(1.5).unwrap_err().to_string(),
///     "tolerance 1.5 is out of range: it must be 0 (exact) to 1 (the limit once more)",
/// );
/// # Ok::<(), tidegate_core::ToleranceError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tolerance {
    millionths: u32,
}

impl Tolerance {
    /// Never past the limit: every decision asks the store.
    pub const EXACT: Self = Self { millionths: 0 };

    /// From a fraction of the limit, rounded to a millionth; a fraction above 0 is never rounded to 0.
    ///
    /// # Errors
    ///
    /// If it is not a number from 0 to 1.
    pub fn from_fraction(fraction: f64) -> Result<Self, ToleranceError> {
        if !(0.0..=1.0).contains(&fraction) {
            return Err(ToleranceError { fraction });
        }
        if fraction == 0.0 {
            return Ok(Self::EXACT);
        }
        // 0 to 1 000 000, so the cast cannot truncate anything but the fraction.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let millionths = (fraction * 1e6 + 0.5) as u32;
        Ok(Self {
            millionths: millionths.max(1),
        })
    }

    /// Whether every decision must ask the store.
    pub const fn is_exact(self) -> bool {
        self.millionths == 0
    }

    pub(crate) const fn millionths(self) -> u32 {
        self.millionths
    }

    /// As a fraction of the limit.
    pub fn as_fraction(self) -> f64 {
        f64::from(self.millionths) / 1e6
    }

    /// The slack q: how much a node may admit on its own before it must speak to the store, when `nodes` share
    /// a limit (G2: all of them together stay within L + (N - 1) q).
    ///
    /// `q = floor(tolerance x L / (N - 1))`. Where that is 0, one request per node is still allowed if all of
    /// them together stay within a tenth of the limit, because otherwise every request under a small limit
    /// would wait for the store. Exact gets no such gift. A node that is alone may take everything.
    ///
    /// ```
    /// use tidegate_core::Tolerance;
    ///
    /// assert_eq!(Tolerance::default().slack(10_000, 3), 50);
    /// assert_eq!(Tolerance::default().slack(100, 3), 1, "2 requests more are within a tenth of 100");
    /// assert_eq!(Tolerance::default().slack(10, 3), 0);
    /// assert_eq!(Tolerance::EXACT.slack(10_000, 3), 0);
    /// ```
    pub fn slack(self, limit: u64, nodes: u32) -> u64 {
        if self.is_exact() {
            return 0;
        }
        let others = u64::from(nodes.max(1) - 1);
        if others == 0 {
            return limit;
        }
        let millionths = u64::from(self.millionths);
        // Every decision comes here, and nearly all limits are small enough for words.
        let total = match limit.checked_mul(millionths) {
            Some(product) => product / 1_000_000,
            None => {
                let total = u128::from(limit) * u128::from(millionths) / 1_000_000;
                u64::try_from(total).unwrap_or(u64::MAX)
            }
        };
        let slack = total / others;
        if slack == 0 && others <= limit / 10 {
            1
        } else {
            slack
        }
    }
}

impl Default for Tolerance {
    fn default() -> Self {
        Self { millionths: 10_000 }
    }
}

impl fmt::Debug for Tolerance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tolerance({self})")
    }
}

impl fmt::Display for Tolerance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.as_fraction())
    }
}

/// A tolerance that is not a number from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("tolerance {fraction} is out of range: it must be 0 (exact) to 1 (the limit once more)")]
pub struct ToleranceError {
    /// What was given.
    pub fraction: f64,
}
