//! The observer: what a limiter does, counted.

use metrics::{Gauge, Histogram};
use tidegate_core::{Decision, Status};
use tidegate_limiter::{Event, Observer};

use crate::catalogue::{self, DECISION_SECONDS, LOOKUP_FAILURES, PARTITIONED, STORE_ERRORS};
use crate::policies::{Outcome, Policies};
use crate::recorder;

/// Counts what a limiter does. See the [crate](crate)'s documentation.
///
/// The recorder must be installed before this is made. Handles are registered once for each policy and outcome, so
/// that a decision costs two atomic additions and the sample of its duration.
///
/// A histogram's samples wait in the recorder until they are drained: with `metrics-exporter-prometheus`, by a
/// scrape, or by `PrometheusHandle::run_upkeep`, which should be called every few seconds where scrapes are rare.
#[derive(Debug)]
pub struct MetricsObserver {
    policies: Policies,
    seconds: Histogram,
    partitioned: Gauge,
}

impl MetricsObserver {
    /// Describes all metrics to the recorder, and registers those that have no labels.
    pub fn new() -> Self {
        catalogue::describe();
        // So that it is there, at 0, before it is needed.
        recorder::counter(&LOOKUP_FAILURES, []).increment(0);
        let partitioned = recorder::gauge(&PARTITIONED, []);
        partitioned.set(0.0);
        Self {
            policies: Policies::default(),
            seconds: recorder::histogram(&DECISION_SECONDS, []),
            partitioned,
        }
    }

    fn decided(&self, decision: &Decision) {
        let provenance = decision.provenance();
        if decision.statuses().is_empty() {
            let outcome = if decision.is_allowed() {
                Outcome::Allowed
            } else {
                Outcome::Denied
            };
            self.policies.count("", outcome, provenance);
        }
        for status in decision.statuses() {
            let name = status.name().as_str();
            self.policies.count(name, outcome(status), provenance);
        }
    }
}

impl Default for MetricsObserver {
    fn default() -> Self {
        Self::new()
    }
}

impl Observer for MetricsObserver {
    fn observe(&self, event: &Event<'_>) {
        match event {
            Event::Decided { decision, took, .. } => {
                self.decided(decision);
                self.seconds.record(took.as_secs_f64());
            }
            Event::StoreFailed { error, .. } => {
                recorder::counter(&STORE_ERRORS, [error.kind().as_str()]).increment(1);
            }
            Event::LookupFailed { .. } => recorder::counter(&LOOKUP_FAILURES, []).increment(1),
            Event::OutageBegan => self.partitioned.set(1.0),
            Event::OutageEnded { .. } => self.partitioned.set(0.0),
            _ => {}
        }
    }
}

const fn outcome(status: &Status) -> Outcome {
    match (status.is_violated(), status.is_shadow()) {
        (false, _) => Outcome::Allowed,
        (true, false) => Outcome::Denied,
        (true, true) => Outcome::ShadowDenied,
    }
}
