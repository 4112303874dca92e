//! Who is compared: each from a borrowed string key to an answer, its clock read included.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use governor::clock::DefaultClock;
use governor::state::keyed::DashMapStateStore;
use governor::{RateLimiter, middleware::NoOpMiddleware};
use tidegate_limiter::{Limiter, Policy, PolicyName, Quota, Rule};
use tidegate_store::{Request, Store};
use tidegate_store_memory::MemoryStore;

/// Which answer the requests are to get, once every key is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The limit is far away.
    Allowed,
    /// The limit was reached before.
    Denied,
}

impl Answer {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Allowed, Self::Denied];

    /// The name in the report.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Denied => "denied",
        }
    }
}

/// The most that governor can take, per second; the same for everybody.
const PLENTY: u32 = 1_000_000_000;

/// A limiter under test.
pub trait Contestant: Send + Sync {
    /// For a table of up to a million keys.
    fn new(answer: Answer) -> Result<Self>
    where
        Self: Sized;

    /// Whether the request may proceed.
    #[allow(clippy::ptr_arg, reason = "governor's map of strings takes no less")]
    fn check(&self, key: &String) -> bool;

    /// Waits until what new keys have set going in the background is done.
    fn settle(&self) -> Result<()> {
        Ok(())
    }
}

/// governor as its documentation has it: keyed, in a `DashMap`, on its default clock.
pub struct Governor(
    RateLimiter<
        String,
        DashMapStateStore<String>,
        DefaultClock,
        NoOpMiddleware<<DefaultClock as governor::clock::Clock>::Instant>,
    >,
);

impl Contestant for Governor {
    fn new(answer: Answer) -> Result<Self> {
        let quota = match answer {
            Answer::Allowed => {
                governor::Quota::per_second(NonZeroU32::new(PLENTY).context("it is not 0")?)
            }
            Answer::Denied => governor::Quota::with_period(Duration::from_secs(24 * 60 * 60))
                .context("a day is not 0")?,
        };
        Ok(Self(RateLimiter::dashmap(quota)))
    }

    #[inline]
    fn check(&self, key: &String) -> bool {
        self.0.check_key(key).is_ok()
    }
}

/// tidegate's limiter on its memory store, one policy, the default algorithm.
pub struct Tidegate(Limiter);

impl Contestant for Tidegate {
    fn new(answer: Answer) -> Result<Self> {
        let limiter = Limiter::builder(MemoryStore::new());
        let limiter = limiter.policy(Policy::new("per-client", quota(answer)?));
        Ok(Self(limiter.build()?))
    }

    #[inline]
    fn check(&self, key: &String) -> bool {
        let decision = self.0.try_check(key);
        decision.is_some_and(|decision| decision.is_allowed())
    }
}

/// The store alone, as the limiter calls it: what the limiter adds can be seen from this.
pub struct StoreAlone {
    store: Arc<dyn Store>,
    rules: [Rule; 1],
}

impl Contestant for StoreAlone {
    fn new(answer: Answer) -> Result<Self> {
        let name = PolicyName::new("per-client")?;
        Ok(Self {
            store: Arc::new(MemoryStore::new()),
            rules: [Rule::new(name, quota(answer)?)],
        })
    }

    #[inline]
    fn check(&self, key: &String) -> bool {
        let mut slot = None;
        let answer = self
            .store
            .try_acquire_into(&Request::new(key, &self.rules), &mut slot);
        answer.is_ok() && slot.is_some_and(|decision| decision.is_allowed())
    }
}

fn quota(answer: Answer) -> Result<Quota> {
    Ok(match answer {
        Answer::Allowed => Quota::per_second(u64::from(PLENTY))?,
        Answer::Denied => Quota::per_day(1)?,
    })
}
