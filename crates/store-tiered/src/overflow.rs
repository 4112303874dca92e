//! What subjects share that came when the table was full (R1): one counter per policy, for this node alone.

use std::time::Duration;

use parking_lot::Mutex;
use smallvec::SmallVec;
use tidegate_core::tiered::Share;
use tidegate_core::{
    Decision, Fallback, PolicyId, Provenance, Rule, Timestamp, Usage, decide, give_back,
};
use tidegate_store::Request;

/// One counter per policy. It is not reported: each node holds its part of the limit for all strangers together.
#[derive(Debug, Default)]
pub(crate) struct Overflow {
    usages: Mutex<Vec<(PolicyId, Usage)>>,
}

impl Overflow {
    /// Decides by the counters. `out`: the store has not answered for so long, and each policy's outage setting says how.
    pub(crate) fn decide(
        &self,
        request: &Request<'_>,
        out: Option<Duration>,
        nodes: u32,
        now: Timestamp,
    ) -> Decision {
        let mut rules: SmallVec<[Rule; 2]> = SmallVec::new();
        for rule in request.rules {
            let fallback = out.map_or(Fallback::Share, |lasted| rule.outage().after(lasted));
            rules.push(match fallback {
                Fallback::Closed if !rule.is_shadow() => {
                    let closed = Provenance::Outage(Fallback::Closed);
                    let decision = Decision::uncounted(true, request.cost, now, closed);
                    return decision.closed_by(request.rules, out.unwrap_or_default());
                }
                Fallback::Share => rule.with_quota(rule.quota().share(Share::even(nodes))),
                Fallback::Full => *rule,
                // It refuses nothing.
                Fallback::Open | Fallback::Closed => rule.with_shadow(true),
            });
        }
        let decision = self.with_usages(&rules, |usages| decide(&rules, usages, request.cost, now));
        decision.with_provenance(Provenance::Overflow)
    }

    /// Gives back what a decision of this charged.
    pub(crate) fn give_back(&self, rules: &[Rule], decision: &Decision, now: Timestamp) {
        let charged = rules.iter().zip(decision.statuses());
        let charged = charged.map(|(rule, status)| rule.with_quota(*status.quota()));
        let rules: SmallVec<[Rule; 2]> = charged.collect();
        self.with_usages(&rules, |usages| give_back(&rules, usages, decision, now));
    }

    /// Works on the policies' counters.
    fn with_usages<T>(&self, rules: &[Rule], work: impl FnOnce(&mut [Usage]) -> T) -> T {
        let mut known = self.usages.lock();
        let find = |known: &[(PolicyId, Usage)], rule: &Rule| {
            known.iter().position(|(id, _)| *id == rule.id())
        };
        let usages = rules.iter();
        let usages =
            usages.map(|rule| find(&known, rule).map_or_else(Usage::default, |at| known[at].1));
        let mut usages: SmallVec<[Usage; 2]> = usages.collect();
        let result = work(&mut usages);
        for (rule, usage) in rules.iter().zip(usages) {
            match find(&known, rule) {
                Some(at) => known[at].1 = usage,
                None => known.push((rule.id(), usage)),
            }
        }
        result
    }
}
