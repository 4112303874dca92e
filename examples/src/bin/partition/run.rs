//! The traffic of a phase, and what is written down.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::limiter::{Answer, Limiter, NODES, WINDOW};
use crate::scene::Phase;

/// How many windows of a phase are measured, after the one in which it begins.
pub(crate) const WINDOWS: u32 = 3;

/// What was answered in a phase.
#[derive(Debug, Default)]
pub(crate) struct Phased {
    /// Admitted, by window. Those of the first, in which the fault begins, are kept apart.
    pub(crate) admitted: BTreeMap<u128, u64>,
    pub(crate) first: u64,
    pub(crate) errors: u64,
    pub(crate) asked: u64,
    pub(crate) answer_times: Vec<Duration>,
}

/// What was answered, by phase.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    phases: Mutex<BTreeMap<&'static str, Phased>>,
}

impl Recorder {
    fn with(&self, phase: &'static str, note: impl FnOnce(&mut Phased)) {
        let mut phases = self.phases.lock().unwrap_or_else(PoisonError::into_inner);
        note(phases.entry(phase).or_default());
    }

    pub(crate) fn read<T>(&self, phase: &'static str, read: impl FnOnce(&Phased) -> T) -> T {
        let mut phases = self.phases.lock().unwrap_or_else(PoisonError::into_inner);
        read(phases.entry(phase).or_default())
    }
}

/// The number of the window that it is now.
fn window_now() -> u128 {
    since_epoch().as_millis() / WINDOW.as_millis()
}

fn since_epoch() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

/// A hundred requests a second to every node of every limiter, until the phase is over.
pub(crate) async fn run_phase(
    phase: &Phase,
    limiters: &[(&str, Arc<dyn Limiter>)],
    recorders: &[Arc<Recorder>],
) {
    let first = window_now();
    let end = first + u128::from(WINDOWS) + 1;
    let mut ticks = interval(Duration::from_millis(10));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    while window_now() < end {
        ticks.tick().await;
        for ((_, limiter), recorder) in limiters.iter().zip(recorders) {
            for node in 0..NODES {
                tokio::spawn(ask(
                    Arc::clone(limiter),
                    Arc::clone(recorder),
                    node,
                    phase.name,
                    first..end,
                ));
            }
        }
    }
    // What was asked at the end is answered by now, unless it hangs.
    sleep(Duration::from_millis(100)).await;
}

/// One request. Those asked in the first of the windows are kept apart, and those after the last do not count.
async fn ask(
    limiter: Arc<dyn Limiter>,
    recorder: Arc<Recorder>,
    node: usize,
    phase: &'static str,
    windows: Range<u128>,
) {
    let asked_in = window_now();
    if !windows.contains(&asked_in) {
        return;
    }
    let measured = asked_in > windows.start;
    if measured {
        recorder.with(phase, |phase| phase.asked += 1);
    }
    let began = Instant::now();
    let answer = limiter.ask(node).await;
    let took = began.elapsed();
    recorder.with(phase, |phase| {
        match answer {
            Answer::Allowed if measured => *phase.admitted.entry(asked_in).or_default() += 1,
            Answer::Allowed => phase.first += 1,
            Answer::Denied => {}
            Answer::Error => phase.errors += u64::from(measured),
        }
        if measured {
            phase.answer_times.push(took);
        }
    });
}
