//! L3, heals by itself: within the backoff's cap and D after the last fault, every node asks the store again; and who
//! hears the answer to a probe does so at once.
//!
//! Source: probes are spaced by at most the cap, and one that is not answered within D has failed.

use super::{Run, Verdict};

pub(super) fn check(run: &Run<'_>) -> Verdict {
    if let Some((at, node)) = run.world.oracle.not_heeded.first() {
        let what = format!("n{node} does not ask the store, which has answered its last probe");
        return Err((run.after_start(*at), what));
    }
    match run.world.oracle.not_healed.first() {
        Some((at, node)) => {
            let what = format!("n{node} does not ask the store, which answers again");
            Err((run.after_start(*at), what))
        }
        None => Ok(()),
    }
}
