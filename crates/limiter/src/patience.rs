//! Patience with a store that hangs: after some calls in vain nobody waits for it any more, until a probe has found
//! out that it answers.
//!
//! Only calls that used up the deadline count. A store that fails quickly costs nothing to ask, and may have a
//! breaker of its own; two in a row would heal more slowly than one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tidegate_clock::Clock;
use tidegate_core::{Breaker, BreakerConfig, Outcome, ProbeId, Transition};

use crate::clock::AnyClock;

/// Clones share it.
#[derive(Clone)]
pub(crate) struct Patience {
    shared: Arc<Shared>,
    clock: AnyClock,
}

struct Shared {
    /// Whether a call was ever in vain: until then, calls need no lock.
    suspicious: AtomicBool,
    breaker: Mutex<Breaker>,
}

impl Patience {
    /// With a store that has as long as `deadline` to answer.
    pub(crate) fn new(clock: AnyClock, deadline: Duration) -> Self {
        let breaker = Breaker::new(BreakerConfig::default().for_deadline(deadline));
        Self {
            shared: Arc::new(Shared {
                suspicious: AtomicBool::new(false),
                breaker: Mutex::new(breaker),
            }),
            clock,
        }
    }

    /// Whether the store may be waited for.
    pub(crate) fn lasts(&self) -> bool {
        !self.shared.suspicious.load(Ordering::Relaxed) || self.lock().is_closed()
    }

    /// A call has ended: in time, or not.
    pub(crate) fn record(&self, in_time: bool) {
        if in_time && !self.shared.suspicious.load(Ordering::Relaxed) {
            return;
        }
        self.shared.suspicious.store(true, Ordering::Relaxed);
        let transition = self
            .lock()
            .record(outcome(in_time), self.clock.now(), fastrand::u64(..));
        if transition == Some(Transition::Opened) {
            tracing::warn!("the store hangs: it is not waited for until a probe has been answered");
        }
    }

    /// A probe, if one is due. The caller sees to it that the store is asked, and reports the end.
    pub(crate) fn probe(&self) -> Option<Probe> {
        let id = self.lock().start_probe(self.clock.now())?;
        Some(Probe {
            patience: self.clone(),
            id,
            in_time: false,
        })
    }

    fn finish_probe(&self, id: ProbeId, in_time: bool) {
        let (now, random) = (self.clock.now(), fastrand::u64(..));
        let transition = self.lock().finish_probe(id, outcome(in_time), now, random);
        if transition == Some(Transition::Closed) {
            tracing::info!("the store answered a probe: it is waited for again");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Breaker> {
        self.shared
            .breaker
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A probe under way. Dropped, it ends: in vain, unless it was answered.
pub(crate) struct Probe {
    patience: Patience,
    id: ProbeId,
    in_time: bool,
}

impl Probe {
    /// The store answered in time.
    pub(crate) fn answered(mut self) {
        self.in_time = true;
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.patience.finish_probe(self.id, self.in_time);
    }
}

fn outcome(in_time: bool) -> Outcome {
    if in_time {
        Outcome::Success
    } else {
        Outcome::Failure
    }
}
