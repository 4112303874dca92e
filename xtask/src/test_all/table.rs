//! The table at the end.

use std::fmt;
use std::time::Duration;

/// What became of one row.
pub(super) struct Line {
    pub(super) row: &'static str,
    pub(super) passed: bool,
    pub(super) took: Duration,
    pub(super) note: String,
}

/// What became of all rows. Shown, it ends with `N passed, N failed` on a line of its own.
#[derive(Default)]
pub(super) struct Table {
    lines: Vec<Line>,
}

impl Table {
    pub(super) fn push(&mut self, line: Line) {
        self.lines.push(line);
    }

    pub(super) fn all_passed(&self) -> bool {
        self.lines.iter().all(|line| line.passed)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.lines.iter().map(|line| line.row.len());
        let width = names.max().unwrap_or(0).max("row".len());
        writeln!(f, "{:width$}  result  seconds", "row")?;
        for line in &self.lines {
            let result = if line.passed { "passed" } else { "FAILED" };
            let row = format!(
                "{:width$}  {result}  {:7.1}  {}",
                line.row,
                line.took.as_secs_f64(),
                line.note
            );
            writeln!(f, "{}", row.trim_end())?;
        }
        let passed = self.lines.iter().filter(|line| line.passed).count();
        write!(f, "\n{passed} passed, {} failed", self.lines.len() - passed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(row: &'static str, passed: bool, millis: u64, note: &str) -> Line {
        Line {
            row,
            passed,
            took: Duration::from_millis(millis),
            note: note.to_owned(),
        }
    }

    #[test]
    fn the_last_line_says_how_many_passed_and_failed() {
        let mut table = Table::default();
        table.push(line("format", true, 412, ""));
        table.push(line("clippy-and-more", false, 61_000, ""));
        table.push(line("tests", true, 1_300, "12 tests"));
        let expected = "\
row              result  seconds
format           passed      0.4
clippy-and-more  FAILED     61.0
tests            passed      1.3  12 tests

2 passed, 1 failed";
        assert_eq!(table.to_string(), expected);
        assert!(!table.all_passed());
    }
}
