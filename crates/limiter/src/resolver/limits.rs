//! What a resolver answers.

use std::borrow::Cow;

use tidegate_core::Quota;

/// What applies to one subject under one policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Limit {
    /// The policy's own quota.
    #[default]
    Default,
    /// Another quota. It keeps the policy's counts if its algorithm and window are the policy's; a quota that
    /// differs in them is counted apart.
    Quota(Quota),
    /// None: the policy takes no part.
    Unlimited,
    /// Nothing is allowed: denied without asking the store.
    Blocked,
}

impl From<Quota> for Limit {
    fn from(quota: Quota) -> Self {
        Self::Quota(quota)
    }
}

/// A subject's limits under all policies: one for those that are not named, and those that are. Names that no
/// policy has mean nothing.
///
/// ```
/// use tidegate_limiter::{Limit, Limits, Quota};
///
/// let plan = Limits::new().with("per-client", Quota::per_minute(1000)?).with("daily", Limit::Unlimited);
/// assert_eq!(plan.under("daily"), Limit::Unlimited);
/// assert_eq!(plan.under("login"), Limit::Default);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    others: Limit,
    named: Vec<(Cow<'static, str>, Limit)>,
}

impl Limits {
    /// Every policy's own quota.
    pub const fn new() -> Self {
        Self::all(Limit::Default)
    }

    /// The same for every policy that is not named.
    pub const fn all(limit: Limit) -> Self {
        Self {
            others: limit,
            named: Vec::new(),
        }
    }

    /// With a limit for the policy of this name. The last one given for a name holds.
    #[must_use]
    pub fn with(mut self, policy: impl Into<Cow<'static, str>>, limit: impl Into<Limit>) -> Self {
        self.named.push((policy.into(), limit.into()));
        self
    }

    /// Whether the policies' own quotas apply throughout.
    pub fn is_default(&self) -> bool {
        let all = |limit: &Limit| *limit == Limit::Default;
        all(&self.others) && self.named.iter().all(|(_, limit)| all(limit))
    }

    /// What applies under the policy of this name.
    pub fn under(&self, policy: &str) -> Limit {
        let mut newest_first = self.named.iter().rev();
        newest_first
            .find(|(name, _)| name == policy)
            .map_or(self.others, |(_, limit)| *limit)
    }
}

impl From<Limit> for Limits {
    fn from(limit: Limit) -> Self {
        Self::all(limit)
    }
}
