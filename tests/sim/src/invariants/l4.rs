//! L4, no permanent denial: whatever the store held, and even if it never answers again, a subject that has been idle is
//! admitted.
//!
//! Source: the window number in a record, not its expiry, says what still counts; what cannot be is repaired; a cached denial
//! ends with its window. Looked at by the last request of a run, after two windows' rest: a sliding window that is full
//! when it ends has its whole weight for a moment still when one has passed. A token bucket whose record is of a time to come
//! is repaired when it is first asked for, to owing all that it can: there the rest begins with that request.

use super::{Run, Verdict};

pub(super) fn check(run: &Run<'_>) -> Verdict {
    match run.world.oracle.after_rest.iter().find(|rest| !rest.2) {
        Some((at, node, _)) => {
            let what = format!("n{node} denies a subject that has been idle");
            Err((run.after_start(*at), what))
        }
        None => Ok(()),
    }
}
