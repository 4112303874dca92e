//! What was admitted against the limit, stretch by stretch: for people to look at.

use tidegate_core::Algorithm;

use crate::invariants::Run;
use crate::scenario::nanos;

/// A window, or as long a time under a token bucket.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bar {
    /// In nanoseconds after the start.
    pub from: u64,
    pub to: u64,
    /// Admitted on counts heard from the store.
    pub by_count: u64,
    /// Admitted by shares, without it.
    pub by_share: u64,
}

impl Bar {
    pub const fn admitted(&self) -> u64 {
        self.by_count + self.by_share
    }
}

/// What was admitted of the first subject under the first policy, in order of time.
pub fn bars(run: &Run<'_>) -> Vec<Bar> {
    let quota = run.scenario.rules[0].quota();
    if quota.algorithm() == Algorithm::TokenBucket {
        return of_bucket(run, nanos(quota.window()));
    }
    let windows = run.windows(0, 0).into_iter().map(|window| {
        let by_share = window.parts.values().map(|part| part.by_share).sum();
        Bar {
            from: window.from,
            to: window.to,
            by_count: window.admitted - by_share,
            by_share,
        }
    });
    windows.collect()
}

fn of_bucket(run: &Run<'_>, window: u64) -> Vec<Bar> {
    let mut bars: Vec<Bar> = Vec::new();
    for admission in run.admitted(0) {
        let from = run.after_start(admission.at) / window * window;
        if bars.last().is_none_or(|bar| bar.from < from) {
            bars.push(Bar {
                from,
                to: from + window,
                ..Bar::default()
            });
        }
        let Some(bar) = bars.last_mut() else { continue };
        let part = if admission.by_share() {
            &mut bar.by_share
        } else {
            &mut bar.by_count
        };
        *part += admission.cost;
    }
    bars
}
