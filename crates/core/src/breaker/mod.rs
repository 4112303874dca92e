//! A circuit breaker: when to stop asking a store, and when to try again.
//!
//! Pure: it is told outcomes and the time, and says what to do. It never lets a user's request be the one that
//! finds out whether the store is back: that is a probe's job, in the background, one at a time (R2). A probe has
//! a deadline of its own, so that a lost probe is a failed one and cannot wedge the breaker.
//!
//! ```
//! use std::time::Duration;
//! use tidegate_core::{Breaker, BreakerConfig, Outcome, Timestamp};
//!
//! let mut breaker = Breaker::new(BreakerConfig::default());
//! let now = Timestamp::from_secs(1_700_000_000);
//! for _ in 0..5 {
//!     breaker.record(Outcome::Failure, now, 0);
//! }
//! assert!(!breaker.is_closed(), "five failures in a row open it");
//!
//! let later = now + Duration::from_secs(5);
//! let probe = breaker.start_probe(later).ok_or("it is due")?;
//! assert_eq!(breaker.start_probe(later), None, "one probe at a time");
//! breaker.finish_probe(probe, Outcome::Success, later, 0);
//! assert!(breaker.is_closed());
//! # Ok::<(), &str>(())
//! ```

mod window;

use core::time::Duration;

use self::window::CallWindow;
use crate::{Backoff, Timestamp};

/// When a breaker opens, and how it comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerConfig {
    /// So many failures in a row open it.
    pub consecutive: u32,
    /// So many calls within [`span`](Self::span) make their failure rate count: half of them open it.
    pub calls: u32,
    /// How far back calls are counted.
    pub span: Duration,
    /// How long it stays closed before the next trip starts with the shortest delay again: one success does not
    /// reset that, so a store that flaps is not hammered.
    pub stable: Duration,
    /// After how long without an answer a probe has failed.
    pub probe_deadline: Duration,
    /// The delays between probes.
    pub backoff: Backoff,
    /// The longest pause of all: after the store [refused](Outcome::Refused) this client, and before the first probe of one that
    /// flaps, which doubles from trip to trip.
    pub longest_pause: Duration,
}

impl BreakerConfig {
    /// The same for a store that may take as long as `deadline` to answer: a probe has no less time than that, or else a
    /// store that needs it would never be asked again (L3).
    ///
    /// ```
    /// use std::time::Duration;
    /// use tidegate_core::BreakerConfig;
    ///
    /// let usual = BreakerConfig::default();
    /// assert_eq!(usual.for_deadline(Duration::from_millis(50)), usual);
    /// assert_eq!(usual.for_deadline(Duration::from_secs(3)).probe_deadline, Duration::from_secs(3));
    /// ```
    #[must_use]
    pub fn for_deadline(self, deadline: Duration) -> Self {
        Self {
            probe_deadline: self.probe_deadline.max(deadline),
            ..self
        }
    }
}

impl Default for BreakerConfig {
    /// 5 in a row, or half of at least 20 within 10 s; stable after 10 s; probes within 1 s; no pause above 5 s.
    fn default() -> Self {
        Self {
            consecutive: 5,
            calls: 20,
            span: Duration::from_secs(10),
            stable: Duration::from_secs(10),
            probe_deadline: Duration::from_secs(1),
            backoff: Backoff::default(),
            longest_pause: Duration::from_secs(5),
        }
    }
}

/// How a call to the store ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It answered in time. An error that concerns one key only is such an answer.
    Success,
    /// It did not answer, not in time, or not as a store that works does.
    Failure,
    /// It refuses this client (a password, a permission, TLS). That does not mend itself quickly, and it opens
    /// the breaker at once.
    Refused,
}

/// What changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transition {
    /// The store is not asked any more.
    Opened,
    /// The store is asked again.
    Closed,
}

/// Names a probe of one breaker, so that the late end of one that was given up is not taken for that of the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use = "the breaker waits for the end of every probe that it started"]
pub struct ProbeId(u64);

/// A circuit breaker for one endpoint.
#[derive(Clone, Debug)]
pub struct Breaker {
    config: BreakerConfig,
    state: State,
    /// The probe that was started last: the only one that is listened to.
    last_probe: ProbeId,
    /// How often it has opened since the last stable period.
    trips: u32,
    /// How many delays have been drawn since it opened.
    attempts: u32,
}

