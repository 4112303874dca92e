//! How a request is decided: the subject's limits, the store, and the outage settings where it does not answer.

use smallvec::SmallVec;
use tidegate_clock::Clock;
use tidegate_core::{Decision, Provenance, Rule, Subject};
use tidegate_store::{Request, StoreError};
use tokio::time::Instant;

use crate::clock::AnyClock;
use crate::guarded::Guarded;
use crate::local::Local;
use crate::observers::Observers;
use crate::outage::OutageTracker;
use crate::policy_set::PolicySet;
use crate::replaceable::Replaceable;
use crate::resolver::{Applied, Source};
use crate::{Event, Operation};

pub(crate) struct Engine {
    pub(crate) store: Guarded,
    pub(crate) policies: Replaceable,
    pub(crate) limits: Source,
    pub(crate) outage: OutageTracker,
    pub(crate) observers: Observers,
    pub(crate) local: Local,
    pub(crate) clock: AnyClock,
}

impl Engine {
    /// Decides, if that needs no waiting.
    #[inline]
    pub(crate) fn try_decide(&self, subject: Subject<'_>, cost: u64) -> Option<Decision> {
        let began = self.observers.begin();
        let decision = self
            .policies
            .with(|set| self.try_under(set, subject, cost))?;
        self.observers.decided(&decision, began);
        Some(decision)
    }

    /// Decides, waiting for the store until `until` at the latest.
    pub(crate) async fn decide(
        &self,
        subject: Subject<'_>,
        cost: u64,
        until: impl FnOnce() -> Instant,
    ) -> Decision {
        if let Some(decision) = self.try_decide(subject, cost) {
            return decision;
        }
        let began = self.observers.begin();
        let set = self.policies.load();
        let decision = match self.limits.wait(subject, set.rules()).await {
            Applied::Uncounted { allowed } => self.uncounted(allowed, cost),
            Applied::Rules(rules) => {
                let rules = &rules;
                let request = Request {
                    subject,
                    rules,
                    cost,
                };
                let answer = self.store.acquire(&request, until()).await;
                self.settled(answer, &request)
            }
        };
        self.observers.decided(&decision, began);
        decision
    }

    pub(crate) async fn peek(
        &self,
        subject: Subject<'_>,
        cost: u64,
    ) -> Result<Decision, StoreError> {
        let set = self.policies.load();
        match self.limits.wait(subject, set.rules()).await {
            Applied::Uncounted { allowed } => Ok(self.uncounted(allowed, cost)),
            Applied::Rules(rules) => {
                let rules = &rules;
                let answer = self
                    .store
                    .peek(&Request {
                        subject,
                        rules,
                        cost,
                    })
                    .await;
                self.reported(Operation::Peek, answer)
            }
        }
    }

    /// Gives back what the decision charged, where it was charged: the policies, or the subject's limits, may
    /// have changed since.
    pub(crate) async fn refund(
        &self,
        subject: Subject<'_>,
        decision: &Decision,
    ) -> Result<(), StoreError> {
        if !decision.is_allowed() || decision.cost() == 0 || decision.statuses().is_empty() {
            return Ok(());
        }
        let rules = charged_rules(decision, &self.policies.load());
        let request = Request {
            subject,
            rules: &rules,
            cost: decision.cost(),
        };
        if matches!(decision.provenance(), Provenance::Outage(_)) {
            return self.local.refund(&request, decision).await;
        }
        let answer = self.store.refund(&request, decision).await;
        self.reported(Operation::Refund, answer)
    }

    /// Forgets what the subject has used, under the policies' own quotas and under its own.
    pub(crate) async fn reset(&self, subject: Subject<'_>) -> Result<(), StoreError> {
        let set = self.policies.load();
        self.reset_under(subject, set.rules()).await?;
        match self.limits.wait(subject, set.rules()).await {
            Applied::Rules(own) if own.iter().any(|rule| counts_apart(rule, &set)) => {
                self.reset_under(subject, &own).await
            }
            _ => Ok(()),
        }
    }

    #[inline]
    fn try_under(&self, set: &PolicySet, subject: Subject<'_>, cost: u64) -> Option<Decision> {
        if let Source::None = self.limits {
            return self.try_rules(Request {
                subject,
                rules: set.rules(),
                cost,
            });
        }
        match self.limits.now(subject, set.rules())? {
            Applied::Uncounted { allowed } => Some(self.uncounted(allowed, cost)),
            Applied::Rules(rules) => self.try_rules(Request {
                subject,
                rules: &rules,
                cost,
            }),
        }
    }

    #[inline]
    fn try_rules(&self, request: Request<'_>) -> Option<Decision> {
        let answer = self.store.try_acquire(&request)?;
        Some(self.settled(answer, &request))
    }

    /// The store's decision, or without one, that of the outage settings.
    #[inline]
    fn settled(&self, answer: Result<Decision, StoreError>, request: &Request<'_>) -> Decision {
        match answer {
            Ok(decision) => {
                let now = || self.clock.now();
                self.outage.answered(&decision, now, &self.observers);
                decision
            }
            Err(error) => self.without_store(&error, request),
        }
    }

    #[cold]
    fn without_store(&self, error: &StoreError, request: &Request<'_>) -> Decision {
        self.store_failed(Operation::Acquire, error);
        let lasted = self.outage.failed(error, self.clock.now(), &self.observers);
        self.local.decide(request, lasted)
    }

    async fn reset_under(&self, subject: Subject<'_>, rules: &[Rule]) -> Result<(), StoreError> {
        let request = Request::new(subject, rules);
        self.local.reset(&request).await?;
        let answer = self.store.reset(&request).await;
        self.reported(Operation::Reset, answer)
    }

    fn uncounted(&self, allowed: bool, cost: u64) -> Decision {
        Decision::uncounted(allowed, cost, self.clock.now(), Provenance::Resolved)
    }

    fn reported<T>(
        &self,
        operation: Operation,
        answer: Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        answer.inspect_err(|error| self.store_failed(operation, error))
    }

    fn store_failed(&self, operation: Operation, error: &StoreError) {
        self.observers
            .notify(&Event::StoreFailed { operation, error });
    }
}

/// The rules that a decision was taken under, as it remembers them.
fn charged_rules(decision: &Decision, set: &PolicySet) -> SmallVec<[Rule; 2]> {
    let rules = decision.statuses().iter().map(|status| {
        let name = status.name();
        let rule = set.rule(name).copied();
        let rule = rule.unwrap_or_else(|| Rule::new(name, *status.quota()));
        rule.with_quota(*status.quota())
            .with_shadow(status.is_shadow())
    });
    rules.collect()
}

fn counts_apart(rule: &Rule, set: &PolicySet) -> bool {
    set.rules().iter().all(|policy| policy.id() != rule.id())
}
