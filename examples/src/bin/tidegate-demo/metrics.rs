//! What the limiter has done, in Prometheus' text format.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Mutex, PoisonError};

use tidegate_limiter::{Decision, Event, Observer};

/// The media type of the text.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Counters.
pub(crate) struct Metrics {
    counts: Mutex<Counts>,
    store: crate::store::Counts,
}

#[derive(Default)]
struct Counts {
    decisions: BTreeMap<Labels, u64>,
    store_errors: BTreeMap<&'static str, u64>,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Labels {
    policy: &'static str,
    outcome: &'static str,
    mode: &'static str,
}

impl Observer for Metrics {
    fn observe(&self, event: &Event<'_>) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Decided { decision, .. } => counts.decided(decision),
            Event::StoreFailed { error, .. } => {
                *counts
                    .store_errors
                    .entry(error.kind().as_str())
                    .or_default() += 1;
            }
            _ => {}
        }
    }
}

impl Counts {
    fn decided(&mut self, decision: &Decision) {
        let mode = decision.provenance().as_str();
        let mut count = |policy, outcome| {
            let labels = Labels {
                policy,
                outcome,
                mode,
            };
            *self.decisions.entry(labels).or_default() += 1;
        };
        if decision.statuses().is_empty() {
            // Not decided by any policy's count.
            let outcome = if decision.is_allowed() {
                "allowed"
            } else {
                "denied"
            };
            count("", outcome);
        }
        for status in decision.statuses() {
            let outcome = match (status.is_violated(), status.is_shadow()) {
                (false, _) => "allowed",
                (true, false) => "denied",
                (true, true) => "shadow-denied",
            };
            count(status.name().as_str(), outcome);
        }
    }
}

impl Metrics {
    pub(crate) fn new(store: crate::store::Counts) -> Self {
        Self {
            counts: Mutex::default(),
            store,
        }
    }

    /// The counters as text.
    pub(crate) fn render(&self) -> String {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        // Writing to a string cannot fail.
        text.push_str("# HELP tidegate_decisions_total What each policy said to requests.\n");
        text.push_str("# TYPE tidegate_decisions_total counter\n");
        for (labels, count) in &counts.decisions {
            let Labels {
                policy,
                outcome,
                mode,
            } = labels;
            let _ = writeln!(
                text,
                r#"tidegate_decisions_total{{policy="{policy}",outcome="{outcome}",mode="{mode}"}} {count}"#
            );
        }
        text.push_str("# HELP tidegate_store_errors_total Failures of the store.\n");
        text.push_str("# TYPE tidegate_store_errors_total counter\n");
        for (kind, count) in &counts.store_errors {
            let _ = writeln!(
                text,
                r#"tidegate_store_errors_total{{kind="{kind}"}} {count}"#
            );
        }
        self.store.render(&mut text);
        text
    }
}
