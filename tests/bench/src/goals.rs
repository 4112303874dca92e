//! What came out, line by line: named figures, some of them held against a goal.

use serde::Serialize;

/// The figures of a run.
#[derive(Default, Serialize)]
pub struct Report {
    lines: Vec<Line>,
}

/// Several figures of one thing.
#[derive(Serialize)]
struct Line {
    section: String,
    name: String,
    figures: Vec<Figure>,
}

/// A figure, in the unit that its name tells.
#[derive(Serialize)]
pub struct Figure {
    name: &'static str,
    value: f64,
    goal: Option<Goal>,
    met: bool,
}

/// What a figure is held against.
#[derive(Clone, Copy, Serialize)]
pub enum Goal {
    /// It is not to be more.
    AtMost(f64),
    /// It is not to be less.
    AtLeast(f64),
}

/// A figure without a goal.
pub fn figure(name: &'static str, value: f64) -> Figure {
    Figure {
        name,
        value,
        goal: None,
        met: true,
    }
}

impl Figure {
    /// Holds the figure against a goal. What is no number misses every goal.
    pub fn against(self, goal: Goal) -> Self {
        let met = match goal {
            Goal::AtMost(most) => self.value <= most,
            Goal::AtLeast(least) => self.value >= least,
        };
        Self {
            goal: Some(goal),
            met,
            ..self
        }
    }
}

impl Report {
    /// Adds a line, and prints it; the section's name before its first one.
    pub fn add(&mut self, section: &str, name: &str, figures: Vec<Figure>) {
        if self.lines.last().is_none_or(|line| line.section != section) {
            println!("\n{section}");
        }
        print!("  {name:<38}");
        for figure in &figures {
            figure.print();
        }
        println!();
        self.lines.push(Line {
            section: section.to_owned(),
            name: name.to_owned(),
            figures,
        });
    }

    /// How many goals were missed.
    pub fn missed(&self) -> usize {
        let figures = self.lines.iter().flat_map(|line| &line.figures);
        figures.filter(|figure| !figure.met).count()
    }
}

impl Figure {
    fn print(&self) {
        let decimals = match self.value.abs() {
            value if value >= 1_000.0 => 0,
            value if value >= 10.0 => 1,
            _ => 3,
        };
        print!("  {} {:.decimals$}", self.name, self.value);
        let (relation, bound) = match self.goal {
            None => return,
            Some(Goal::AtMost(most)) => ("<=", most),
            Some(Goal::AtLeast(least)) => (">=", least),
        };
        let missed = if self.met { "" } else { " missed" };
        print!(" ({relation} {bound}{missed})");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_is_missed_on_its_wrong_side_and_by_what_is_no_number() {
        let mut report = Report::default();
        report.add(
            "section",
            "line",
            vec![
                figure("fast", 1.0).against(Goal::AtLeast(1.0)),
                figure("slow", 0.9).against(Goal::AtLeast(1.0)),
                figure("small", 1.0).against(Goal::AtMost(1.0)),
                figure("large", 1.1).against(Goal::AtMost(1.0)),
                figure("none", f64::NAN).against(Goal::AtMost(1.0)),
                figure("free", f64::NAN),
            ],
        );
        assert_eq!(report.missed(), 3);
    }
}