#[derive(Clone, Debug)]
enum State {
    Closed {
        since: Timestamp,
        in_a_row: u32,
        window: CallWindow,
    },
    Open {
        since: Timestamp,
        next_probe: Timestamp,
    },
    Probing {
        since: Timestamp,
        deadline: Timestamp,
    },
}

impl Breaker {
    /// A closed breaker.
    pub const fn new(config: BreakerConfig) -> Self {
        let state = State::Closed {
            since: Timestamp::EPOCH,
            in_a_row: 0,
            window: CallWindow::new(),
        };
        Self {
            config,
            state,
            last_probe: ProbeId(0),
            trips: 0,
            attempts: 0,
        }
    }

    /// Whether the store may be asked. If not, no I/O at all (L1).
    pub const fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed { .. })
    }

    /// Since when the store has not been asked; `None` while it is.
    pub const fn open_since(&self) -> Option<Timestamp> {
        match self.state {
            State::Closed { .. } => None,
            State::Open { since, .. } | State::Probing { since, .. } => Some(since),
        }
    }

    /// Takes note of how an ordinary call ended. `random` is 64 random bits, for the delay if this opens it.
    ///
    /// Calls that were under way when it opened say nothing new.
    pub fn record(&mut self, outcome: Outcome, now: Timestamp, random: u64) -> Option<Transition> {
        let State::Closed {
            since,
            in_a_row,
            window,
        } = &mut self.state
        else {
            return None;
        };
        window.record(outcome == Outcome::Success, now, self.config.span);
        *in_a_row = if outcome == Outcome::Success {
            0
        } else {
            in_a_row.saturating_add(1)
        };
        if outcome == Outcome::Success {
            if now.since(*since) >= self.config.stable {
                self.trips = 0;
            }
            return None;
        }
        let trips = outcome == Outcome::Refused
            || *in_a_row >= self.config.consecutive
            || window.mostly_fails(self.config.calls, now, self.config.span);
        if !trips {
            return None;
        }
        if now.since(*since) >= self.config.stable {
            self.trips = 0;
        }
        let longest = self.config.longest_pause.max(self.config.backoff.cap);
        let backoff = Backoff {
            cap: longest,
            ..self.config.backoff
        };
        let delay = backoff.delay(self.trips, random);
        (self.trips, self.attempts) = (self.trips.saturating_add(1), 0);
        self.open(now, now, outcome, delay);
        Some(Transition::Opened)
    }

    /// When the next probe may start; `None` while it is closed or a probe is under way that still has time.
    pub fn next_probe(&self) -> Option<Timestamp> {
        match self.state {
            State::Closed { .. } => None,
            State::Open { next_probe, .. } => Some(next_probe),
            State::Probing { deadline, .. } => Some(deadline),
        }
    }

    /// Starts a probe, if one is due: the caller then makes one call that writes, on a fresh connection, and
    /// reports its end by [`finish_probe`](Self::finish_probe). A probe that outlived its deadline is given up.
    pub fn start_probe(&mut self, now: Timestamp) -> Option<ProbeId> {
        let since = match self.state {
            State::Open { since, next_probe } if now >= next_probe => since,
            State::Probing { since, deadline } if now >= deadline => since,
            _ => return None,
        };
        self.state = State::Probing {
            since,
            deadline: now + self.config.probe_deadline,
        };
        self.last_probe = ProbeId(self.last_probe.0.wrapping_add(1));
        Some(self.last_probe)
    }

    /// How a probe ended. One that has ended already, or was given up for the next one, changes nothing: that one is under way.
    pub fn finish_probe(
        &mut self,
        probe: ProbeId,
        outcome: Outcome,
        now: Timestamp,
        random: u64,
    ) -> Option<Transition> {
        let (since, deadline) = match self.state {
            State::Probing { since, deadline } if probe == self.last_probe => (since, deadline),
            _ => return None,
        };
        if outcome == Outcome::Success && now <= deadline {
            self.state = State::Closed {
                since: now,
                in_a_row: 0,
                window: CallWindow::new(),
            };
            return Some(Transition::Closed);
        }
        let delay = self.config.backoff.delay(self.attempts, random);
        self.open(since, now, outcome, delay);
        None
    }

    fn open(&mut self, since: Timestamp, now: Timestamp, outcome: Outcome, delay: Duration) {
        let delay = match outcome {
            Outcome::Refused => self.config.longest_pause,
            _ => delay,
        };
        self.attempts = self.attempts.saturating_add(1);
        self.state = State::Open {
            since,
            next_probe: now + delay,
        };
    }
}
