//! The table at the end.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use crate::limiter::LIMIT;
use crate::run::{Phased, Recorder, WINDOWS};
use crate::scene::PHASES;

/// One line for each limiter and phase. `x` is what was admitted in a window over the limit.
pub(crate) fn render(names: &[&str], recorders: &[Arc<Recorder>]) -> String {
    let mut text = String::from(
        "| limiter | Redis | admitted, mean | worst window | window of the change | errors | unanswered | p50 | p99 |\n\
         |---|---|---|---|---|---|---|---|---|\n",
    );
    for (name, recorder) in names.iter().zip(recorders) {
        for phase in PHASES {
            let row = recorder.read(phase.name, row);
            // Writing to a string cannot fail.
            let _ = writeln!(text, "| {name} | {} | {row} |", phase.name);
        }
    }
    text
}

fn row(phase: &Phased) -> String {
    let over_limit = |admitted: f64| format!("{:.2} x", admitted / LIMIT as f64);
    let mean = phase.admitted.values().sum::<u64>() as f64 / f64::from(WINDOWS);
    let worst = phase.admitted.values().max().copied().unwrap_or(0) as f64;
    let answered = phase.answer_times.len() as u64;
    let mut times = phase.answer_times.clone();
    times.sort_unstable();
    let at = |percent: usize| {
        let index = times.len() * percent / 100;
        times
            .get(index.min(times.len().saturating_sub(1)))
            .map_or_else(|| "-".to_owned(), |time| shown(*time))
    };
    format!(
        "{} | {} | {} | {} | {} | {} | {}",
        over_limit(mean),
        over_limit(worst),
        over_limit(phase.first as f64),
        phase.errors,
        phase.asked.saturating_sub(answered),
        at(50),
        at(99),
    )
}

fn shown(time: Duration) -> String {
    if time < Duration::from_millis(1) {
        format!("{} us", time.as_micros())
    } else {
        format!("{:.1} ms", time.as_secs_f64() * 1e3)
    }
}
