//! G2, tolerance: while the store answers, all nodes together admit at most L + (N - 1) q in every aligned window; from a
//! token bucket at most its burst and what flowed in, and (N - 1) q more.
//!
//! Source: the argument in `tidegate_core::tiered`. A request that has waited for D is decided by the outage setting, and what
//! that admits comes on top. It cannot happen while a call takes less than half of D: a request waits for the answer to the
//! call that is under way and for that to its own. When calls take longer, the bound counts it.
//!
//! N counts the nodes that admitted anything; a node that crashed and
//! its successor are two. q is the slack by the number of nodes that every node knows. While they do not know of each other
//! yet it is that by two nodes, and who took itself for the only one admits on top, once, what it does before the next answer.

use std::collections::{BTreeSet, VecDeque};

use tidegate_core::{Algorithm, Rule};

use super::{Run, Verdict, most_at_once};
use crate::scenario::nanos;
use crate::time::{MILLI, SECOND};
use crate::world::DEADLINE;

/// For how long what a node admits can be unknown to the store: T, two ticks of the driver, and D for the answer.
const UNHEARD: u64 = 50 * MILLI + 110 * MILLI + DEADLINE;

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
        } else if run.store_answers_strangers(window.from, window.to) {
            let parts = window.parts.values();
            let unheard = parts.map(|part| most_unheard(part.alone.iter().copied()));
            let reckoned = (run.scenario.slack_of_strangers(rule), unheard.max());
            bounded(run, rule, &window, (reckoned.0, reckoned.1.unwrap_or(0)))?;
        }
    }
    Ok(())
}

/// The bound for one window.
pub(super) fn within(run: &Run<'_>, rule: &Rule, window: &super::Window) -> Verdict {
    bounded(run, rule, window, (run.scenario.slack(rule), 0))
}

/// The bound for one window by what each node may hold back, and by what one may that took itself for the only one.
fn bounded(
    run: &Run<'_>,
    rule: &Rule,
    window: &super::Window,
    (slack, unheard): (u64, u64),
) -> Verdict {
    let limit = rule.quota().limit();
    let nodes = window.parts.len() as u64;
    let unheard = if nodes > 1 { unheard } else { 0 };
    let bound = limit + nodes.saturating_sub(1) * slack + unheard;
    let unanswered = unanswered(run, window.parts.values().map(|part| part.by_share).sum());
    if window.admitted > bound + unanswered {
        let what = format!(
            "{} admitted under {:?}, at most {bound} and {unanswered} unanswered are allowed (L {limit}, {nodes} nodes, q {slack}, {unheard} by one that took itself for the only one)",
            window.admitted,
            rule.name().as_str()
        );
        return Err((window.from, what));
    }
    Ok(())
}

/// The most that was admitted between two answers. What is admitted is reported after T, as the driver comes by, and the
/// answer to that takes two ways.
fn most_unheard(admitted: impl Iterator<Item = (u64, u64)>) -> u64 {
    let mut recent: VecDeque<(u64, u64)> = VecDeque::new();
    let (mut sum, mut most) = (0, 0);
    for (at, cost) in admitted {
        recent.push_back((at, cost));
        sum += cost;
        while let Some((first, cost)) = recent.front().copied()
            && first + UNHEARD < at
        {
            recent.pop_front();
            sum -= cost;
        }
        most = most.max(sum);
    }
    most
}

/// How much may have been decided without the store although that answers.
fn unanswered(run: &Run<'_>, by_share: u64) -> u64 {
    let in_time = 4 * run.longest_delay() + MILLI < DEADLINE;
    if in_time { 0 } else { by_share }
}

fn bucket(run: &Run<'_>, rule: &Rule) -> Verdict {
    for stretch in stretches(run, Run::store_answers) {
        bucket_within(run, rule, stretch, (run.scenario.slack(rule), false))?;
    }
    for stretch in stretches(run, Run::store_answers_strangers) {
        bucket_within(
            run,
            rule,
            stretch,
            (run.scenario.slack_of_strangers(rule), true),
        )?;
    }
    Ok(())
}

/// The bound for a stretch of time by what each node may hold back; `strangers` may take themselves for the only ones.
fn bucket_within(
    run: &Run<'_>,
    rule: &Rule,
    (from, to): (u64, u64),
    (slack, strangers): (u64, bool),
) -> Verdict {
    let within = |at: u64| (from..=to).contains(&run.after_start(at));
    let admitted = || run.admitted(0).filter(|admission| within(admission.at));
    let window = nanos(rule.quota().window());
    let (limit, capacity) = (rule.quota().limit(), rule.quota().capacity());
    let (most, at) = most_at_once(admitted(), (limit, window));
    let lives: BTreeSet<(usize, u32)> = admitted()
        .map(|admission| (admission.node, admission.life))
        .collect();
    // By so much can two clocks that follow the store's differ.
    let apart = 2 * run.longest_delay() + MILLI;
    let blurred = limit * apart / window + 1;
    let by_share = admitted().filter(|admission| admission.by_share());
    let unanswered = unanswered(run, by_share.map(|admission| admission.cost).sum());
    let unheard = lives.iter().map(|life| {
        let alone = admitted().filter(|admission| {
            strangers && admission.alone && *life == (admission.node, admission.life)
        });
        most_unheard(alone.map(|admission| (admission.at, admission.cost)))
    });
    let unheard = unheard.max().filter(|_| lives.len() > 1).unwrap_or(0);
    let bound = capacity + (lives.len() as u64).saturating_sub(1) * slack + unheard + blurred;
    if most > bound + unanswered {
        let what = format!(
            "{most} admitted beyond the rate in an interval, at most {bound} and {unanswered} unanswered are allowed (burst {capacity}, {} nodes, q {slack}, {unheard} by one that took itself for the only one, {blurred} for clocks)",
            lives.len()
        );
        return Err((run.after_start(at), what));
    }
    Ok(())
}

/// The stretches of time in which the store answers, as whole seconds.
fn stretches<'a>(run: &Run<'a>, answers: impl Fn(&Run<'a>, u64, u64) -> bool) -> Vec<(u64, u64)> {
    let mut stretches: Vec<(u64, u64)> = Vec::new();
    let mut from = 0;
    while from < run.scenario.length {
        let to = from + SECOND;
        if answers(run, from, to) {
            match stretches.last_mut() {
                Some(last) if last.1 == from => last.1 = to,
                _ => stretches.push((from, to)),
            }
        }
        from = to;
    }
    stretches
}
