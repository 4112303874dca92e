//! One run, told so that a person can follow it.

use std::fmt::Write as _;

use crate::bars::bars;
use crate::invariants::{Run, Violation};
use crate::scenario::Scenario;
use crate::shrink;
use crate::time::{SECOND, seconds};

/// How wide the limit is drawn.
const WIDTH: u64 = 40;
/// How much of the timeline is shown before and after what went wrong.
const AROUND: u64 = SECOND;

/// What went wrong where, and how to see it again.
pub fn headline(scenario: &Scenario, violation: &Violation) -> String {
    format!(
        "{} did not hold in scenario {}, seed {}, at {:.4} s:\n  {}\nAgain: {}\n",
        violation.invariant,
        scenario.family,
        scenario.seed,
        seconds(violation.at),
        violation.message,
        scenario.replay()
    )
}

/// The scenario, what was admitted in each window, and the timeline: all of it, or what is around what went wrong.
pub fn tell(run: &Run<'_>, verdict: &Result<(), Violation>, whole: bool) -> String {
    let mut text = setting(run.scenario);
    text += &chart(run);
    text += "\nTimeline (=== faults, --> calls, <-- answers; \"you\" is what the store counts of that node, \"told\" what it\nacknowledged; granted and returned in brackets)\n\n";
    let (from, to) = match verdict {
        Err(violation) if !whole => (
            violation.at.saturating_sub(AROUND),
            violation.at.saturating_add(AROUND),
        ),
        _ => (0, u64::MAX),
    };
    text += &run.world.timeline.shown(from, to);
    text.push('\n');
    match verdict {
        Ok(()) => text += "Every guarantee held.\n",
        Err(violation) => {
            text += &headline(run.scenario, violation);
            text += &needed(run.scenario);
        }
    }
    text
}

/// Which of several faults it takes.
fn needed(scenario: &Scenario) -> String {
    let Some(needed) = shrink::needed(scenario).filter(|_| scenario.faults.len() > 1) else {
        return String::new();
    };
    let mut text = format!(
        "It takes {} of the {} faults:\n",
        needed.len(),
        scenario.faults.len()
    );
    for fault in &needed {
        let _ = writeln!(text, "  {fault}");
    }
    text
}

fn setting(scenario: &Scenario) -> String {
    let mut text = format!(
        "Scenario {}, seed {}: {} nodes that expect {}, {} requests for {} subjects in {:.1} s{}\n",
        scenario.family,
        scenario.seed,
        scenario.nodes,
        scenario.expected,
        scenario.traffic.count,
        scenario.traffic.subjects,
        seconds(scenario.length),
        if scenario.traffic.mixed_costs {
            ", some of 2 or 3 units"
        } else {
            ""
        }
    );
    for rule in &scenario.rules {
        let _ = writeln!(
            text,
            "  policy {:?}: {}, q {} by all nodes",
            rule.name().as_str(),
            rule.quota(),
            scenario.slack(rule)
        );
    }
    for fault in &scenario.faults {
        let _ = writeln!(text, "  fault: {fault}");
    }
    text
}

fn chart(run: &Run<'_>) -> String {
    let limit = run.scenario.rules[0].quota().limit();
    let mut text = format!(
        "\nAdmitted in each window under {:?} (# on counts, + on shares, | the limit of {limit})\n\n",
        run.scenario.rules[0].name().as_str()
    );
    for bar in bars(run) {
        let cells = |amount: u64| usize::try_from((amount * WIDTH).div_ceil(limit)).unwrap_or(0);
        let all = cells(bar.admitted());
        let counted = cells(bar.by_count).min(all);
        let mut drawn = "#".repeat(counted) + &"+".repeat(all - counted);
        let end = usize::try_from(WIDTH).unwrap_or(0);
        drawn = format!("{drawn:end$}");
        drawn.insert(end, '|');
        let _ = writeln!(
            text,
            "{:>10.4} s  {drawn}  {}",
            seconds(bar.from),
            bar.admitted()
        );
    }
    text
}
