//! G2, tolerance: while the store answers, all nodes together admit at most L + (N - 1) q in every aligned window; from a
//! token bucket at most its burst and what flowed in, and (N - 1) q more.
//!
//! Source: the argument in `tidegate_core::tiered`. A request that has waited for D is decided by the outage setting, and what
//! that admits comes on top. It cannot happen while a call takes less than half of D: a request waits for the answer to the
//! call that is under way and for that to its own. When calls take longer, the bound counts it.
//!
//! N counts the nodes that admitted anything; a node that crashed and
//! its successor are two. q is the slack by the number of nodes that every node knows.

use tidegate_core::{Algorithm, Rule};

use super::{Run, Verdict, most_at_once};
use crate::scenario::nanos;
use crate::time::{MILLI, SECOND};
use crate::world::DEADLINE;

pub(super) fn check(run: &Run<'_>) -> Verdict {
    for (index, rule) in run.scenario.rules.iter().enumerate() {
        if rule.quota().algorithm() == Algorithm::TokenBucket {
            bucket(run, rule)?;
            continue;
        }
        for subject in 0..run.world.subjects {
            windows(run, subject, index)?;
        }
    }
    Ok(())
}

fn windows(run: &Run<'_>, subject: u32, index: usize) -> Verdict {
    let rule = &run.scenario.rules[index];
    for window in run.windows(subject, index) {
        if run.store_answers(window.from, window.to) {
            within(run, rule, &window)?;
        }
    }
    Ok(())
}

/// The bound for one window.
pub(super) fn within(run: &Run<'_>, rule: &Rule, window: &super::Window) -> Verdict {
    let (limit, slack) = (rule.quota().limit(), run.scenario.slack(rule));
    let nodes = window.parts.len() as u64;
    let bound = limit + nodes.saturating_sub(1) * slack;
    let unanswered = unanswered(run, window.parts.values().map(|part| part.by_share).sum());
    if window.admitted > bound + unanswered {
        let what = format!(
            "{} admitted under {:?}, at most {bound} and {unanswered} unanswered are allowed (L {limit}, {nodes} nodes, q {slack})",
            window.admitted,
            rule.name().as_str()
        );
        return Err((window.from, what));
    }
    Ok(())
}

/// How much may have been decided without the store although that answers.
fn unanswered(run: &Run<'_>, by_share: u64) -> u64 {
    let in_time = 4 * run.longest_delay() + MILLI < DEADLINE;
    if in_time { 0 } else { by_share }
}

fn bucket(run: &Run<'_>, rule: &Rule) -> Verdict {
    for (from, to) in stretches(run) {
        let within = |at: u64| (from..=to).contains(&run.after_start(at));
        let admitted = run.admitted(0).filter(|admission| within(admission.at));
        let window = nanos(rule.quota().window());
        let limit = rule.quota().limit();
        let (most, at) = most_at_once(admitted, (limit, window));
        let nodes: std::collections::BTreeSet<(usize, u32)> = run
            .admitted(0)
            .filter(|admission| within(admission.at))
            .map(|admission| (admission.node, admission.life))
            .collect();
        // By so much can two clocks that follow the store's differ.
        let apart = 2 * run.longest_delay() + MILLI;
        let blurred = limit * apart / window + 1;
        let slack = run.scenario.slack(rule);
        let by_share = run
            .admitted(0)
            .filter(|admission| within(admission.at) && admission.by_share());
        let unanswered = unanswered(run, by_share.map(|admission| admission.cost).sum());
        let bound =
            rule.quota().capacity() + (nodes.len() as u64).saturating_sub(1) * slack + blurred;
        if most > bound + unanswered {
            let what = format!(
                "{most} admitted beyond the rate in an interval, at most {bound} and {unanswered} unanswered are allowed (burst {}, {} nodes, q {slack}, {blurred} for clocks)",
                rule.quota().capacity(),
                nodes.len()
            );
            return Err((run.after_start(at), what));
        }
    }
    Ok(())
}

/// The stretches of time in which the store answers, as whole seconds.
fn stretches(run: &Run<'_>) -> Vec<(u64, u64)> {
    let mut stretches: Vec<(u64, u64)> = Vec::new();
    let mut from = 0;
    while from < run.scenario.length {
        let to = from + SECOND;
        if run.store_answers(from, to) {
            match stretches.last_mut() {
                Some(last) if last.1 == from => last.1 = to,
                _ => stretches.push((from, to)),
            }
        }
        from = to;
    }
    stretches
}
