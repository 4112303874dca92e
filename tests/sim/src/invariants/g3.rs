//! G3, no false denial: while the store answers, a denial means that the true total had reached the limit.
//!
//! Source: counts only grow within a window, and a node never counts what it has not heard of. What the store has granted
//! and whose answer is on its way counts as used. Two things can make the store count for a moment what nobody got, until the
//! node gives it back with its next report; runs in which they occur are left out here: a call that wants something and
//! reaches the store twice, and a request of several units of which the store had only some left.

use tidegate_core::Algorithm;

use super::{Run, Verdict};
use crate::scenario::nanos;

pub(super) fn check(run: &Run<'_>) -> Verdict {
    if run.scenario.traffic.mixed_costs {
        return Ok(());
    }
    for denial in &run.world.oracle.unjustified {
        let at = run.after_start(denial.at);
        if is_strict(run, at) {
            let what = format!("n{} denied wrongly: {}", denial.node, denial.truth);
            return Err((at, what));
        }
    }
    Ok(())
}

fn is_strict(run: &Run<'_>, at: u64) -> bool {
    let reach = run
        .scenario
        .rules
        .iter()
        .map(|rule| match rule.quota().algorithm() {
            // What was once counted too much stays missing until the bucket is full.
            Algorithm::TokenBucket => at,
            _ => 2 * nanos(rule.quota().window()),
        });
    run.is_calm(at.saturating_sub(reach.max().unwrap_or(0)), at)
}
