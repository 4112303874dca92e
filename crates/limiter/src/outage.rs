//! Whether the store answers: since when it does not, and who is told of that.
//!
//! Two things are tracked. A *streak* of failures, since the last answer: how far into an outage a policy's
//! [`Grace`](tidegate_core::Grace) is. And the *outage* that is logged and observed: it begins with the first
//! failure, and ends with an answer after [`QUIET`] without one, so that a store which fails now and then is
//! not reported at every request.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use tidegate_core::{Decision, Provenance, Timestamp};
use tidegate_store::{ErrorKind, StoreError};

use crate::Event;
use crate::observers::Observers;

/// How long the store must have answered without a failure for an outage to be over.
const QUIET: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub(crate) struct OutageTracker {
    /// Whether there is anything to track: read by every decision, so that a healthy store costs no lock.
    troubled: AtomicBool,
    state: Mutex<State>,
    /// Whether observers were told that there is an outage.
    told: Mutex<bool>,
}

#[derive(Debug, Default)]
struct State {
    streak_since: Option<Timestamp>,
    outage_since: Option<Timestamp>,
    last_failure: Timestamp,
    last_outage: Duration,
}

impl OutageTracker {
    /// The store failed to decide. Returns how long it has not answered.
    #[cold]
    pub(crate) fn failed(
        &self,
        error: &StoreError,
        now: Timestamp,
        observers: &Observers,
    ) -> Duration {
        // One subject's record says nothing about the store, nor does what it cannot do for anybody.
        if matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Unsupported) {
            return Duration::ZERO;
        }
        let mut state = self.lock();
        let lasted = now.since(*state.streak_since.get_or_insert(now));
        let begins = state.outage_since.is_none();
        state.outage_since.get_or_insert(now);
        state.last_failure = now;
        self.troubled.store(true, Ordering::Relaxed);
        drop(state);
        if begins {
            tracing::warn!(%error, "the store does not answer: the policies' outage settings decide");
            self.tell(observers);
        }
        lasted
    }

    /// The store decided.
    #[inline]
    pub(crate) fn answered(
        &self,
        decision: &Decision,
        now: impl FnOnce() -> Timestamp,
        observers: &Observers,
    ) {
        if self.troubled.load(Ordering::Relaxed) {
            self.recovering(decision, now(), observers);
        }
    }

    #[cold]
    fn recovering(&self, decision: &Decision, now: Timestamp, observers: &Observers) {
        // A store that handles outages itself says that it is in one: that is no sign of recovery.
        if matches!(decision.provenance(), Provenance::Outage(_)) {
            return;
        }
        let mut state = self.lock();
        state.streak_since = None;
        let over = now.since(state.last_failure) >= QUIET;
        let Some(since) = state.outage_since.take_if(|_| over) else {
            return;
        };
        state.last_outage = now.since(since);
        self.troubled.store(false, Ordering::Relaxed);
        let lasted = state.last_outage;
        drop(state);
        tracing::info!(?lasted, "the store answers again");
        self.tell(observers);
    }

    /// Tells observers of changes, in order, holding no lock that they could need: they may use the limiter.
    /// Whoever finds somebody else telling leaves it to them, who look again when they are done.
    fn tell(&self, observers: &Observers) {
        while let Some((mut told, change)) = self.untold() {
            *told = !*told;
            observers.notify(&change);
        }
    }

    /// What observers have not been told, and the right to tell them.
    fn untold(&self) -> Option<(MutexGuard<'_, bool>, Event<'static>)> {
        let told = match self.told.try_lock() {
            Ok(told) => told,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        let state = self.lock();
        let lasted = state.last_outage;
        match (*told, state.outage_since.is_some()) {
            (false, true) => Some((told, Event::OutageBegan)),
            (true, false) => Some((told, Event::OutageEnded { lasted })),
            _ => {
                // Before the state is unlocked: whoever changes it next must find the way free.
                drop(told);
                None
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicU64;

    use super::*;
    use crate::Observer;
    use crate::clock::AnyClock;

    #[derive(Clone, Default)]
    struct Told(Arc<Mutex<Vec<bool>>>);

    impl Observer for Told {
        fn observe(&self, event: &Event<'_>) {
            let began = matches!(event, Event::OutageBegan);
            self.0.lock().unwrap().push(began);
            // Others are to find this one still telling.
            std::thread::yield_now();
        }
    }

    /// Whatever threads do at once, beginnings and ends alternate, and the last thing told is what is.
    #[test]
    fn observers_are_told_in_order() {
        let (tracker, told) = (OutageTracker::default(), Told::default());
        let observers = Observers::new(vec![Box::new(told.clone())], AnyClock::default());
        let seconds = AtomicU64::new(0);
        let later = || Timestamp::from_secs(seconds.fetch_add(2, Ordering::SeqCst));
        let answer = Decision::uncounted(true, 1, Timestamp::EPOCH, Provenance::Store);
        // Many short rounds, because what is missed in the middle of one is made up for by the next change.
        for _ in 0..300 {
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        let error = StoreError::new(ErrorKind::Unavailable, "gone");
                        tracker.failed(&error, later(), &observers);
                        tracker.answered(&answer, later, &observers);
                    });
                }
            });
            let is_out = tracker.lock().outage_since.is_some();
            assert_eq!(told.0.lock().unwrap().last().copied(), Some(is_out));
        }
        let told = told.0.lock().unwrap();
        assert!(
            told.iter()
                .enumerate()
                .all(|(at, began)| *began == (at % 2 == 0))
        );
    }
}
