//! G4, outages stay bounded.
//!
//! Source: the share is 0.8 of a node's part of the last window whose final counts it heard, and 0.2 / N; 1 / N without any.
//!
//! - No share is larger than the final counts allow that it follows, and while nothing goes wrong those are true.
//! - In a full window of a total outage each node admits at most its share, and q more if it learns only then that the store
//!   is gone.
//! - Shares that follow the same final counts sum to 1, each rounded up: L + N. That all nodes follow the same is not certain:
//!   traffic moves, and a node may be cut off when a window ends. Shares by g final counts sum to at most 0.8 g + 0.2, and
//!   each node without a history takes 1 / N. That is what is held here.
//!
//! In any window at all, whatever happens short of a clock that steps, the nodes that are connected admit at most L and the
//! slack, and those that are not their shares: at most 2 L, as long as shares sum to 1. A store that loses its data in a
//! window may let the limit through once more.

use std::collections::BTreeSet;

use tidegate_core::Algorithm;

use super::{Run, Verdict, Window, most_at_once};
use crate::fault::{Fault, Kind, Nodes};
use crate::scenario::nanos;
use crate::time::SECOND;

/// How long it takes at most until every node that is asked knows that the store is gone.
const NOTICED: u64 = SECOND;

pub(super) fn check(run: &Run<'_>) -> Verdict {
    if run.scenario.rules[0].quota().algorithm() == Algorithm::TokenBucket {
        return buckets(run);
    }
    let windows = run.windows(0, 0);
    for window in windows.iter().filter(|window| !is_stepped(run, window.to)) {
        any_window(run, window)?;
        if outage_around(run, window.from, window.to).is_some() {
            enforced(run, window)?;
            if run.scenario.knows_all() && !is_lossy(run, window) {
                summed(run, window)?;
            }
        }
    }
    final_counts(run, &windows)?;
    follow_demand(run)
}

/// Whether the store's clock has stepped by then: windows that come twice have two final counts.
fn is_stepped(run: &Run<'_>, to: u64) -> bool {
    let mut faults = run.scenario.faults_within(0, to);
    faults.any(|fault| matches!(fault.kind, Kind::StoreClock(_)))
}

/// The outage of all nodes that covers a stretch of time, if there is one.
fn outage_around<'a>(run: &'a Run<'_>, from: u64, to: u64) -> Option<&'a Fault> {
    let all = Nodes::all(run.scenario.nodes);
    run.scenario.faults.iter().find(|fault| {
        let total = match fault.kind {
            Kind::Cut { nodes, .. } => nodes == all,
            kind => kind == Kind::PartLost,
        };
        total && fault.from + NOTICED <= from && to <= fault.to
    })
}

/// Whether the store has lost what it knew by then, so that final counts may be those of some nodes alone.
fn is_lossy(run: &Run<'_>, window: &Window) -> bool {
    let mut faults = run.scenario.faults_within(0, window.to);
    faults.any(|fault| matches!(fault.kind, Kind::LoseData | Kind::Corrupt(_)))
}

/// Each node alone keeps to its share, which is what it must be.
fn enforced(run: &Run<'_>, window: &Window) -> Verdict {
    let slack = run.scenario.slack(&run.scenario.rules[0]);
    let stopped = |fault: &Fault| matches!(fault.kind, Kind::Pause(_));
    // Who knows of no others has the limit for slack, and who was stopped notices later.
    let knows = run.scenario.knows_all() && !run.scenario.faults.iter().any(stopped);
    for ((node, _), part) in &window.parts {
        if part.by_share > part.share || (knows && part.locally > slack.max(1)) {
            let what = format!(
                "n{node} admitted {} by its share of {} and {} locally (q {slack}) in a full window of an outage",
                part.by_share, part.share, part.locally
            );
            return Err((window.from, what));
        }
    }
    Ok(())
}

/// No share is larger than the final counts allow that it follows, at any time.
fn follow_demand(run: &Run<'_>) -> Verdict {
    let limit = run.scenario.rules[0].quota().limit();
    let by_share = run.admitted(0).filter(|admission| admission.by_share());
    for admission in by_share.filter(|admission| !is_stepped(run, run.after_start(admission.at))) {
        let allowed = admission.share_allowed(limit);
        // One for the arithmetic.
        if admission.limit as f64 > allowed + 1.0 {
            let what = format!(
                "n{} enforces a share of {}, {allowed} follow from {:?}",
                admission.node, admission.limit, admission.followed
            );
            return Err((run.after_start(admission.at), what));
        }
    }
    Ok(())
}

