//! The book's table of metrics is the crate's.

use tidegate_metrics::{METRICS, Metric};

const PAGE: &str = include_str!("../../../docs/observing.md");

fn row(metric: &Metric) -> String {
    let labels: Vec<String> = metric
        .labels
        .iter()
        .map(|label| format!("`{label}`"))
        .collect();
    format!(
        "| `{}` | {} | {} | {} | {} |",
        metric.name,
        metric.kind.as_str(),
        labels.join(", "),
        metric.told_by.as_str(),
        metric.description
    )
}

#[test]
fn the_page_has_the_rows_of_the_catalogue_and_no_others() {
    let rows: Vec<&str> = PAGE
        .lines()
        .filter(|line| line.starts_with("| `tidegate_"))
        .collect();
    let expected: Vec<String> = METRICS.iter().map(row).collect();
    assert_eq!(
        rows,
        expected,
        "\nthe table must be:\n{}",
        expected.join("\n")
    );
}
