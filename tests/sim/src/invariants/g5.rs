//! G5, exactly once: the store's total of a node is what that node admitted, however often its calls were repeated, lost or
//! answered too late: whenever the node has told all and has heard of every grant, and, for every window still alive, when
//! all is healed.
//!
//! Source: reports are running totals, merged by maximum; a grant whose answer was lost covers what was decided without it.
//! After the store has lost its data, this holds for a node as soon as it has spoken of the subject again (G6). A window is
//! alive until the next but one begins, by the store's clock and by the node's.

use super::{Run, Verdict};
use crate::fault::Kind;
use crate::oracle::Converged;
use crate::scenario::nanos;
use crate::time::SECOND;

pub(super) fn check(run: &Run<'_>) -> Verdict {
    if let Some(wrong) = run.world.oracle.mismatches.first() {
        let what = format!(
            "the store counts {} of n{} under policy {} in the window at {}, which admitted {} and has told all",
            wrong.stored, wrong.node, wrong.rule, wrong.window, wrong.admitted
        );
        return Err((run.after_start(wrong.at), what));
    }
    let lost = run.scenario.faults.iter().filter_map(|fault| {
        let loses = matches!(fault.kind, Kind::LoseData | Kind::Corrupt(_));
        loses.then_some(run.world.start + fault.from)
    });
    let lost = lost.max().unwrap_or(0);
    for node in &run.world.oracle.converged {
        if node.stored != node.admitted && node.heard >= lost && !was_out_of_step(run, node) {
            let what = format!(
                "the store counts {} of n{} for subject {} under policy {} in the window at {}, which admitted {}",
                node.stored, node.node, node.subject, node.rule, node.window, node.admitted
            );
            return Err((run.scenario.length, what));
        }
    }
    buckets(run)
}

/// Of a bucket that no node and no data was lost of, the store counts all that was admitted; and no more than that, unless a call
/// was carried out twice or unheard: what that granted is not given back where it may have flowed in again (G2).
fn buckets(run: &Run<'_>) -> Verdict {
    let kinds = || run.scenario.faults.iter().map(|fault| fault.kind);
    let jumbles = |kind| matches!(kind, Kind::Delay(_) | Kind::Duplication(_));
    let silences = |kind| matches!(kind, Kind::Cut { .. } | Kind::Loss(_));
    if !kinds().all(|kind| jumbles(kind) || silences(kind)) {
        return Ok(());
    }
    let exact = kinds().next().is_none();
    for bucket in &run.world.oracle.spent {
        if bucket.stored < bucket.admitted || (exact && bucket.stored > bucket.admitted) {
            let what = format!(
                "the store counts {} for subject {} under policy {}, of which {} were admitted",
                bucket.stored, bucket.subject, bucket.rule, bucket.admitted
            );
            return Err((run.scenario.length, what));
        }
    }
    Ok(())
}

/// Whether the node did not know the store's time while a window that is still alive may have been filled: what it charged
/// to a window that had not begun is moved to one that has.
fn was_out_of_step(run: &Run<'_>, node: &Converged) -> bool {
    let reach = 2 * nanos(run.scenario.rules[node.rule].quota().window()) + SECOND;
    let early = run.scenario.length.saturating_sub(reach);
    let since = node.in_step_since;
    since.is_none_or(|since| run.after_start(since) >= early)
}
