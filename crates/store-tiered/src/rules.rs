//! The policies that subjects are kept under: each once, whoever it applies to, and by a number that is shorter than a pointer.

use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use tidegate_core::Rule;

/// How many different policies have a number.
const MOST: usize = 1_024;

/// Policies that were met, in the order in which they were. None is ever forgotten.
#[derive(Debug)]
pub(crate) struct Rules {
    /// Those that are not there yet come last. Requests read it, without a lock.
    known: Box<[OnceLock<Arc<Rule>>]>,
    adding: Mutex<()>,
}

impl Rules {
    /// One shared copy of a policy, for all subjects that it applies to.
    pub(crate) fn intern(&self, rule: &Rule) -> Arc<Rule> {
        let same = |known: &&Arc<Rule>| ***known == *rule;
        if let Some(known) = self.iter().find(same) {
            return Arc::clone(known);
        }
        let _adding = self.adding.lock();
        // Somebody else may have met it meanwhile.
        if let Some(known) = self.iter().find(same) {
            return Arc::clone(known);
        }
        let shared = Arc::new(*rule);
        // Limits per subject can make many: beyond a bound each subject has its own.
        if let Some(free) = self.known.iter().find(|place| place.get().is_none()) {
            let _ = free.set(Arc::clone(&shared));
        }
        shared
    }

    /// The policy with this number.
    #[inline]
    pub(crate) fn get(&self, number: u16) -> Option<&Arc<Rule>> {
        self.known.get(usize::from(number))?.get()
    }

    /// The number of a policy that came from here: that one, perhaps. None, if it has none.
    pub(crate) fn number(&self, rule: &Arc<Rule>, perhaps: u16) -> Option<u16> {
        let same = |known: &Arc<Rule>| Arc::ptr_eq(known, rule);
        if self.get(perhaps).is_some_and(same) {
            return Some(perhaps);
        }
        let place = self.iter().position(same)?;
        u16::try_from(place).ok()
    }

    fn iter(&self) -> impl Iterator<Item = &Arc<Rule>> {
        self.known.iter().map_while(OnceLock::get)
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            known: (0..MOST).map(|_| OnceLock::new()).collect(),
            adding: Mutex::default(),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]
mod tests {
    use tidegate_core::{PolicyName, Quota};

    use super::*;

    #[test]
    fn each_is_there_once_and_found_by_its_number_as_long_as_there_are_numbers() {
        let rules = Rules::default();
        let rule = |limit| {
            Rule::new(
                PolicyName::new("p").unwrap(),
                Quota::per_minute(limit).unwrap(),
            )
        };
        for limit in 1..=MOST as u64 + 1 {
            rules.intern(&rule(limit));
        }
        for (number, limit) in (0..).zip(1..=MOST as u64) {
            let shared = rules.intern(&rule(limit));
            assert_eq!(**rules.get(number).unwrap(), rule(limit));
            assert_eq!(rules.number(&shared, 7), Some(number));
            assert_eq!(rules.number(&shared, number), Some(number));
        }
        let own = rules.intern(&rule(MOST as u64 + 1));
        assert_eq!((own.quota().limit(), rules.number(&own, 0)), (1_025, None));
    }
}
