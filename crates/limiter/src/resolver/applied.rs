//! A subject's limits, put in place of the policies' own.

use std::ops::Deref;

use smallvec::SmallVec;
use tidegate_core::Rule;

use super::{Limit, Limits};

/// What a request is decided under. It lives on the stack, for the time of a request.
#[allow(clippy::large_enum_variant)]
pub(crate) enum Applied<'a> {
    /// Rules that count.
    Rules(Rules<'a>),
    /// Nothing that counts: the subject is blocked, or nothing limits it.
    Uncounted {
        /// Whether it may proceed.
        allowed: bool,
    },
}

/// The policies' rules, or the subject's own.
#[allow(
    clippy::large_enum_variant,
    reason = "made and taken apart for one request; a box would cost it an allocation"
)]
pub(crate) enum Rules<'a> {
    Policies(&'a [Rule]),
    Own(SmallVec<[Rule; 2]>),
}

impl Deref for Rules<'_> {
    type Target = [Rule];

    fn deref(&self) -> &[Rule] {
        match self {
            Self::Policies(rules) => rules,
            Self::Own(rules) => rules,
        }
    }
}

impl Limits {
    /// Applies these limits to the policies' rules. A policy in shadow mode that blocks takes no part.
    pub(crate) fn apply<'a>(&self, rules: &'a [Rule]) -> Applied<'a> {
        if self.is_default() {
            return Applied::Rules(Rules::Policies(rules));
        }
        let mut own = SmallVec::new();
        for rule in rules {
            match self.under(rule.name().as_str()) {
                Limit::Default => own.push(*rule),
                Limit::Quota(quota) => own.push(rule.with_quota(quota)),
                Limit::Blocked if !rule.is_shadow() => {
                    return Applied::Uncounted { allowed: false };
                }
                Limit::Unlimited | Limit::Blocked => {}
            }
        }
        if own.is_empty() {
            return Applied::Uncounted { allowed: true };
        }
        Applied::Rules(Rules::Own(own))
    }
}
