//! The table at the end: a line for each fault.

use std::fmt::Write;
use std::time::Duration;

use crate::figures::Figures;

/// How a row ended.
#[derive(Debug)]
pub enum Outcome {
    /// The guarantees held.
    Passed(Figures),
    /// One did not, or the fault could not be made.
    Failed(String),
    /// It cannot be made here.
    NotRun(String),
    /// Tests of another package make it.
    Elsewhere(String),
}

/// A line for each row, in Markdown.
pub fn render<'a>(rows: impl IntoIterator<Item = (&'a str, &'a Outcome)>) -> String {
    let mut text = String::from(
        "| fault | longest answer | errors | admitted/limit during | first window after | heals in | commands, connections | |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for (name, outcome) in rows {
        let line = match outcome {
            Outcome::Passed(figures) => cells(figures),
            Outcome::Failed(_) => "- | - | - | - | - | - | FAILED".to_owned(),
            Outcome::NotRun(why) => format!("- | - | - | - | - | - | not run: {why}"),
            Outcome::Elsewhere(tests) => format!("- | - | - | - | - | - | {tests}"),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| {name} | {line} |");
    }
    text
}

fn cells(figures: &Figures) -> String {
    let shown = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    let measured = figures.longest.is_some();
    [
        shown(figures.longest.map(time)),
        shown(measured.then(|| figures.errors.to_string())),
        shown(figures.during.map(|of| format!("{of:.2}"))),
        shown(figures.after.map(|of| format!("{of:.2}"))),
        shown(figures.healed.map(time)),
        shown(
            figures
                .load
                .map(|(commands, connections)| format!("{commands}, {connections}")),
        ),
        figures.note.clone(),
    ]
    .join(" | ")
}

fn time(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        format!("{} ms", time.as_millis())
    } else {
        format!("{:.1} s", time.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_has_its_line() {
        let figures = Figures {
            longest: Some(Duration::from_millis(51)),
            during: Some(0.994),
            healed: Some(Duration::from_millis(1_250)),
            load: Some((120, 9)),
            ..Figures::default()
        };
        let outcomes = [
            ("hang", Outcome::Passed(figures)),
            ("loss", Outcome::NotRun("no filter".to_owned())),
            ("refused", Outcome::Failed("L1".to_owned())),
        ];
        let text = render(outcomes.iter().map(|(name, outcome)| (*name, outcome)));
        let lines: Vec<&str> = text.lines().skip(2).collect();
        assert_eq!(
            lines,
            [
                "| hang | 51 ms | 0 | 0.99 | - | 1.2 s | 120, 9 |  |",
                "| loss | - | - | - | - | - | - | not run: no filter |",
                "| refused | - | - | - | - | - | - | FAILED |",
            ]
        );
    }
}
