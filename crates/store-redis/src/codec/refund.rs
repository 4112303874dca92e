//! Refunds and resets.

use tidegate_core::{Algorithm, Decision, Rule, Status};

use super::rules::encode;
use super::writer::number;

/// What a refund takes back: the cost, and for each rule that was charged, where. Returns also which rules those are.
pub(crate) fn encode_refund(rules: &[Rule], decision: &Decision) -> (Vec<usize>, Vec<u8>) {
    let mut out = Vec::with_capacity(64);
    number(&mut out, decision.cost().min(1 << 53), 7);
    let mut charged = Vec::with_capacity(rules.len());
    for (index, (rule, status)) in rules.iter().zip(decision.statuses()).enumerate() {
        if status.is_violated() {
            continue;
        }
        charged.push(index);
        encode(rule, &mut out);
        let (coarse, fine) = place(rule, status);
        number(&mut out, coarse, 7);
        number(&mut out, fine, 2);
    }
    (charged, out)
}

/// Rules alone.
pub(crate) fn encode_rules(rules: &[Rule]) -> Vec<u8> {
    let mut out = Vec::with_capacity(rules.len() * 42);
    for rule in rules {
        encode(rule, &mut out);
    }
    out
}

/// Where a rule was charged: the window's number, or when the bucket was to be full again.
fn place(rule: &Rule, status: &Status) -> (u64, u64) {
    let at = status.usage().at().as_nanos();
    match rule.quota().algorithm() {
        Algorithm::TokenBucket => (at / 1_000, at % 1_000),
        Algorithm::FixedWindow | Algorithm::SlidingWindow => {
            let window = u64::try_from(rule.quota().window().as_nanos()).unwrap_or(u64::MAX);
            // Not a window's beginning: charged nowhere that can be found again. No window has this number.
            let number = if at.is_multiple_of(window) {
                at / window
            } else {
                1 << 55
            };
            (number, 0)
        }
    }
}
