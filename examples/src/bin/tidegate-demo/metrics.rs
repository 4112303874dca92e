//! What `/metrics` shows: everything that is counted in this process, in Prometheus' text format.

use std::time::Duration;

use anyhow::Result;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tidegate_metrics::METRICS;
use tokio::time::sleep;

use crate::store::Counts;

/// The media type of the text.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// How often histograms' samples are put into their buckets, so that they do not pile up where nobody scrapes.
const UPKEEP: Duration = Duration::from_secs(5);

/// The recorder of this process, and the store that is asked before it is looked at.
pub(crate) struct Metrics {
    recorded: PrometheusHandle,
    counts: Counts,
}

/// From now on, metrics are recorded. Needs a runtime around it.
pub(crate) fn install() -> Result<PrometheusHandle> {
    let mut builder = PrometheusBuilder::new();
    for metric in METRICS {
        let (name, buckets) = (metric.name.to_owned(), metric.buckets());
        if !buckets.is_empty() {
            builder = builder.set_buckets_for_metric(Matcher::Full(name), buckets)?;
        }
    }
    let recorded = builder.install_recorder()?;
    let kept_up = recorded.clone();
    tokio::spawn(async move {
        loop {
            sleep(UPKEEP).await;
            kept_up.run_upkeep();
        }
    });
    Ok(recorded)
}

impl Metrics {
    pub(crate) const fn new(recorded: PrometheusHandle, counts: Counts) -> Self {
        Self { recorded, counts }
    }

    /// All metrics, as they are now.
    pub(crate) fn render(&self) -> String {
        self.counts.record();
        self.recorded.render()
    }
}
