//! A store that fails on demand, a clock that follows tokio's, and short ways to write policies.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use tidegate_limiter::{
    Algorithm, Capabilities, Clock, Decision, ErrorKind, Event, Limiter, LimiterBuilder, Observer,
    Policy, Provenance, Quota, Request, Rule, Store, StoreError, Timestamp, async_trait,
};
use tidegate_store_memory::MemoryStore;
use tokio::time::Instant;

/// What the store takes in one request.
pub(crate) const MOST_POLICIES: usize = 6;
pub(crate) const DEADLINE: Duration = Duration::from_millis(50);
/// A moment at which minutes, hours and days begin.
const START: Timestamp = Timestamp::from_secs(20_000 * 24 * 60 * 60);

/// Tells tokio's time, so that a paused runtime moves everything.
#[derive(Clone, Debug)]
pub(crate) struct TokioClock(Instant);

impl TokioClock {
    pub(crate) fn new() -> Self {
        Self(Instant::now())
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        START + self.0.elapsed()
    }
}

/// What the store does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Mode {
    Works,
    Fails(ErrorKind),
    Hangs,
    /// Answers after a while.
    Slow(Duration),
    /// Panics when it is polled.
    Panics,
    /// Panics before there is anything to poll, and in the synchronous call too.
    PanicsAtOnce,
    /// Answers, but for no policy at all.
    ForgetsPolicies,
    /// Answers, but for another policy.
    WrongPolicy,
    /// Answers, but for another cost.
    WrongCost,
}

/// A store in memory which does what its mode says. Clones are the same store.
#[derive(Clone)]
pub(crate) struct Unreliable {
    shared: Arc<Shared>,
}

struct Shared {
    memory: MemoryStore<TokioClock>,
    mode: Mutex<Mode>,
    immediate: bool,
    exact: bool,
    deadline: Option<Duration>,
    calls: AtomicUsize,
    in_flight: AtomicUsize,
    most_in_flight: AtomicUsize,
}

impl Unreliable {
    /// An exact store that must be awaited, as one across a network.
    pub(crate) fn remote() -> Self {
        Self::new(false, true)
    }

    /// An exact store that answers at once.
    pub(crate) fn immediate() -> Self {
        Self::new(true, true)
    }

    /// A store that must be awaited and is not exact, and leaves outages to the limiter.
    pub(crate) fn tiered() -> Self {
        Self::new(false, false)
    }

    /// A store that must be awaited and is not exact, and promises to answer in time by itself, as a tiered one.
    pub(crate) fn punctual(within: Duration) -> Self {
        Self::promising(false, false, Some(within))
    }

    /// An exact store that promises the same.
    pub(crate) fn punctual_remote(within: Duration) -> Self {
        Self::promising(false, true, Some(within))
    }

    fn new(immediate: bool, exact: bool) -> Self {
        Self::promising(immediate, exact, None)
    }

    fn promising(immediate: bool, exact: bool, deadline: Option<Duration>) -> Self {
        let memory = MemoryStore::builder().clock(TokioClock::new()).build();
        Self {
            shared: Arc::new(Shared {
                memory: memory.unwrap(),
                mode: Mutex::new(Mode::Works),
                immediate,
                exact,
                deadline,
                calls: AtomicUsize::new(0),
                in_flight: AtomicUsize::new(0),
                most_in_flight: AtomicUsize::new(0),
            }),
        }
    }

    pub(crate) fn set(&self, mode: Mode) {
        *self.mode() = mode;
    }

    /// How often it was asked anything that must be awaited.
    pub(crate) fn calls(&self) -> usize {
        self.shared.calls.load(Ordering::SeqCst)
    }

    /// How many calls were under way at once, at most, since this was last asked.
    pub(crate) fn take_most_in_flight(&self) -> usize {
        self.shared.most_in_flight.swap(0, Ordering::SeqCst)
    }

    /// How many units the subject has left under the rules, whatever the mode is.
    pub(crate) async fn remaining(&self, subject: &str, quota: Quota) -> u64 {
        let name = tidegate_limiter::PolicyName::new("p").unwrap();
        let rules = [Rule::new(name, quota)];
        let request = Request::new(subject, &rules);
        let decision = self.shared.memory.peek(&request).await.unwrap();
        decision.statuses()[0].remaining()
    }