/// The final counts that nodes hear while nothing goes wrong are true.
fn final_counts(run: &Run<'_>, windows: &[Window]) -> Verdict {
    for node in &run.world.nodes {
        for (at, last) in &node.history.heard {
            let at = run.after_start(*at);
            let begun = last.window.saturating_sub(run.world.start);
            let Some(window) = windows.iter().find(|window| window.from == begun) else {
                continue;
            };
            let own = window
                .parts
                .iter()
                .filter(|((_, life), _)| *life == node.life);
            let own: u64 = own
                .filter(|((of, _), _)| run.world.nodes[*of].id == node.id)
                .map(|(_, part)| part.admitted)
                .sum();
            if run.is_calm(begun, at) && (last.own, last.total) != (own, window.admitted) {
                let what = format!(
                    "a node takes {} of {} for the final counts of a window in which it admitted {own} of {}",
                    last.own, last.total, window.admitted
                );
                return Err((at, what));
            }
        }
    }
    Ok(())
}

/// The shares of all nodes in a full window of an outage, by how many final counts they follow.
fn summed(run: &Run<'_>, window: &Window) -> Verdict {
    let limit = run.scenario.rules[0].quota().limit();
    let nodes = run.scenario.nodes as f64;
    let sharing = || window.parts.values().filter(|part| part.share > 0);
    let followed: BTreeSet<(u64, u64)> = sharing().filter_map(|part| part.followed).collect();
    let without = sharing().filter(|part| part.followed.is_none()).count() as f64;
    let with = sharing().count() as f64 - without;
    let parts = 0.8 * followed.len() as f64 + (0.2 * with + without) / nodes;
    let bound = (limit as f64 * parts).ceil() + with + without;
    let shares: u64 = sharing().map(|part| part.share).sum();
    if shares as f64 > bound {
        let what = format!(
            "shares of {shares} in a full window of an outage, {} admitted; at most {bound} are allowed (L {limit}, N {nodes}, by {} final counts)",
            window.admitted,
            followed.len()
        );
        return Err((window.from, what));
    }
    Ok(())
}

fn any_window(run: &Run<'_>, window: &Window) -> Verdict {
    let rule = &run.scenario.rules[0];
    let limit = rule.quota().limit();
    let length = nanos(rule.quota().window());
    let early = window.from.saturating_sub(2 * length + 2 * SECOND);
    let mut losses = 0;
    for fault in run.scenario.faults_within(early, window.to) {
        match fault.kind {
            Kind::LoseData | Kind::Corrupt(_) if fault.from >= window.from => losses += 1,
            _ => {}
        }
    }
    if !run.scenario.knows_all() {
        return Ok(());
    }
    let slack = run.scenario.slack(rule);
    let shares: u64 = window.parts.values().map(|part| part.share).sum();
    let lives = window.parts.len() as u64;
    let bound = limit * (1 + losses) + shares.max(limit) + lives * (slack + 1);
    if window.admitted > bound {
        let what = format!(
            "{} admitted, at most {bound} are allowed whatever happens (L {limit}, shares {shares}, q {slack}, {losses} losses)",
            window.admitted
        );
        return Err((window.from, what));
    }
    Ok(())
}

/// Whether a node knows in time that the store is gone: one that is stopped does not, and one that starts meanwhile and has
/// not been told how many there are has the limit for slack.
fn notices(run: &Run<'_>, node: usize) -> bool {
    let late = |fault: &Fault| match fault.kind {
        Kind::Pause(of) => of == node,
        Kind::Away(of) | Kind::Restart(of) => of == node && !run.scenario.knows_all(),
        _ => false,
    };
    !run.scenario.faults.iter().any(late)
}

/// Each node's part of a token bucket, within an outage.
fn buckets(run: &Run<'_>) -> Verdict {
    let rule = &run.scenario.rules[0];
    let window = nanos(rule.quota().window());
    let slack = run.scenario.slack(rule);
    for fault in &run.scenario.faults {
        let (from, to) = (fault.from + NOTICED, fault.to);
        if from >= to || is_stepped(run, to) || outage_around(run, from, to).is_none() {
            continue;
        }
        let lives: BTreeSet<(usize, u32)> = run
            .admitted(0)
            .map(|admission| (admission.node, admission.life))
            .collect();
        for (node, life) in lives.into_iter().filter(|(node, _)| notices(run, *node)) {
            let here = || {
                run.admitted(0).filter(|admission| {
                    (admission.node, admission.life) == (node, life)
                        && (from..=to).contains(&run.after_start(admission.at))
                })
            };
            let share = here().map(|admission| {
                if admission.by_share() {
                    admission.limit
                } else {
                    0
                }
            });
            let share = share.max().unwrap_or(0);
            let (most, at) = most_at_once(here(), (share, window));
            if most > share + slack + 1 {
                let what = format!(
                    "n{node} admitted {most} beyond the rate of its share of {share} in an outage (q {slack})"
                );
                return Err((run.after_start(at), what));
            }
        }
    }
    Ok(())
}
