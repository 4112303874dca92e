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
    counters: Mutex<Vec<Counter>>,
}

/// How many policies have a counter. Limits per subject can make many more: then the counter goes first that is of no more use
/// first.
const MOST: usize = 1_024;

/// What strangers used under a policy, and until when that matters.
#[derive(Clone, Copy, Debug)]
struct Counter {
    policy: PolicyId,
    usage: Usage,
    idle_at: Timestamp,
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
        let decision = self.with_usages(&rules, now, |usages| {
            decide(&rules, usages, request.cost, now)
        });
        decision.with_provenance(Provenance::Overflow)
    }

    /// Gives back what a decision of this charged.
    pub(crate) fn give_back(&self, rules: &[Rule], decision: &Decision, now: Timestamp) {
        let charged = rules.iter().zip(decision.statuses());
        let charged = charged.map(|(rule, status)| rule.with_quota(*status.quota()));
        let rules: SmallVec<[Rule; 2]> = charged.collect();
        self.with_usages(&rules, now, |usages| {
            give_back(&rules, usages, decision, now);
        });
    }

    /// Works on the policies' counters.
    fn with_usages<T>(
        &self,
        rules: &[Rule],
        now: Timestamp,
        work: impl FnOnce(&mut [Usage]) -> T,
    ) -> T {
        let mut counters = self.counters.lock();
        let usage =
            |rule| find(&counters, rule).map_or_else(Usage::default, |at| counters[at].usage);
        let mut usages: SmallVec<[Usage; 2]> = rules.iter().map(usage).collect();
        let result = work(&mut usages);
        for (rule, usage) in rules.iter().zip(usages) {
            let counter = Counter {
                policy: rule.id(),
                usage,
                idle_at: rule.quota().idle_at(usage),
            };
            match find(&counters, rule) {
                Some(at) => counters[at] = counter,
                None => {
                    make_room(&mut counters, now);
                    counters.push(counter);
                }
            }
        }
        result
    }
}

fn find(counters: &[Counter], rule: &Rule) -> Option<usize> {
    counters
        .iter()
        .position(|counter| counter.policy == rule.id())
}

/// For one more.
fn make_room(counters: &mut Vec<Counter>, now: Timestamp) {
    if counters.len() < MOST {
        return;
    }
    counters.retain(|counter| counter.idle_at > now);
    if counters.len() == MOST {
        let first = (0..MOST).min_by_key(|at| counters[*at].idle_at);
        counters.swap_remove(first.unwrap_or(0));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]
mod tests {
    use tidegate_core::{PolicyName, Quota};

    use super::*;

    #[test]
    fn r1_however_many_policies_there_are_a_bounded_number_has_a_counter() {
        let overflow = Overflow::default();
        let ask = |limit: u64, window: u64, now: u64| {
            let quota = Quota::new(limit, Duration::from_secs(window)).unwrap();
            let rules = [Rule::new(PolicyName::new("p").unwrap(), quota)];
            let request = Request::new("stranger", &rules);
            let decision = overflow.decide(&request, None, 1, Timestamp::from_secs(now));
            decision.is_allowed()
        };
        assert!(ask(1, 3_600, 7_200), "the longest that matters");
        for limit in 2..3_000 {
            ask(limit, 60, 7_200);
            assert!(overflow.counters.lock().len() <= MOST);
        }
        assert!(!ask(1, 3_600, 7_200), "it is still counted");
        ask(5_000, 60, 7_400);
        assert_eq!(
            overflow.counters.lock().len(),
            2,
            "the others were of no use any more"
        );
    }
}
