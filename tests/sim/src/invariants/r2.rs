//! R2, an outage is quiet: probes of one process are spaced by at least the backoff's floor, and whoever is cut off sends
//! hardly anything else.
//!
//! Source: the breaker opens on five failures in a row; from then on only probes are sent. Where a part of the store is lost, each
//! of its subjects is tried again once a second while it is asked for; and a few times more where nobody had asked for a second.

use super::{Run, Verdict};
use crate::fault::{Fault, Kind, Nodes};
use crate::time::{MILLI, SECOND};

/// The shortest rest between two probes, less what clocks differ.
const FLOOR: u64 = 49 * MILLI;
/// The failures that open the breaker, and the calls that were under way.
const CALLS: u64 = 5 + 4;

/// The calls of a subject until a node knows that its part is lost.
const UNTIL_KNOWN: u64 = 8;

pub(super) fn check(run: &Run<'_>) -> Verdict {
    let early = run
        .world
        .oracle
        .probes
        .iter()
        .find(|probe| probe.rested < FLOOR);
    if let Some(probe) = early {
        let what = format!(
            "n{} probes {:.1} ms after the last one ended",
            probe.node,
            probe.rested as f64 / 1e6
        );
        return Err((run.after_start(probe.at), what));
    }
    quiet(run)?;
    quiet_in_parts(run)
}

/// While a part of the store is lost, each node tries again for each subject a few times a second.
fn quiet_in_parts(run: &Run<'_>) -> Verdict {
    let lost = |fault: &&Fault| fault.kind == Kind::PartLost;
    for fault in run.scenario.faults.iter().filter(lost) {
        let seconds = (fault.to - fault.from) / SECOND + 1;
        let most = (4 * seconds + UNTIL_KNOWN) * u64::from(run.world.subjects);
        let during = |at: u64| (fault.from..fault.to).contains(&run.after_start(at));
        for node in 0..run.scenario.nodes {
            let sent = run.world.oracle.sent.iter();
            let sent = sent.filter(|(at, by)| *by == node && during(*at)).count() as u64;
            if sent > most {
                let what = format!(
                    "n{node} sent {sent} calls to a part that is lost, {most} at most are allowed"
                );
                return Err((fault.to, what));
            }
        }
    }
    Ok(())
}

/// While one lasting outage is the only fault, each node sends a few calls and its probes.
fn quiet(run: &Run<'_>) -> Verdict {
    let [outage] = run.scenario.faults[..] else {
        return Ok(());
    };
    let all = Nodes::all(run.scenario.nodes);
    if !matches!(outage.kind, Kind::Cut { nodes, .. } if nodes == all) {
        return Ok(());
    }
    let during = |at: u64| (outage.from..outage.to).contains(&run.after_start(at));
    let oracle = &run.world.oracle;
    for node in 0..run.scenario.nodes {
        let sent = oracle.sent.iter();
        let sent = sent.filter(|(at, by)| *by == node && during(*at)).count() as u64;
        let probes = oracle.probes.iter();
        let probes = probes
            .filter(|probe| probe.node == node && during(probe.at))
            .count() as u64;
        if sent > probes + CALLS {
            let what = format!("n{node} sent {sent} calls in an outage, {probes} of them probes");
            return Err((outage.to, what));
        }
    }
    Ok(())
}
