//! The dashboard for Grafana shows metrics that exist, by labels that they have, and leaves none out.

use std::collections::BTreeSet;

use serde_json::Value;
use tidegate_metrics::{Kind, METRICS, Metric};

const DASHBOARD: &str = include_str!("../../../docs/grafana-dashboard.json");
/// What Prometheus itself adds.
const OTHERS_LABELS: [&str; 3] = ["instance", "job", "le"];

/// The dashboard's queries, wherever in it they are.
fn queries() -> Vec<String> {
    fn collect(value: &Value, queries: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    match value.as_str() {
                        Some(text) if matches!(name.as_str(), "expr" | "query") => {
                            queries.push(text.to_owned());
                        }
                        _ => collect(value, queries),
                    }
                }
            }
            Value::Array(values) => values.iter().for_each(|value| collect(value, queries)),
            _ => {}
        }
    }
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let mut queries = Vec::new();
    collect(&dashboard, &mut queries);
    queries.retain(|query| query.contains("tidegate"));
    queries
}

/// The words of a query: names of metrics, functions and labels.
fn words(query: &str) -> impl Iterator<Item = &str> {
    let of_a_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    query
        .split(move |c| !of_a_name(c))
        .filter(|word| !word.is_empty())
}

/// The metric that a series belongs to.
fn metric_of(series: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|metric| match metric.kind {
        Kind::Histogram => ["_bucket", "_sum", "_count"]
            .iter()
            .any(|suffix| series.strip_suffix(suffix) == Some(metric.name)),
        Kind::Counter | Kind::Gauge => series == metric.name,
    })
}

fn metrics_of(query: &str) -> impl Iterator<Item = &'static Metric> {
    let series = words(query).filter(|word| word.starts_with("tidegate_"));
    series.map(move |series| {
        metric_of(series)
            .unwrap_or_else(|| panic!("there is no {series}, which is asked for: {query}"))
    })
}

/// The labels by which a query tells series apart or sums them up.
fn labels_of(query: &str) -> impl Iterator<Item = &str> {
    let lists = query.split(" by (").skip(1);
    let by = lists.flat_map(|rest| rest.split(')').next().unwrap().split(','));
    let matched = query.split('{').skip(1).flat_map(|rest| {
        let matchers = rest.split('}').next().unwrap().split(',');
        matchers.map(|matcher| matcher.split(['=', '!']).next().unwrap())
    });
    by.chain(matched).map(str::trim)
}

#[test]
fn it_asks_for_metrics_that_exist_by_labels_that_they_have() {
    let queries = queries();
    assert!(queries.len() >= METRICS.len() / 2, "{queries:?}");
    for query in &queries {
        let metrics: Vec<_> = metrics_of(query).collect();
        assert!(!metrics.is_empty(), "no metric in {query}");
        for label in labels_of(query) {
            let known = metrics.iter().any(|metric| metric.labels.contains(&label));
            assert!(
                known || OTHERS_LABELS.contains(&label),
                "no label {label} in {query}"
            );
        }
    }
}

#[test]
fn it_leaves_no_metric_out() {
    let queries = queries();
    let shown: BTreeSet<_> = queries
        .iter()
        .flat_map(|query| metrics_of(query))
        .map(|metric| metric.name)
        .collect();
    let all: BTreeSet<_> = METRICS.iter().map(|metric| metric.name).collect();
    assert_eq!(shown, all);
}
