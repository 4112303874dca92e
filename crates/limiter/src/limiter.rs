//! The limiter: what people call.

use std::fmt;
use std::sync::Arc;

use tidegate_core::{Decision, Subject};
use tidegate_store::{Store, StoreError};
use tokio::time::{Instant, sleep};

use crate::engine::Engine;
use crate::policy_set::PolicySet;
use crate::{BuildError, LimiterBuilder, Policy, Wait, WaitError};

/// Decides whether requests may proceed, under some policies, on the counts of a store. Clones are cheap, and are
/// the same limiter.
///
/// A decision is never an error: where the store does not answer in time, each policy's outage setting decides,
/// and the decision says so ([`Decision::provenance`]).
///
/// ```
/// use tidegate_limiter::{Limiter, Policy, Quota};
/// use tidegate_store_memory::MemoryStore;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let limiter = Limiter::builder(MemoryStore::new())
///     .policy(Policy::new("burst", Quota::per_second(2)?))
///     .policy(Policy::new("daily", Quota::per_day(1000)?))
///     .build()?;
///
/// assert!(limiter.check("alice").await.is_allowed());
/// assert!(!limiter.check_with_cost("alice", 2).await.is_allowed());
/// assert!(limiter.check("bob").await.is_allowed());
///
/// let status = limiter.peek("alice").await?;
/// assert_eq!(status.statuses()[1].remaining(), 999);
/// # Ok(())
/// # }
/// ```
///
/// Waiting needs a tokio runtime with timers. Stores that answer at once, in memory, need none.
#[derive(Clone)]
pub struct Limiter {
    engine: Arc<Engine>,
}

impl Limiter {
    /// Begins a limiter on a store.
    pub fn builder(store: impl Store + 'static) -> LimiterBuilder {
        LimiterBuilder::new(Arc::new(store))
    }

    pub(crate) fn from_engine(engine: Engine) -> Self {
        Self {
            engine: Arc::new(engine),
        }
    }

    /// Decides a request that costs 1. Waits for the store no longer than the deadline (L1).
    ///
    /// Dropping the future, at any point, counts the request at most once (L6).
    pub async fn check(&self, subject: impl Into<Subject<'_>>) -> Decision {
        self.check_with_cost(subject, 1).await
    }

    /// Decides a request that costs as much as given. A cost of 0 looks without taking; one above a policy's
    /// limit is never admitted, whose [`retry_after`](Decision::retry_after) is `None`.
    pub async fn check_with_cost(&self, subject: impl Into<Subject<'_>>, cost: u64) -> Decision {
        self.engine.decide(subject.into(), cost).await
    }

