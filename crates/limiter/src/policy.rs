//! A policy as people write it: a name, a quota, and what to do beside the ordinary.

use std::borrow::Cow;

use tidegate_core::{Outage, Quota, Tolerance};

/// A named rule: how much is allowed, how exactly, and what to do while the store cannot be reached.
///
/// ```
/// use tidegate_limiter::{Fallback, Policy, Quota, Tolerance};
///
/// let login = Policy::new("login", Quota::per_minute(5)?)
///     .tolerance(Tolerance::EXACT)
///     .outage(Fallback::Closed);
/// assert_eq!(login.name(), "login");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    name: Cow<'static, str>,
    quota: Quota,
    tolerance: Tolerance,
    outage: Option<Outage>,
    shadow: bool,
}

impl Policy {
    /// A policy with the default tolerance, and the outage setting that follows from tolerance and store.
    ///
    /// The name must be 1 to 64 of `a-z A-Z 0-9 - _ .`, and no other policy of the same limiter may have it:
    /// [`LimiterBuilder::build`](crate::LimiterBuilder::build) checks that.
    pub fn new(name: impl Into<Cow<'static, str>>, quota: Quota) -> Self {
        Self {
            name: name.into(),
            quota,
            tolerance: Tolerance::default(),
            outage: None,
            shadow: false,
        }
    }

    /// How far past the limit all nodes together may go while the store answers (G2). A store that decides
    /// every request exactly needs none and uses none.
    #[must_use]
    pub fn tolerance(self, tolerance: Tolerance) -> Self {
        Self { tolerance, ..self }
    }

    /// What to do while the store cannot be reached. Without this: [`Closed`](crate::Fallback::Closed) where
    /// the tolerance is 0 or the store is exact, else [`Share`](crate::Fallback::Share).
    #[must_use]
    pub fn outage(self, outage: impl Into<Outage>) -> Self {
        Self {
            outage: Some(outage.into()),
            ..self
        }
    }

    /// Whether to decide and report, but deny nothing. Decisions, observers and metrics have it; clients are not told of it.
    #[must_use]
    pub fn shadow(self, shadow: bool) -> Self {
        Self { shadow, ..self }
    }

    /// The policy's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How much is allowed.
    pub const fn quota(&self) -> &Quota {
        &self.quota
    }

    /// The tolerance, chosen or the default.
    pub const fn chosen_tolerance(&self) -> Tolerance {
        self.tolerance
    }

    /// The outage setting, if one was chosen.
    pub const fn chosen_outage(&self) -> Option<Outage> {
        self.outage
    }

    /// Whether it only reports.
    pub const fn is_shadow(&self) -> bool {
        self.shadow
    }

    pub(crate) const fn cow_name(&self) -> &Cow<'static, str> {
        &self.name
    }
}
