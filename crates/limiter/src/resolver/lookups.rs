//! Limits that take time to look up, cached: a request waits for its subject's first answer, and hardly ever for
//! a later one.
//!
//! | the answer is | a request |
//! |---|---|
//! | younger than the time to live | uses it |
//! | up to twice as old | uses it, and starts a lookup in the background |
//! | older, or not there | waits for a lookup, up to the deadline; then it uses what it has |
//! | not to be had (the lookup failed, or is late) | uses the last known one, or the policies' own, at once |
//!
//! moka keeps the answers and bounds their number. Their age is kept here, because an answer that is out of date
//! must stay at hand as long as there is no better one.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use moka::future::Cache;
use moka::policy::EvictionPolicy;
use tidegate_core::Subject;
use tokio::runtime::Handle;
use tokio::time::Instant;

use super::flights::{Flights, Landed, Landing, Takeoff};
use super::{AsyncResolver, Limits, LookupError, LookupSettings};
use crate::Event;
use crate::bounded::bounded;
use crate::observers::Observers;

/// How long a resolver may take at all. One that hangs is asked again after that.
const LONGEST_LOOKUP: Duration = Duration::from_secs(10);
/// How soon a failed lookup is tried again, unless the time to live is shorter.
const RETRY: Duration = Duration::from_secs(1);

pub(crate) struct Lookups {
    resolver: Box<dyn AsyncResolver>,
    settings: LookupSettings,
    answers: Cache<Box<[u8]>, Arc<Answer>>,
    flights: Flights,
    observers: Observers,
}

/// What is known of one subject. By default, nothing.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) limits: Limits,
    /// Until when it is used without another lookup.
    fresh_until: Option<Instant>,
    /// From when on a request rather waits for another: never, after a failed lookup.
    old_from: Option<Instant>,
}

impl Lookups {
    pub(crate) fn new(
        resolver: Box<dyn AsyncResolver>,
        settings: LookupSettings,
        observers: Observers,
    ) -> Arc<Self> {
        let answers = Cache::builder()
            .max_capacity(settings.capacity)
            // The default policy refuses new subjects while the cache is full of known ones.
            .eviction_policy(EvictionPolicy::lru())
            .build();
        Arc::new(Self {
            resolver,
            settings,
            answers,
            flights: Flights::default(),
            observers,
        })
    }

    /// What is known of the subject, if that needs no waiting.
    pub(crate) fn now(self: &Arc<Self>, subject: Subject<'_>) -> Option<Arc<Answer>> {
        let get = pin!(self.answers.get(subject.as_bytes()));
        match get.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(known) => self.usable(subject, known).ok(),
            Poll::Pending => None,
        }
    }

    /// What is known of the subject, after a lookup if need be.
    pub(crate) async fn wait(self: &Arc<Self>, subject: Subject<'_>) -> Arc<Answer> {
        let key = subject.as_bytes();
        let last = match self.usable(subject, self.answers.get(key).await) {
            Ok(answer) => return answer,
            Err(last) => last,
        };
        let Some(mut landed) = self.look_up(subject) else {
            return last;
        };
        let deadline = self.settings.deadline;
        let in_time = bounded(deadline, landed.changed()).await;
        if in_time.is_err() && self.flights.mark_late(key) {
            let error = format!("no answer within the deadline of {deadline:?}");
            self.tell_failed(&*LookupError::from(error));
        }
        self.answers.get(key).await.unwrap_or(last)
    }

    /// Forgets what is known of the subject.
    pub(crate) async fn forget(&self, subject: Subject<'_>) {
        self.answers.invalidate(subject.as_bytes()).await;
    }

    /// The answer, if it can be used as it is; otherwise the answer to fall back to.
    fn usable(
        self: &Arc<Self>,
        subject: Subject<'_>,
        known: Option<Arc<Answer>>,
    ) -> Result<Arc<Answer>, Arc<Answer>> {
        let now = Instant::now();
        match known {
            Some(answer) if answer.is_fresh(now) => Ok(answer),
            Some(answer) if !answer.is_old(now) => {
                self.look_up(subject);
                Ok(answer)
            }
            last => {
                let last = last.unwrap_or_default();
                if self.flights.is_late(subject.as_bytes()) {
                    Ok(last)
                } else {
                    Err(last)
                }
            }
        }
    }

    /// Sees to it that the subject is being looked up, in a task of its own: the request that wants to know may be
    /// dropped, or tired of waiting, and others wait too. `None` if that cannot be done now.
    fn look_up(self: &Arc<Self>, subject: Subject<'_>) -> Option<Landed> {
        let runtime = Handle::try_current().ok()?;
        match self.flights.join_or_start(subject.as_bytes()) {
            Takeoff::Joined(landed) => Some(landed),
            Takeoff::Started(landing, landed) => {
                runtime.spawn(Arc::clone(self).fetch(landing));
                Some(landed)
            }
            Takeoff::Refused => None,
        }
    }

    async fn fetch(self: Arc<Self>, landing: Landing) {
        let key = landing.key();
        let asked = bounded(LONGEST_LOOKUP, async {
            self.resolver.limits(Subject::new(key)).await
        });
        let answer = match asked.await.unwrap_or_else(|failed| Err(failed.into())) {
            Ok(limits) => Answer::new(limits, self.settings.time_to_live),
            Err(error) => {
                self.tell_failed(&*error);
                let last = self.answers.get(key).await.unwrap_or_default();
                Answer::after_failure(&last, self.settings.time_to_live)
            }
        };
        self.answers.insert(key.into(), Arc::new(answer)).await;
    }

    fn tell_failed(&self, error: &(dyn std::error::Error + Send + Sync + 'static)) {
        self.observers.notify(&Event::LookupFailed { error });
    }
}

impl Answer {
    fn new(limits: Limits, time_to_live: Duration) -> Self {
        let now = Instant::now();
        Self {
            limits,
            fresh_until: Some(now + time_to_live),
            old_from: Some(now + 2 * time_to_live),
        }
    }

    fn after_failure(last: &Self, time_to_live: Duration) -> Self {
        Self {
            limits: last.limits.clone(),
            fresh_until: Some(Instant::now() + RETRY.min(time_to_live)),
            old_from: None,
        }
    }

    fn is_fresh(&self, now: Instant) -> bool {
        self.fresh_until.is_some_and(|until| now < until)
    }

    fn is_old(&self, now: Instant) -> bool {
        self.old_from.is_some_and(|from| from <= now)
    }
}
