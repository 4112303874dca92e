//! Refunds and resets.

use smallvec::SmallVec;
use tidegate_core::{Algorithm, Decision, Rule, Status};

use super::rules::encode;
use super::writer::double;

/// What a refund takes back, and from which rules: those that the decision charged.
pub(crate) fn encode_refund(rules: &[Rule], decision: &Decision) -> (SmallVec<[Rule; 2]>, Vec<u8>) {
    let charged = rules.iter().zip(decision.statuses());
    let charged = charged.filter(|(_, status)| !status.is_violated());
    let (rules, places): (SmallVec<[Rule; 2]>, SmallVec<[_; 2]>) = charged
        .map(|(rule, status)| (*rule, place(rule, status)))
        .unzip();
    let mut out = encode_rules(&rules);
    double(&mut out, decision.cost().min(1 << 53));
    for (coarse, fine) in places {
        double(&mut out, coarse);
        double(&mut out, fine);
    }
    (rules, out)
}

/// Rules alone.
pub(crate) fn encode_rules(rules: &[Rule]) -> Vec<u8> {
    let mut out = Vec::with_capacity(rules.len() * 64);
    encode(rules, &mut out);
    out
}

/// Where a rule was charged: the window's number, or when the bucket was to be full again.
fn place(rule: &Rule, status: &Status) -> (u64, u64) {
    let at = status.usage().at().as_nanos();
    match rule.quota().algorithm() {
        Algorithm::TokenBucket => (at / 1_000, at % 1_000),
        Algorithm::FixedWindow | Algorithm::SlidingWindow => {
            let window = u64::try_from(rule.quota().window().as_nanos()).unwrap_or(u64::MAX);
            // What is no window's beginning was charged nowhere that can be found again: no window has this number.
            let number = if at.is_multiple_of(window) {
                at / window
            } else {
                1 << 52
            };
            (number, 0)
        }
    }
}