    /// Decides a request that costs 1 at once, if that can be done: if the store answers at once and the subject's
    /// limits are at hand. `None` means that it must be awaited with [`check`](Self::check); nothing was counted
    /// then.
    ///
    /// ```
    /// use tidegate_limiter::{Limiter, Policy, Quota};
    /// use tidegate_store_memory::MemoryStore;
    ///
    /// let limiter = Limiter::builder(MemoryStore::new())
    ///     .policy(Policy::new("per-client", Quota::per_minute(1)?))
    ///     .build()?;
    /// assert!(limiter.try_check("alice").is_some_and(|decision| decision.is_allowed()));
    /// assert!(limiter.try_check("alice").is_some_and(|decision| !decision.is_allowed()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn try_check<'a>(&self, subject: impl Into<Subject<'a>>) -> Option<Decision> {
        self.try_check_with_cost(subject, 1)
    }

    /// As [`try_check`](Self::try_check), at the given cost.
    #[inline]
    pub fn try_check_with_cost<'a>(
        &self,
        subject: impl Into<Subject<'a>>,
        cost: u64,
    ) -> Option<Decision> {
        let mut slot = None;
        self.try_check_into(subject, cost, &mut slot);
        slot
    }

    /// As [`try_check_with_cost`](Self::try_check_with_cost), for those who have a place for the decision: it has some
    /// hundred bytes, and to move them takes a good part of the time in which one is reached. Whatever was in there is
    /// replaced, by `None` if the decision must be awaited.
    ///
    /// ```
    /// # use tidegate_limiter::{Limiter, Policy, Quota};
    /// # use tidegate_store_memory::MemoryStore;
    /// # let limiter = Limiter::builder(MemoryStore::new())
    /// #     .policy(Policy::new("per-client", Quota::per_minute(1)?))
    /// #     .build()?;
    /// let mut decision = None;
    /// limiter.try_check_into("alice", 1, &mut decision);
    /// assert!(decision.as_ref().is_some_and(|decision| decision.is_allowed()));
    /// limiter.try_check_into("alice", 1, &mut decision);
    /// assert!(decision.as_ref().is_some_and(|decision| !decision.is_allowed()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn try_check_into<'a>(
        &self,
        subject: impl Into<Subject<'a>>,
        cost: u64,
        slot: &mut Option<Decision>,
    ) {
        *slot = None;
        self.engine.try_decide(subject.into(), cost, slot);
    }

    /// Decides requests that cost 1, of several subjects, each for itself: one's denial does not keep another from
    /// being charged. They are decided in turn, in their order, each within the deadline.
    pub async fn check_many<'a, S: Into<Subject<'a>>>(
        &self,
        subjects: impl IntoIterator<Item = S>,
    ) -> Vec<Decision> {
        let subjects: Vec<Subject<'a>> = subjects.into_iter().map(Into::into).collect();
        let mut decisions = Vec::with_capacity(subjects.len());
        for subject in subjects {
            decisions.push(self.engine.decide(subject, 1).await);
        }
        decisions
    }

    /// What [`check`](Self::check) would answer now, charging nothing.
    ///
    /// # Errors
    ///
    /// If the store does not answer within the deadline. What an outage setting would decide is not known before it
    /// decides.
    pub async fn peek(&self, subject: impl Into<Subject<'_>>) -> Result<Decision, StoreError> {
        self.peek_with_cost(subject, 1).await
    }

    /// What [`check_with_cost`](Self::check_with_cost) would answer now, charging nothing.
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek).
    pub async fn peek_with_cost(
        &self,
        subject: impl Into<Subject<'_>>,
        cost: u64,
    ) -> Result<Decision, StoreError> {
        self.engine.peek(subject.into(), cost).await
    }

    /// Forgets what the subject has used under all policies, in the store and in this process.
    ///
    /// # Errors
    ///
    /// If the store does not answer within the deadline. It may have forgotten all the same.
    pub async fn reset(&self, subject: impl Into<Subject<'_>>) -> Result<(), StoreError> {
        self.engine.reset(subject.into()).await
    }

    /// Gives back what `decision`, an answer to this subject's request, charged: into the windows that it was
    /// charged to, and no later ones. A decision that charged nothing gives back nothing. What was charged in this
    /// process, because the store could not be reached, is given back in this process.
    ///
    /// It takes the decision, because a decision is given back once.
    ///
    /// ```
    /// # use tidegate_limiter::{Limiter, Policy, Quota};
    /// # use tidegate_store_memory::MemoryStore;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let limiter = Limiter::builder(MemoryStore::new())
    /// #     .policy(Policy::new("logins", Quota::per_hour(3)?))
    /// #     .build()?;
    /// // only failed logins count
    /// let decision = limiter.check("alice").await;
    /// let login_succeeded = true;
    /// if login_succeeded {
    ///     limiter.refund("alice", decision).await?;
    /// }
    /// assert_eq!(limiter.peek("alice").await?.statuses()[0].remaining(), 3);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// If the store does not answer within the deadline. It may have given back all the same.
    #[allow(clippy::needless_pass_by_value)]
    pub async fn refund(
        &self,
        subject: impl Into<Subject<'_>>,
        decision: Decision,
    ) -> Result<(), StoreError> {
        self.engine.refund(subject.into(), &decision).await
    }

    /// Waits until a request that costs 1 is admitted. Whoever drops the future is charged at most once (L6).
    ///
    /// ```
    /// # use tidegate_limiter::{Limiter, Policy, Quota};
    /// # use tidegate_store_memory::MemoryStore;
    /// use std::time::Duration;
    /// use tidegate_limiter::{Wait, WaitError};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let limiter = Limiter::builder(MemoryStore::new())
    /// #     .policy(Policy::new("jobs", Quota::per_day(1)?))
    /// #     .build()?;
    /// let wait = Wait::at_most(Duration::from_secs(10));
    /// limiter.until_admitted("job", wait).await?;
    /// let second = limiter.until_admitted("job", wait).await;
    /// assert!(matches!(second, Err(WaitError::DeadlineExceeded { .. })), "known at once, not after 10 s");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// If that would take longer than the deadline (at once, with the wait that it would have needed), if it can
    /// never be, or if the store cannot be reached until the deadline and a policy denies without it.
    ///
    /// # Panics
    ///
    /// If it has to wait and there is no tokio runtime with timers.
    pub async fn until_admitted(
        &self,
        subject: impl Into<Subject<'_>>,
        wait: Wait,
    ) -> Result<Decision, WaitError> {
        self.until_admitted_with_cost(subject, 1, wait).await
    }

    /// As [`until_admitted`](Self::until_admitted), at the given cost.
    ///
    /// # Errors
    ///
    /// As [`until_admitted`](Self::until_admitted).
    pub async fn until_admitted_with_cost(
        &self,
        subject: impl Into<Subject<'_>>,
        cost: u64,
        wait: Wait,
    ) -> Result<Decision, WaitError> {
        let subject = subject.into();
        let began = Instant::now();
        loop {
            let decision = self.engine.decide(subject, cost).await;
            if decision.is_allowed() {
                return Ok(decision);
            }
            sleep(wait.pause(began.elapsed(), decision.into())?).await;
        }
    }

    /// Replaces all policies, at once for all clones and threads. Counts are kept: a policy goes on with those of
    /// the policy before it that had its name, algorithm and window, whatever the limits are.
    ///
    /// # Errors
    ///
    /// As [`LimiterBuilder::build`]; the policies stay as they were then.
    pub fn replace_policies(
        &self,
        policies: impl IntoIterator<Item = Policy>,
    ) -> Result<(), BuildError> {
        let policies = policies.into_iter().collect();
        let set = PolicySet::for_store(policies, self.engine.store.capabilities())?;
        self.engine.policies.replace(set);
        Ok(())
    }

    /// The policies that hold.
    pub fn policies(&self) -> Arc<[Policy]> {
        Arc::clone(self.engine.policies.load().policies())
    }

    /// Runs `f`, once, on what `make` computes from the policies that hold. That is kept for all threads until the policies
    /// are replaced, one value for each type: what is told of them, for instance, need not be written anew for every request.
    ///
    /// ```
    /// use tidegate_limiter::{Limiter, Policy, Quota};
    /// use tidegate_store_memory::MemoryStore;
    ///
    /// struct Names(String);
    ///
    /// let limiter = Limiter::builder(MemoryStore::new())
    ///     .policy(Policy::new("burst", Quota::per_second(2)?))
    ///     .policy(Policy::new("daily", Quota::per_day(1000)?))
    ///     .build()?;
    /// let joined = |policies: &[Policy]| Names(policies.iter().map(Policy::name).collect());
    ///
    /// limiter.with_derived(joined, |names| assert_eq!(names.0, "burstdaily"));
    /// limiter.replace_policies([Policy::new("hourly", Quota::per_hour(9)?)])?;
    /// limiter.with_derived(joined, |names| assert_eq!(names.0, "hourly"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn with_derived<T: Send + Sync + 'static>(
        &self,
        make: impl Fn(&[Policy]) -> T,
        mut f: impl FnMut(&T),
    ) {
        self.engine
            .policies
            .with(|set| set.derived().with(|| make(set.policies()), &mut f));
    }

    /// Changes with every replacement of the policies, and is never that of another limiter of this process: a key
    /// for what is computed from the policies.
    #[inline]
    pub fn policy_version(&self) -> u64 {
        self.engine.policies.version()
    }

    /// Forgets the cached answer of an [`AsyncResolver`](crate::AsyncResolver) about the subject: its plan has
    /// changed, and the next request is to know.
    pub async fn forget_limits(&self, subject: impl Into<Subject<'_>>) {
        self.engine.limits.forget(subject.into()).await;
    }
}

impl fmt::Debug for Limiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limiter")
            .field("policies", &self.policies())
            .finish_non_exhaustive()
    }
}
