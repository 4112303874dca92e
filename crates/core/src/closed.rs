//! Policies that are closed while the store cannot be reached: what they add to a decision.

use core::time::Duration;

use smallvec::SmallVec;

use crate::{Decision, Fallback, Provenance, Rule, Status};

impl Decision {
    /// The same decision after those of its rules had their say that are [closed](Fallback::Closed) when the store has
    /// not answered for `lasted`: each refuses, and those that enforce deny with that. A refusal has its place in the order of
    /// the rules, and nothing to give back.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tidegate_core::{Decision, Fallback, Outage, PolicyName, Provenance, Quota, Rule, Timestamp};
    ///
    /// let rule = |name| Ok::<_, Box<dyn std::error::Error>>(Rule::new(PolicyName::new(name)?, Quota::per_minute(9)?));
    /// let rules = [rule("open")?.with_outage(Outage::OPEN), rule("closed")?.with_outage(Outage::CLOSED)];
    ///
    /// let open = Provenance::Outage(Fallback::Open);
    /// let decision = Decision::uncounted(true, 1, Timestamp::EPOCH, open).closed_by(&rules, Duration::ZERO);
    /// assert!(decision.is_unavailable());
    /// assert_eq!(decision.violated().next().map(|status| status.name().as_str()), Some("closed"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn closed_by(self, rules: &[Rule], lasted: Duration) -> Self {
        let is_closed = |rule: &Rule| rule.outage().after(lasted) == Fallback::Closed;
        let is_denied_anyhow = !self.is_allowed() && self.statuses().is_empty();
        if is_denied_anyhow || !rules.iter().any(is_closed) {
            return self;
        }
        let part = |rule: &Rule| {
            if is_closed(rule) {
                return Some(Status::closed(rule, self.at(), self.cost()));
            }
            let mut parts = self.statuses().iter();
            parts.find(|part| part.name() == rule.name()).copied()
        };
        let parts: SmallVec<[Status; 2]> = rules.iter().filter_map(part).collect();
        let denies = |rule: &Rule| is_closed(rule) && !rule.is_shadow();
        let provenance = if rules.iter().any(denies) {
            Provenance::Outage(Fallback::Closed)
        } else {
            self.provenance()
        };
        Self::new(self.at(), self.cost(), parts).with_provenance(provenance)
    }
}
