//! The policies that hold together, checked and prepared once for all requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tidegate_core::{Outage, PolicyName, Rule};
use tidegate_store::Capabilities;

use crate::derived::Derived;
use crate::{BuildError, Policy, name};

/// Policies, as they were given and as rules for the store. It never changes; another one takes its place.
#[derive(Debug)]
pub(crate) struct PolicySet {
    version: u64,
    rules: Box<[Rule]>,
    policies: Arc<[Policy]>,
    derived: Derived,
}

impl PolicySet {
    /// Checks the policies, also for whether the store takes so many.
    pub(crate) fn for_store(
        policies: Vec<Policy>,
        capabilities: &Capabilities,
    ) -> Result<Self, BuildError> {
        match capabilities.max_policies {
            Some(most) if policies.len() > most => Err(BuildError::TooManyPolicies {
                given: policies.len(),
                most,
            }),
            _ => Self::new(policies, capabilities.exact),
        }
    }

    /// Checks the policies. Those without an outage setting are closed in an outage if the store is exact: a
    /// limit that is never exceeded must not quietly become loose.
    pub(crate) fn new(policies: Vec<Policy>, exact_store: bool) -> Result<Self, BuildError> {
        if policies.is_empty() {
            return Err(BuildError::NoPolicies);
        }
        let rules = policies
            .iter()
            .map(|policy| rule(policy, exact_store))
            .collect::<Result<Box<[Rule]>, _>>()?;
        check_distinct(&rules)?;
        Ok(Self {
            version: next_version(),
            rules,
            policies: policies.into(),
            derived: Derived::new(),
        })
    }

    /// Different from that of every other set in this process.
    #[inline]
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    #[inline]
    pub(crate) fn rules(&self) -> &[Rule] {
        &self.rules
    }

    pub(crate) fn rule(&self, name: PolicyName) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.name() == name)
    }

    pub(crate) fn policies(&self) -> &Arc<[Policy]> {
        &self.policies
    }

    /// What others have computed from it.
    #[inline]
    pub(crate) fn derived(&self) -> &Derived {
        &self.derived
    }
}

fn rule(policy: &Policy, exact_store: bool) -> Result<Rule, BuildError> {
    let rule = Rule::new(name::intern(policy.cow_name())?, *policy.quota())
        .with_tolerance(policy.chosen_tolerance())
        .with_shadow(policy.is_shadow());
    Ok(match policy.chosen_outage() {
        Some(outage) => rule.with_outage(outage),
        None if exact_store => rule.with_outage(Outage::CLOSED),
        None => rule,
    })
}

fn check_distinct(rules: &[Rule]) -> Result<(), BuildError> {
    for (at, rule) in rules.iter().enumerate() {
        for earlier in &rules[..at] {
            if earlier.name() == rule.name() {
                return Err(BuildError::DuplicateName {
                    name: rule.name().to_string(),
                });
            }
            if earlier.id() == rule.id() {
                return Err(BuildError::SameIdentity {
                    first: earlier.name().to_string(),
                    second: rule.name().to_string(),
                });
            }
        }
    }
    Ok(())
}

fn next_version() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use tidegate_core::{Fallback, Quota, Tolerance};

    use super::*;

    fn policy(name: &str) -> Policy {
        Policy::new(name.to_owned(), Quota::per_minute(1).unwrap())
    }

    fn outage(policy: Policy, exact_store: bool) -> Outage {
        let set = PolicySet::new(vec![policy], exact_store).unwrap();
        set.rules()[0].outage()
    }

    #[test]
    fn names_are_checked_and_the_error_says_which() {
        let error = PolicySet::new(vec![policy("ok"), policy("na ïve")], true).unwrap_err();
        assert!(
            error.to_string().starts_with("policy \"na ïve\": "),
            "{error}"
        );
        let error = PolicySet::new(vec![policy("")], true).unwrap_err();
        assert!(error.to_string().contains("is empty"), "{error}");
        let error = PolicySet::new(vec![policy("twice"), policy("twice")], true).unwrap_err();
        assert!(matches!(&error, BuildError::DuplicateName { name } if name == "twice"));
        assert_eq!(
            PolicySet::new(vec![], true).unwrap_err(),
            BuildError::NoPolicies
        );
    }

    #[test]
    fn an_owned_name_is_kept_once() {
        let first = PolicySet::new(vec![policy("kept-once")], true).unwrap();
        let second = PolicySet::new(vec![policy("kept-once")], true).unwrap();
        let [first, second] = [&first, &second].map(|set| set.rules()[0].name().as_str());
        assert!(std::ptr::eq(first, second));
    }

    #[test]
    fn an_exact_store_or_an_exact_policy_is_closed_unless_told_otherwise() {
        assert_eq!(outage(policy("p"), true), Outage::CLOSED);
        assert_eq!(outage(policy("p"), false), Outage::SHARE);
        assert_eq!(
            outage(policy("p").tolerance(Tolerance::EXACT), false),
            Outage::CLOSED
        );
        assert_eq!(
            outage(policy("p").outage(Fallback::Open), true),
            Outage::OPEN
        );
    }
}