    fn mode(&self) -> MutexGuard<'_, Mode> {
        self.shared.mode.lock().unwrap()
    }

    async fn misbehave(&self) -> Result<(), StoreError> {
        self.shared.calls.fetch_add(1, Ordering::SeqCst);
        let in_flight = self.shared.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        self.shared
            .most_in_flight
            .fetch_max(in_flight, Ordering::SeqCst);
        let _landing = Landing(&self.shared.in_flight);
        let mode = *self.mode();
        match mode {
            Mode::Fails(kind) => Err(StoreError::new(kind, "told to fail")),
            Mode::Panics => panic!("told to panic"),
            Mode::Hangs => std::future::pending().await,
            Mode::Slow(time) => {
                tokio::time::sleep(time).await;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn distorted(&self, request: &Request<'_>) -> Result<Decision, StoreError> {
        let mode = *self.mode();
        let other = Rule::new(
            tidegate_limiter::PolicyName::new("other").unwrap(),
            quota(1),
        );
        let (rules, cost) = match mode {
            Mode::ForgetsPolicies => {
                let now = TokioClock::new().now();
                let provenance = Provenance::Store;
                return Ok(Decision::uncounted(true, request.cost, now, provenance));
            }
            Mode::WrongPolicy => (std::slice::from_ref(&other), request.cost),
            Mode::WrongCost => (request.rules, request.cost + 1),
            _ => (request.rules, request.cost),
        };
        let request = Request {
            rules,
            cost,
            ..*request
        };
        self.shared.memory.try_acquire(&request).unwrap()
    }
}

struct Landing<'a>(&'a AtomicUsize);

impl Drop for Landing<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl Store for Unreliable {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            exact: self.shared.exact,
            immediate: self.shared.immediate,
            deadline: self.shared.deadline,
            max_policies: Some(MOST_POLICIES),
            ..Capabilities::EXACT
        }
    }

    fn try_acquire(&self, request: &Request<'_>) -> Option<Result<Decision, StoreError>> {
        let mode = *self.mode();
        assert!(mode != Mode::PanicsAtOnce, "told to panic");
        if !self.shared.immediate {
            return None;
        }
        match mode {
            Mode::Fails(kind) => Some(Err(StoreError::new(kind, "told to fail"))),
            Mode::Hangs | Mode::Slow(_) | Mode::Panics => None,
            _ => Some(self.distorted(request)),
        }
    }

    /// Written out, as it can be without async-trait: this may panic before there is a future.
    fn acquire<'s, 'r, 'q, 'f>(
        &'s self,
        request: &'r Request<'q>,
    ) -> Pin<Box<dyn Future<Output = Result<Decision, StoreError>> + Send + 'f>>
    where
        's: 'f,
        'r: 'f,
        'q: 'f,
    {
        let mode = *self.mode();
        assert!(mode != Mode::PanicsAtOnce, "told to panic");
        Box::pin(async move {
            self.misbehave().await?;
            self.distorted(request)
        })
    }

    async fn peek(&self, request: &Request<'_>) -> Result<Decision, StoreError> {
        self.misbehave().await?;
        self.shared.memory.peek(request).await
    }

    async fn refund(&self, request: &Request<'_>, decision: &Decision) -> Result<(), StoreError> {
        self.misbehave().await?;
        self.shared.memory.refund(request, decision).await
    }

    async fn reset(&self, request: &Request<'_>) -> Result<(), StoreError> {
        self.misbehave().await?;
        self.shared.memory.reset(request).await
    }
}

/// Remembers in words what it was told.
#[derive(Clone, Default)]
pub(crate) struct Diary(Arc<Mutex<Vec<String>>>);

impl Diary {
    /// What was told since this was last asked.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl Observer for Diary {
    fn observe(&self, event: &Event<'_>) {
        let words = match event {
            Event::Decided { decision, .. } => {
                let outcome = if decision.is_allowed() {
                    "allowed"
                } else {
                    "denied"
                };
                format!("{outcome} by {}", decision.provenance().as_str())
            }
            Event::StoreFailed {
                operation, error, ..
            } => {
                format!("{} failed: {}", operation.as_str(), error.kind())
            }
            Event::OutageBegan => "outage began".to_owned(),
            Event::OutageEnded { lasted, .. } => format!("outage ended after {lasted:?}"),
            Event::LookupFailed { error, .. } => format!("lookup failed: {error}"),
            _ => "something else".to_owned(),
        };
        self.0.lock().unwrap().push(words);
    }
}

/// `limit` per minute, fixed window.
pub(crate) fn quota(limit: u64) -> Quota {
    let quota = Quota::per_minute(limit).unwrap();
    quota.with_algorithm(Algorithm::FixedWindow).unwrap()
}

/// A policy "p" of `limit` per minute, fixed window.
pub(crate) fn policy(limit: u64) -> Policy {
    Policy::new("p", quota(limit))
}

/// A limiter on tokio's time.
pub(crate) fn builder(store: &Unreliable) -> LimiterBuilder {
    Limiter::builder(store.clone())
        .clock(TokioClock::new())
        .deadline(DEADLINE)
}

/// A limiter on tokio's time with one policy.
pub(crate) fn limiter(store: &Unreliable, policy: Policy) -> Limiter {
    builder(store).policy(policy).build().unwrap()
}

/// How many of `requests` are admitted.
pub(crate) async fn admitted(limiter: &Limiter, subject: &str, requests: usize) -> u64 {
    let mut admitted = 0;
    for _ in 0..requests {
        admitted += u64::from(limiter.check(subject).await.is_allowed());
    }
    admitted
}
