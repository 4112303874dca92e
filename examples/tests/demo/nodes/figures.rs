//! What a phase admitted and how it was answered, held against its promise.

use std::fmt::Write;
use std::ops::Range;
use std::time::Duration;

use super::scene::NODES;
use super::traffic::{Sample, window_of};
use super::{LIMIT, Phase, Promise};

/// By how much a node may believe that it is another time by Redis's clock: as much as an answer may take.
const CLOCKS: Duration = Duration::from_millis(50);

/// The figures of some whole windows.
pub(super) struct Figures {
    windows: Vec<Window>,
    /// How long answers took, sorted.
    times: Vec<Duration>,
    /// What was answered besides 200 and 429.
    others: Vec<u16>,
}

/// What was answered in a window. An answer on its way while a window ends was decided in one or the other.
#[derive(Clone, Copy, Debug, Default)]
struct Window {
    asked: u64,
    /// Admitted, and surely in this window.
    surely: u64,
    /// Admitted, in this window by the time of the answer.
    admitted: u64,
}

impl Figures {
    pub(super) fn of(samples: &[Sample], windows: Range<u64>) -> Self {
        let mut figures = Self {
            windows: vec![Window::default(); usize::try_from(windows.end - windows.start).unwrap()],
            times: Vec::new(),
            others: Vec::new(),
        };
        for sample in samples {
            let number = window_of(sample.answered);
            if !windows.contains(&number) {
                continue;
            }
            let window = &mut figures.windows[usize::try_from(number - windows.start).unwrap()];
            let admitted = u64::from(sample.status == 200);
            window.asked += 1;
            window.admitted += admitted;
            let surely = sample.within(CLOCKS) == Some(number);
            window.surely += admitted * u64::from(surely);
            figures
                .times
                .push(sample.answered.saturating_sub(sample.asked));
            if ![200, 429].contains(&sample.status) {
                figures.others.push(sample.status);
            }
        }
        figures.times.sort_unstable();
        figures
    }

    /// Of the limit, on average.
    fn mean(&self) -> f64 {
        let admitted: u64 = self.windows.iter().map(|window| window.admitted).sum();
        admitted as f64 / (self.windows.len() as u64 * LIMIT) as f64
    }

    fn most(&self) -> f64 {
        let most = self.windows.iter().map(|window| window.admitted).max();
        most.unwrap_or(0) as f64 / LIMIT as f64
    }

    fn time(&self, percentile: usize) -> Duration {
        let at = self.times.len() * percentile / 100;
        let last = self.times.len().saturating_sub(1);
        self.times.get(at.min(last)).copied().unwrap_or_default()
    }

    pub(super) fn assert_only_answers(&self, phase: &str) {
        assert_eq!(self.others, [0_u16; 0], "{phase}: neither 200 nor 429");
    }

    /// A fixed window's promise is of each window; what other algorithms admit in one depends on the one before.
    pub(super) fn assert_kept(&self, phase: &Phase, each: bool) {
        let nodes = NODES as u64;
        let most = match phase.promise {
            Promise::Connected => LIMIT + nodes - 1,
            Promise::Outage => LIMIT + nodes,
            Promise::Return => 2 * LIMIT,
            // The others are within the limit by themselves; one node's share is a third.
            Promise::CutOff => LIMIT + LIMIT.div_ceil(nodes) + nodes,
        };
        for window in self.windows.iter().filter(|_| each) {
            assert!(
                window.surely <= most,
                "{}: {:?}, at most {most}",
                phase.name,
                self.windows
            );
        }
        // What was decided in the last window may be answered in the first of these.
        let slack = 1.02;
        let mean = self.mean();
        assert!(
            mean <= slack * most as f64 / LIMIT as f64,
            "{}: {mean} of the limit, {:?}",
            phase.name,
            self.windows
        );
        // Where this machine stood still, little was asked for.
        let due: u64 = self
            .windows
            .iter()
            .map(|window| window.asked.min(LIMIT))
            .sum();
        let admitted: u64 = self.windows.iter().map(|window| window.admitted).sum();
        assert!(
            admitted * 10 >= due * 9,
            "{}: only {admitted} of {due}, {:?}",
            phase.name,
            self.windows
        );
    }
}

/// A line for each phase, in Markdown.
pub(super) fn table(phases: &[(&Phase, Figures)]) -> String {
    let mut text = String::from(
        "| phase | admitted, of the limit | in the worst window | asked | p50 | p99 | longest |\n|---|---|---|---|---|---|---|\n",
    );
    for (phase, figures) in phases {
        let (mean, most) = (figures.mean(), figures.most());
        let [p50, p99, longest] = [50, 99, 100].map(|percentile| millis(figures.time(percentile)));
        writeln!(
            text,
            "| {} | {mean:.2} | {most:.2} | {} | {p50} | {p99} | {longest} |",
            phase.name,
            figures.times.len(),
        )
        .unwrap();
    }
    text
}

fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}
