//! What is known of a server's health: core's circuit breaker, driven by the clock, and told to the log.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tidegate_core::{Breaker, BreakerConfig, Outcome, ProbeId, Timestamp, Transition};
use tidegate_store::ErrorKind;
use tokio::time::Instant;

use crate::failure::Failure;

/// A server's health.
pub(crate) struct Health {
    endpoint: Arc<str>,
    breaker: Mutex<Breaker>,
    /// The same as the breaker says, for those who only ask.
    closed: AtomicBool,
    /// Why it opened.
    reason: Mutex<Arc<str>>,
    /// The breaker's epoch: it needs a time that only moves on.
    epoch: Instant,
    opened: AtomicU64,
    /// When the last call was answered, in microseconds of the epoch; 0 if the last one was not.
    answered: AtomicU64,
    probe_deadline: Duration,
}

impl Health {
    pub(crate) fn new(endpoint: &str, config: BreakerConfig) -> Self {
        Self {
            endpoint: endpoint.into(),
            breaker: Mutex::new(Breaker::new(config)),
            closed: AtomicBool::new(true),
            reason: Mutex::new("".into()),
            epoch: Instant::now(),
            opened: AtomicU64::new(0),
            answered: AtomicU64::new(0),
            probe_deadline: config.probe_deadline,
        }
    }

    /// Whether the server may be asked; otherwise why not.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        if self.closed.load(Ordering::Acquire) {
            return Ok(());
        }
        let reason = Arc::clone(&self.reason.lock());
        Err(Failure::local(
            ErrorKind::Unavailable,
            format!(
                "redis at {} is not asked until it works again: {reason}",
                self.endpoint
            ),
        ))
    }

    /// Takes note of how a call ended; says whether this opened the breaker.
    pub(crate) fn record<T>(&self, result: &Result<T, Failure>) -> bool {
        let outcome = result
            .as_ref()
            .err()
            .map_or(Outcome::Success, |failure| failure.outcome);
        self.note(outcome);
        let transition = self
            .breaker
            .lock()
            .record(outcome, self.now(), fastrand::u64(..));
        let (Some(Transition::Opened), Err(failure)) = (transition, result) else {
            return false;
        };
        *self.reason.lock() = failure.message().into();
        self.closed.store(false, Ordering::Release);
        self.opened.fetch_add(1, Ordering::Relaxed);
        if outcome == Outcome::Refused {
            tracing::error!(endpoint = %self.endpoint, error = failure.message(), "the store refuses this client");
        } else {
            tracing::warn!(endpoint = %self.endpoint, error = failure.message(), "the store is not asked any more");
        }
        true
    }

    /// How long until the next probe; `None` if none is needed.
    pub(crate) fn next_probe(&self) -> Option<Duration> {
        let when = self.breaker.lock().next_probe()?;
        Some(when.since(self.now()))
    }

    /// How long a probe may take.
    pub(crate) const fn probe_deadline(&self) -> Duration {
        self.probe_deadline
    }

    /// Starts a probe, if one is due.
    pub(crate) fn start_probe(&self) -> Option<ProbeId> {
        self.breaker.lock().start_probe(self.now())
    }

    /// Takes note of how a probe ended.
    pub(crate) fn finish_probe<T>(&self, probe: ProbeId, result: &Result<T, Failure>) {
        let outcome = result
            .as_ref()
            .err()
            .map_or(Outcome::Success, |failure| failure.outcome);
        let transition =
            self.breaker
                .lock()
                .finish_probe(probe, outcome, self.now(), fastrand::u64(..));
        if let Err(failure) = result {
            tracing::debug!(endpoint = %self.endpoint, error = failure.message(), "a probe failed");
        }
        if transition == Some(Transition::Closed) {
            self.closed.store(true, Ordering::Release);
            tracing::info!(endpoint = %self.endpoint, "the store is asked again");
        }
    }

    /// For how long the server has not been asked; `None` while it is.
    pub(crate) fn open_for(&self) -> Option<Duration> {
        let since = self.breaker.lock().open_since()?;
        Some(self.now().since(since))
    }

    /// Whether the last call was answered, not longer ago than that.
    pub(crate) fn has_answered(&self, within: Duration) -> bool {
        let answered = self.answered.load(Ordering::Relaxed);
        answered > 0 && self.micros().saturating_sub(answered) <= micros(within)
    }

    fn note(&self, outcome: Outcome) {
        let answered = match outcome {
            Outcome::Success => self.micros().max(1),
            Outcome::Failure | Outcome::Refused => 0,
        };
        self.answered.store(answered, Ordering::Relaxed);
    }

    fn micros(&self) -> u64 {
        micros(self.epoch.elapsed())
    }

    /// How often the breaker opened so far.
    pub(crate) fn opened(&self) -> u64 {
        self.opened.load(Ordering::Relaxed)
    }

    fn now(&self) -> Timestamp {
        Timestamp::EPOCH + self.epoch.elapsed()
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
