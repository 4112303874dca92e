//! L1, no waiting: a decision waits for the store at most D, queueing included.
//!
//! Source: the driver gives up for a request that has waited for D. A process that is stopped cannot.

use super::{Run, Verdict};
use crate::fault::Kind;
use crate::world::DEADLINE;

pub(super) fn check(run: &Run<'_>) -> Verdict {
    let stopped = |kind: &Kind| matches!(kind, Kind::Pause(_));
    if run.scenario.faults.iter().any(|fault| stopped(&fault.kind)) {
        return Ok(());
    }
    let (slowest, at) = run.world.oracle.slowest;
    if slowest > DEADLINE {
        let what = format!("a decision took {:.3} ms", slowest as f64 / 1e6);
        return Err((run.after_start(at), what));
    }
    Ok(())
}
