//! G7, clocks: a step of the store's clock costs at most one window of wrong decisions.
//!
//! Source: windows follow the store's clock, which every reply carries, and nodes speak to the store at least about once a
//! second. What was counted wrongly in that window stays missing from a token bucket until it is full: there a denial is wrong if
//! the bucket had truly been full for a window, or if the node goes by what it heard before the step. That it cannot tell when
//! the clock comes to that moment again, and for less than a window from then on. A node's own wall clock must make no
//! difference at all: that is why G2, G3 and G5 are asserted in spite of it. While the store's clock does not step, no answer sets a
//! node's clock back, or it would be in the window before once more.

use tidegate_core::Algorithm;

use super::{Run, Verdict, g2};
use crate::fault::Kind;
use crate::scenario::nanos;
use crate::time::SECOND;

/// By then every node has registered again, and knows the time.
const NOTICED: u64 = SECOND * 13 / 10;

pub(super) fn check(run: &Run<'_>) -> Verdict {
    if let Some((at, node)) = run.world.oracle.set_back.first() {
        let what = format!("an answer sets n{node}'s clock back, and the store's has not stepped");
        return Err((run.after_start(*at), what));
    }
    let steps_only = run
        .scenario
        .faults
        .iter()
        .all(|fault| matches!(fault.kind, Kind::StoreClock(_)));
    if !steps_only || run.scenario.faults.is_empty() || !run.scenario.knows_all() {
        return Ok(());
    }
    for (index, rule) in run.scenario.rules.iter().enumerate() {
        for window in run.windows(0, index) {
            if is_settled(run, window.from, window.to) {
                g2::within(run, rule, &window)?;
            }
        }
    }
    if run.scenario.traffic.mixed_costs {
        return Ok(());
    }
    let plainly = run
        .world
        .oracle
        .unjustified
        .iter()
        .filter(|denial| denial.plainly);
    for denial in plainly {
        let at = run.after_start(denial.at);
        if is_settled(run, at, at) {
            let what = format!("n{} still denies wrongly: {}", denial.node, denial.truth);
            return Err((at, what));
        }
    }
    Ok(())
}

/// Whether a window has gone by since the last step.
fn is_settled(run: &Run<'_>, from: u64, to: u64) -> bool {
    let lengths = run.scenario.rules.iter().map(|rule| {
        let window = nanos(rule.quota().window());
        // A sliding window looks back into the one before.
        if rule.quota().algorithm() == Algorithm::FixedWindow {
            window
        } else {
            2 * window
        }
    });
    let early = from.saturating_sub(lengths.max().unwrap_or(0) + NOTICED);
    run.scenario.faults_within(early, to).next().is_none()
}
