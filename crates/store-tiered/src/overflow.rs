//! What subjects share that came when the table was full (R1): one counter per policy, for this node alone.

use parking_lot::Mutex;
use smallvec::SmallVec;
use tidegate_core::tiered::Share;
use tidegate_core::{Decision, PolicyId, Provenance, Rule, Timestamp, Usage, decide};
use tidegate_store::Request;

/// One counter per policy. It is not reported: each node holds its part of the limit for all strangers together.
#[derive(Debug, Default)]
pub(crate) struct Overflow {
    usages: Mutex<Vec<(PolicyId, Usage)>>,
}

impl Overflow {
    pub(crate) fn decide(&self, request: &Request<'_>, nodes: u32, now: Timestamp) -> Decision {
        let part = |rule: &Rule| rule.with_quota(rule.quota().share(Share::even(nodes)));
        let rules: SmallVec<[Rule; 2]> = request.rules.iter().map(part).collect();
        let mut known = self.usages.lock();
        let find = |known: &[(PolicyId, Usage)], rule: &Rule| {
            known.iter().position(|(id, _)| *id == rule.id())
        };
        let mut usages: SmallVec<[Usage; 2]> = rules
            .iter()
            .map(|rule| find(&known, rule).map_or_else(Usage::default, |at| known[at].1))
            .collect();
        let decision = decide(&rules, &mut usages, request.cost, now);
        for (rule, usage) in rules.iter().zip(usages) {
            match find(&known, rule) {
                Some(at) => known[at].1 = usage,
                None => known.push((rule.id(), usage)),
            }
        }
        decision.with_provenance(Provenance::Overflow)
    }
}
