//! G6, data loss: a store that comes back empty is filled again by the nodes.
//!
//! Source: every report carries running totals of the current and the previous window, so one exchange per node rebuilds
//! its part. Looked at a moment after each loss: whoever has spoken of the subject since is there with all that it admitted,
//! but for what it has yet to report. Looked at again when everybody has registered: so is everybody else.

use super::{Run, Verdict};
use crate::fault::Kind;
use crate::scenario::HEALING;

pub(super) fn check(run: &Run<'_>) -> Verdict {
    for node in &run.world.oracle.rebuilt {
        let at = run.after_start(node.at);
        let early = at.saturating_sub(HEALING);
        let mut faults = run.scenario.faults_within(early, at);
        let disturbed = faults.any(|fault| {
            !matches!(
                fault.kind,
                Kind::LoseData | Kind::Away(_) | Kind::Restart(_) | Kind::WallClock(..)
            )
        });
        if node.heard && !disturbed && node.stored + node.unsent < node.admitted {
            let what = format!(
                "n{} admitted {} in the window at {}; the store, which lost its data, knows {}, and {} are unsent",
                node.node, node.admitted, node.window, node.stored, node.unsent
            );
            return Err((at, what));
        }
    }
    Ok(())
}
