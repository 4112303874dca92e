//! Refunds whose outcome depends on when exactly they were carried out, which a store does not tell.

use tidegate_core::{Algorithm, Decision, Rule, Timestamp, Usage, give_back};

/// Whether a refund at `now` and one a little later would leave a bucket differently. What flowed in since it was
/// charged is not given back, so this is so where the bucket was full before.
pub(super) fn matters(
    rules: &[Rule],
    usages: &[Usage],
    decision: &Decision,
    now: Timestamp,
) -> bool {
    let given_back = |soon: bool| {
        let mut buckets = Vec::new();
        for (part, rule) in rules.iter().enumerate() {
            if rule.quota().algorithm() == Algorithm::TokenBucket {
                let wait = rule.quota().window() / 4;
                let mut usages = usages.to_vec();
                let when = if soon { now + wait } else { now };
                give_back(rules, &mut usages, decision, when);
                buckets.push(usages[part]);
            }
        }
        buckets
    };
    given_back(false) != given_back(true)
}
