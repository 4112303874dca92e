//! What the suite found.

use std::fmt;

/// What came of one case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The guarantee was kept.
    Kept,
    /// It was broken, and how.
    Broken(String),
    /// The case did not apply, and why.
    LeftOut(String),
}

/// What came of all cases. Printing it gives one line a case; [`assert_passed`](Self::assert_passed) is what a
/// test calls.
#[derive(Clone, Debug, Default)]
pub struct Report {
    rows: Vec<Row>,
}

#[derive(Clone, Debug)]
struct Row {
    guarantee: &'static str,
    case: &'static str,
    form: &'static str,
    verdict: Verdict,
}

impl Report {
    pub(super) fn record(
        &mut self,
        guarantee: &'static str,
        case: &'static str,
        form: &'static str,
        verdict: Verdict,
    ) {
        self.rows.push(Row {
            guarantee,
            case,
            form,
            verdict,
        });
    }

    /// Whether at least one case ran, and none found a guarantee broken.
    pub fn passed(&self) -> bool {
        let ran = self.rows.iter().any(|row| row.verdict == Verdict::Kept);
        ran && self.broken().next().is_none()
    }

    /// The broken guarantees: its number, the case, and what was seen.
    pub fn broken(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.rows.iter().filter_map(|row| match &row.verdict {
            Verdict::Broken(seen) => Some((row.guarantee, row.case, seen.as_str())),
            _ => None,
        })
    }

    /// The cases that did not apply, each once, and why.
    pub fn left_out(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut last = "";
        self.rows.iter().filter_map(move |row| match &row.verdict {
            Verdict::LeftOut(reason) if row.case != last => {
                last = row.case;
                Some((row.case, reason.as_str()))
            }
            _ => None,
        })
    }

    /// Prints the report, for the log of a test.
    ///
    /// # Panics
    ///
    /// If a guarantee is broken or no case ran, with a message that says which.
    #[allow(
        clippy::print_stdout,
        reason = "what was left out must be seen in the test's output"
    )]
    pub fn assert_passed(&self) {
        println!("{self}");
        let mut broken: Vec<String> = self
            .broken()
            .map(|(guarantee, case, seen)| format!("{guarantee} is broken ({case}): {seen}"))
            .collect();
        // A store fails alike however it is held.
        broken.dedup();
        assert!(
            self.passed(),
            "the store does not keep its contract:\n{}",
            broken.join("\n")
        );
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for row in &self.rows {
            let (word, why) = match &row.verdict {
                Verdict::Kept => ("kept", ""),
                Verdict::Broken(seen) => ("BROKEN", seen.as_str()),
                Verdict::LeftOut(reason) => ("left out", reason.as_str()),
            };
            writeln!(
                f,
                "{:3} {:52} {:20} {word} {why}",
                row.guarantee, row.case, row.form
            )?;
        }
        let count = |wanted: fn(&Verdict) -> bool| {
            self.rows.iter().filter(|row| wanted(&row.verdict)).count()
        };
        write!(
            f,
            "{} kept, {} broken, {} left out",
            count(|verdict| *verdict == Verdict::Kept),
            count(|verdict| matches!(verdict, Verdict::Broken(_))),
            count(|verdict| matches!(verdict, Verdict::LeftOut(_))),
        )
    }
}
