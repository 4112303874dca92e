//! The limiter: what people call.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tidegate_core::{Decision, NameError, PolicyName, Provenance, Rule, Subject, Timestamp};
use tidegate_store::{Request, Store, StoreError};

use crate::{BuildError, LimiterBuilder, Policy, Wait, WaitError};

/// Decides whether a request may proceed. Clones are cheap and are the same limiter.
#[derive(Clone)]
pub struct Limiter {
    inner: Arc<Inner>,
}

struct Inner {
    store: Box<dyn Store>,
    policies: std::sync::RwLock<(Arc<[Policy]>, Arc<[Rule]>)>,
    version: AtomicU64,
}

impl Limiter {
    /// Begins a limiter on a store.
    pub fn builder(store: impl Store + 'static) -> LimiterBuilder {
        LimiterBuilder::new(Box::new(store))
    }

    pub(crate) fn from_builder(builder: LimiterBuilder) -> Result<Self, BuildError> {
        let policies: Arc<[Policy]> = builder.policies.into();
        let rules = rules(&policies)?;
        Ok(Self {
            inner: Arc::new(Inner {
                store: builder.store,
                policies: std::sync::RwLock::new((policies, rules)),
                version: AtomicU64::new(1),
            }),
        })
    }

    /// Decides a request of cost 1.
    pub async fn check(&self, subject: impl Into<Subject<'_>>) -> Decision {
        self.check_with_cost(subject, 1).await
    }

    /// Decides a request.
    pub async fn check_with_cost(&self, subject: impl Into<Subject<'_>>, cost: u64) -> Decision {
        let subject: Subject<'_> = subject.into();
        if let Some(decision) = self.try_check_with_cost(subject, cost) {
            return decision;
        }
        let rules = self.rules();
        let request = Request::new(subject, &rules).with_cost(cost);
        self.inner
            .store
            .acquire(&request)
            .await
            .unwrap_or_else(|_| unavailable(cost))
    }

    /// Decides a request of cost 1 at once, if that can be done.
    pub fn try_check<'a>(&self, subject: impl Into<Subject<'a>>) -> Option<Decision> {
        self.try_check_with_cost(subject, 1)
    }

    /// Decides a request at once, if that can be done.
    pub fn try_check_with_cost<'a>(
        &self,
        subject: impl Into<Subject<'a>>,
        cost: u64,
    ) -> Option<Decision> {
        let (subject, rules) = (subject.into(), self.rules());
        let request = Request::new(subject, &rules).with_cost(cost);
        let answer = self.inner.store.try_acquire(&request)?;
        Some(answer.unwrap_or_else(|_| unavailable(cost)))
    }

    /// Decides requests of cost 1 of several subjects, each for itself.
    pub async fn check_many<'a, S: Into<Subject<'a>>>(
        &self,
        subjects: impl IntoIterator<Item = S>,
    ) -> Vec<Decision> {
        let subjects: Vec<Subject<'a>> = subjects.into_iter().map(Into::into).collect();
        let mut decisions = Vec::with_capacity(subjects.len());
        for subject in subjects {
            decisions.push(self.check(subject).await);
        }
        decisions
    }

    /// What `check` would answer, charging nothing.
    ///
    /// # Errors
    ///
    /// If the store does not answer.
    pub async fn peek(&self, subject: impl Into<Subject<'_>>) -> Result<Decision, StoreError> {
        self.peek_with_cost(subject, 1).await
    }

    /// What `check_with_cost` would answer, charging nothing.
    ///
    /// # Errors
    ///
    /// If the store does not answer.
    pub async fn peek_with_cost(
        &self,
        subject: impl Into<Subject<'_>>,
        cost: u64,
    ) -> Result<Decision, StoreError> {
        let (subject, rules) = (subject.into(), self.rules());
        let request = Request::new(subject, &rules).with_cost(cost);
        self.inner.store.peek(&request).await
    }

    /// Forgets what the subject has used.
    ///
    /// # Errors
    ///
    /// If the store does not answer.
    pub async fn reset(&self, subject: impl Into<Subject<'_>>) -> Result<(), StoreError> {
        let (subject, rules) = (subject.into(), self.rules());
        self.inner.store.reset(&Request::new(subject, &rules)).await
    }

    /// Gives back what `decision` charged to the subject.
    ///
    /// # Errors
    ///
    /// If the store does not answer.
    #[allow(clippy::needless_pass_by_value)] // a decision is given back once
    pub async fn refund(
        &self,
        subject: impl Into<Subject<'_>>,
        decision: Decision,
    ) -> Result<(), StoreError> {
        let (subject, rules) = (subject.into(), self.rules());
        let request = Request::new(subject, &rules).with_cost(decision.cost());
        self.inner.store.refund(&request, &decision).await
    }

    /// Waits until a request of cost 1 is admitted.
    ///
    /// # Errors
    ///
    /// If it would exceed the deadline, or can never be.
    pub async fn until_admitted(
        &self,
        subject: impl Into<Subject<'_>>,
        wait: Wait,
    ) -> Result<Decision, WaitError> {
        self.until_admitted_with_cost(subject, 1, wait).await
    }

    /// Waits until a request is admitted.
    ///
    /// # Errors
    ///
    /// If it would exceed the deadline, or can never be.
    pub async fn until_admitted_with_cost(
        &self,
        subject: impl Into<Subject<'_>>,
        cost: u64,
        _wait: Wait,
    ) -> Result<Decision, WaitError> {
        let decision = self.check_with_cost(subject, cost).await;
        if decision.is_allowed() {
            Ok(decision)
        } else {
            Err(WaitError::Never { decision })
        }
    }

    /// Replaces the policies.
    ///
    /// # Errors
    ///
    /// As [`LimiterBuilder::build`].
    pub fn replace_policies(
        &self,
        policies: impl IntoIterator<Item = Policy>,
    ) -> Result<(), BuildError> {
        let policies: Arc<[Policy]> = policies.into_iter().collect();
        let rules = rules(&policies)?;
        let mut current = self
            .inner
            .policies
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        *current = (policies, rules);
        self.inner.version.fetch_add(1, Ordering::Release);
        Ok(())
    }

    /// The policies that hold.
    pub fn policies(&self) -> Arc<[Policy]> {
        self.inner
            .policies
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .0
            .clone()
    }

    /// Changes with every replacement of the policies.
    pub fn policy_version(&self) -> u64 {
        self.inner.version.load(Ordering::Acquire)
    }

    fn rules(&self) -> Arc<[Rule]> {
        self.inner
            .policies
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .1
            .clone()
    }
}

fn unavailable(cost: u64) -> Decision {
    let provenance = Provenance::Outage(tidegate_core::Fallback::Closed);
    Decision::uncounted(false, cost, Timestamp::EPOCH, provenance)
}

fn rules(policies: &[Policy]) -> Result<Arc<[Rule]>, BuildError> {
    if policies.is_empty() {
        return Err(BuildError::NoPolicies);
    }
    policies
        .iter()
        .map(|policy| {
            let name: &'static str = String::leak(policy.clone().into_name().into_owned());
            let name = PolicyName::new(name).map_err(|source: NameError| BuildError::Name {
                name: name.into(),
                source,
            })?;
            Ok(Rule::new(name, *policy.quota()).with_shadow(policy.is_shadow()))
        })
        .collect()
}
