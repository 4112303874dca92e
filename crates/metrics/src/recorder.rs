//! The recorder that is installed: metrics are described to it, and their handles come from it.

use metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, with_recorder};

use crate::catalogue::{Kind, Metric};

const METADATA: Metadata<'static> =
    Metadata::new("tidegate_metrics", Level::INFO, Some("tidegate_metrics"));

pub(crate) fn describe(metric: &Metric) {
    let (name, unit) = (metric.name.into(), metric.unit);
    let description = metric.description.into();
    with_recorder(|recorder| match metric.kind {
        Kind::Counter => recorder.describe_counter(name, unit, description),
        Kind::Gauge => recorder.describe_gauge(name, unit, description),
        Kind::Histogram => recorder.describe_histogram(name, unit, description),
    });
}

/// A counter's handle; the labels' values in the order of the metric's labels, as in the next two.
pub(crate) fn counter<const N: usize>(metric: &Metric, values: [&str; N]) -> Counter {
    debug_assert_eq!(metric.kind, Kind::Counter);
    with_recorder(|recorder| recorder.register_counter(&key(metric, values), &METADATA))
}

pub(crate) fn gauge<const N: usize>(metric: &Metric, values: [&str; N]) -> Gauge {
    debug_assert_eq!(metric.kind, Kind::Gauge);
    with_recorder(|recorder| recorder.register_gauge(&key(metric, values), &METADATA))
}

pub(crate) fn histogram<const N: usize>(metric: &Metric, values: [&str; N]) -> Histogram {
    debug_assert_eq!(metric.kind, Kind::Histogram);
    with_recorder(|recorder| recorder.register_histogram(&key(metric, values), &METADATA))
}

fn key<const N: usize>(metric: &Metric, values: [&str; N]) -> Key {
    debug_assert_eq!(metric.labels.len(), N, "{}", metric.name);
    let labels = metric.labels.iter().zip(values);
    let labels: Vec<Label> = labels
        .map(|(label, value)| Label::new(*label, value.to_owned()))
        .collect();
    Key::from_parts(metric.name, labels)
}
