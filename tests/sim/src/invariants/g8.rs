//! G8, all or none: a request under several policies is charged to all of them or to none, a denied one changes no count,
//! and what remains is between 0 and the limit.
//!
//! Source: looked at by every single decision, whatever goes wrong meanwhile.

use super::{Run, Verdict};

pub(super) fn check(run: &Run<'_>) -> Verdict {
    match run.world.oracle.flaws.first() {
        Some(flaw) => Err((run.after_start(flaw.at), flaw.what.clone())),
        None => Ok(()),
    }
}
