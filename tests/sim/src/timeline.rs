//! What happened, in lines that a person can follow.

use std::fmt::Write as _;

use tidegate_core::shared::{Reply, Report, Totals};
use tidegate_core::tiered::Outgoing;

use crate::time::seconds;

/// What happened, if that is wanted.
#[derive(Default)]
pub struct Timeline {
    lines: Option<Vec<(u64, String)>>,
}

impl Timeline {
    /// One that keeps what happens.
    pub fn recording() -> Self {
        let lines = Some(Vec::new());
        Self { lines }
    }

    /// Notes what happens at a time after the start.
    pub fn note(&mut self, at: u64, text: impl FnOnce() -> String) {
        if let Some(lines) = &mut self.lines {
            lines.push((at, text()));
        }
    }

    /// The lines from a time to another; faults of any time are among them.
    pub fn shown(&self, from: u64, to: u64) -> String {
        let mut text = String::new();
        for (at, line) in self.lines.iter().flatten() {
            if (from..=to).contains(at) || line.starts_with("===") {
                let _ = writeln!(text, "{:>10.4} s  {line}", seconds(*at));
            }
        }
        text
    }
}

/// A call, as it leaves a node.
pub fn call(node: usize, subject: u32, outgoing: &Outgoing) -> String {
    let mut text = format!("n{node} --> store");
    if subject > 0 {
        let _ = write!(text, " s{subject}");
    }
    for (_, report) in &outgoing.reports {
        match report {
            Report::Windows { current, previous } => {
                let _ = write!(
                    text,
                    "  used {}, before {}",
                    totals(current.totals),
                    totals(previous.totals)
                );
            }
            Report::Bucket(report) => {
                let _ = write!(
                    text,
                    "  used {}, told {}",
                    totals(report.totals),
                    totals(report.acknowledged)
                );
            }
        }
    }
    if outgoing.want > 0 {
        let _ = write!(text, ", wants {}", outgoing.want);
    }
    text
}

/// An answer, as it reaches a node.
pub fn reply(node: usize, subject: u32, replies: &[Reply]) -> String {
    let mut text = format!("n{node} <-- store");
    if subject > 0 {
        let _ = write!(text, " s{subject}");
    }
    for reply in replies {
        // Only token buckets say what was ever spent.
        let _ = if reply.spent > 0 {
            let missing = reply.usage.at().since(reply.now).as_secs_f64();
            write!(text, "  full in {missing:.3} s")
        } else {
            let usage = reply.usage;
            write!(
                text,
                "  all used {}, before {}",
                usage.current(),
                usage.previous()
            )
        };
        let _ = write!(text, "; you {}", totals(reply.mine));
        if reply.got > 0 {
            let _ = write!(text, "; granted {}", reply.got);
        }
    }
    text
}

fn totals(totals: Totals) -> String {
    let mut text = format!("{}", totals.net());
    if totals.granted > 0 || totals.returned > 0 {
        let _ = write!(
            text,
            " ({}+{}-{})",
            totals.local, totals.granted, totals.returned
        );
    }
    text
}
