//! The handles of each policy's counters: registered once, and found again without a lock.

use std::sync::OnceLock;

use metrics::Counter;
use tidegate_core::{Fallback, Provenance};

use crate::catalogue::DECISIONS;
use crate::recorder;

/// What a policy said to a request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outcome {
    Allowed,
    Denied,
    /// It would have denied, and only reports.
    ShadowDenied,
}

const OUTCOMES: usize = 3;
const MODES: usize = 8;

/// The policies that have been seen, in a list that only grows, at its end: there are as many as the operator has
/// thought of, and nearly always the one that is looked for is among the first few.
#[derive(Debug, Default)]
pub(crate) struct Policies {
    first: OnceLock<Box<Counters>>,
}

#[derive(Debug)]
struct Counters {
    policy: &'static str,
    counters: [[OnceLock<Counter>; MODES]; OUTCOMES],
    next: OnceLock<Box<Self>>,
}

impl Policies {
    /// Counts a decision by a policy.
    pub(crate) fn count(&self, policy: &'static str, outcome: Outcome, provenance: Provenance) {
        let mut place = &self.first;
        loop {
            let counters = place.get_or_init(|| Box::new(Counters::new(policy)));
            if counters.is_of(policy) {
                return counters.counter(outcome, provenance).increment(1);
            }
            place = &counters.next;
        }
    }
}

impl Counters {
    fn new(policy: &'static str) -> Self {
        Self {
            policy,
            counters: Default::default(),
            next: OnceLock::new(),
        }
    }

    fn is_of(&self, policy: &'static str) -> bool {
        // Nearly always the very same string.
        std::ptr::eq(self.policy, policy) || self.policy == policy
    }

    fn counter(&self, outcome: Outcome, provenance: Provenance) -> &Counter {
        self.counters[outcome as usize][place_of(provenance)].get_or_init(|| {
            let values = [self.policy, outcome.as_str(), provenance.as_str()];
            recorder::counter(&DECISIONS, values)
        })
    }
}

impl Outcome {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Denied => "denied",
            Self::ShadowDenied => "shadow-denied",
        }
    }
}

const fn place_of(provenance: Provenance) -> usize {
    match provenance {
        Provenance::Store => 0,
        Provenance::Local { .. } => 1,
        Provenance::Outage(Fallback::Share) => 2,
        Provenance::Outage(Fallback::Full) => 3,
        Provenance::Outage(Fallback::Open) => 4,
        Provenance::Outage(Fallback::Closed) => 5,
        Provenance::Overflow => 6,
        Provenance::Resolved => 7,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::time::Duration;

    use super::*;

    #[test]
    fn every_provenance_has_a_place_of_its_own() {
        let age = Duration::ZERO;
        let fallbacks = [
            Fallback::Share,
            Fallback::Full,
            Fallback::Open,
            Fallback::Closed,
        ];
        let others = [
            Provenance::Store,
            Provenance::Local { age },
            Provenance::Overflow,
            Provenance::Resolved,
        ];
        let all = fallbacks.map(Provenance::Outage).into_iter().chain(others);
        let places: HashSet<_> = all.map(place_of).collect();
        assert_eq!(places, (0..MODES).collect());
    }

    #[test]
    fn a_policy_is_listed_once_however_its_name_came_about() {
        let policies = Policies::default();
        let leaked: &'static str = Box::leak("one".to_owned().into_boxed_str());
        for name in ["one", "two", leaked, "two", "one"] {
            policies.count(name, Outcome::Allowed, Provenance::Store);
        }
        let first = policies.first.get().unwrap();
        let second = first.next.get().unwrap();
        assert_eq!((first.policy, second.policy), ("one", "two"));
        assert!(second.next.get().is_none());
    }
}
