//! What a fault did, and whether the guarantees held meanwhile.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::scene::{LIMIT, NODES, Sample};

/// G2: the limit, and one request of each other node, which is what the default tolerance comes to here.
pub const CONNECTED: u64 = LIMIT + NODES as u64 - 1;
/// G4: the limit, and one request of each node, because shares are rounded up.
const OUT: u64 = LIMIT + NODES as u64;
/// G4: in the windows in which an outage begins or ends, or in which some nodes are cut off.
const EDGE: u64 = 2 * LIMIT;
/// So many windows before the fault all nodes knew each other and the store's time.
const SETTLED: u64 = 2;
/// How late an answer may be after D because this machine has other things to do.
const BUSY: Duration = Duration::from_millis(400);
/// L3: the cap of the backoff and D, with time for a busy machine.
pub const HEALS_WITHIN: Duration = Duration::from_secs(8);

/// When a fault was there.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// The window in which it began.
    pub first: u64,
    /// The window in which it ended.
    pub last: u64,
    /// When it began.
    pub began: Instant,
}

/// What a row measured.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// The longest that an answer took.
    pub longest: Option<Duration>,
    /// Answers that were none.
    pub errors: u64,
    /// Admitted over the limit, in the worst whole window of the fault.
    pub during: Option<f64>,
    /// Admitted over the limit, in the first whole window after it.
    pub after: Option<f64>,
    /// How long it took after the fault's end until all nodes answered as usual.
    pub healed: Option<Duration>,
    /// Commands and connections that the servers saw during the fault; `None` if they did not live through it.
    pub load: Option<(u64, u64)>,
    /// What else there is to say.
    pub note: String,
}

impl Figures {
    /// A row that has no traffic of its own to measure.
    pub fn noted(note: impl Into<String>) -> Self {
        Self {
            note: note.into(),
            ..Self::default()
        }
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Window {
    admitted: u64,
    ordinary: u64,
    out: u64,
}

/// Measures the answers to a fault, and fails if a guarantee did not hold.
///
/// # Errors
///
/// Names the guarantee, and what was seen.
pub fn judge(samples: &[Sample], span: Span, deadline: Duration) -> Result<Figures> {
    let mut windows = BTreeMap::<u64, Window>::new();
    for sample in samples {
        let window = windows.entry(sample.window).or_default();
        window.admitted += u64::from(sample.allowed);
        window.out += u64::from(sample.outage);
        window.ordinary += u64::from(!sample.outage);
    }
    // Windows are the store's, whose time a node that has just started knows only roughly (G7).
    let settled = windows.range(span.first.saturating_sub(SETTLED)..);
    for (number, window) in settled {
        let is_edge = [span.first, span.last, span.last + 1].contains(number);
        let (promise, most) = match window {
            _ if is_edge => ("G4, at the edge of an outage", EDGE),
            Window { out: 0, .. } => ("G2", CONNECTED),
            Window { ordinary: 0, .. } => ("G4", OUT),
            Window { .. } => ("G4, some nodes cut off", EDGE),
        };
        ensure!(
            window.admitted <= most,
            "{promise}: {} admitted in a window, at most {most}; the fault was in windows {}..={}, this is {number}: {windows:?}",
            window.admitted,
            span.first,
            span.last
        );
    }
    let during: Vec<Window> = (span.first + 1..span.last)
        .filter_map(|number| windows.get(&number).copied())
        .collect();
    for window in &during {
        // Where the whole machine stood still, little was asked for.
        let wanted = LIMIT.min(window.ordinary + window.out);
        ensure!(
            window.admitted >= wanted / 3,
            "L2: only {} of {wanted} admitted in a window: {windows:?}",
            window.admitted
        );
    }
    let longest = samples.iter().map(|sample| sample.took).max();
    ensure!(
        longest <= Some(deadline + BUSY),
        "L1: an answer took {longest:?}, at most {deadline:?} and {BUSY:?} for a busy machine"
    );
    let errors = samples.iter().filter(|sample| sample.error).count() as u64;
    ensure!(
        errors == 0,
        "{errors} requests were told that there is no answer"
    );
    let over_limit = |admitted: u64| admitted as f64 / LIMIT as f64;
    Ok(Figures {
        longest: samples
            .iter()
            .filter(|sample| sample.asked >= span.began)
            .map(|sample| sample.took)
            .max(),
        errors,
        during: during
            .iter()
            .map(|window| window.admitted)
            .max()
            .map(over_limit),
        after: windows
            .get(&(span.last + 1))
            .map(|window| over_limit(window.admitted)),
        ..Figures::default()
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test should say where it fails")]

    use super::*;

    fn window(number: u64, admitted: u64, outage: bool) -> Vec<Sample> {
        let sample = |at| Sample {
            node: 0,
            asked: Instant::now(),
            took: Duration::from_millis(1),
            window: number,
            allowed: at < admitted,
            error: false,
            outage,
        };
        (0..300).map(sample).collect()
    }

    fn judged(admitted: u64, outage: bool) -> Result<Figures> {
        let span = Span {
            first: 2,
            last: 4,
            began: Instant::now(),
        };
        judge(
            &window(3, admitted, outage),
            span,
            Duration::from_millis(50),
        )
    }

    #[test]
    fn what_is_admitted_is_held_to_the_guarantee_of_its_window() {
        assert_eq!(judged(102, false).unwrap().during, Some(1.02));
        assert!(
            judged(103, false)
                .unwrap_err()
                .to_string()
                .starts_with("G2")
        );
        assert!(judged(103, true).is_ok());
        assert!(judged(104, true).unwrap_err().to_string().starts_with("G4"));
    }

    #[test]
    fn a_lockout_an_error_and_a_late_answer_are_seen() {
        assert!(judged(10, true).unwrap_err().to_string().starts_with("L2"));
        let span = Span {
            first: 9,
            last: 9,
            began: Instant::now(),
        };
        let mut samples = window(3, 100, false);
        samples[0].took = Duration::from_secs(1);
        let error = judge(&samples, span, Duration::from_millis(50)).unwrap_err();
        assert!(error.to_string().starts_with("L1"), "{error}");
        samples[0].took = Duration::ZERO;
        samples[0].error = true;
        assert!(judge(&samples, span, Duration::from_millis(50)).is_err());
    }
}
