//! How a request is decided: the subject's limits, the store, and the outage settings where it does not answer.

use smallvec::SmallVec;
use tidegate_clock::Clock;
use tidegate_core::{Decision, Provenance, Rule, Subject};
use tidegate_store::{Request, StoreError};
use tracing::Instrument;
use tracing::field::Empty;

use crate::clock::AnyClock;
use crate::guarded::Guarded;
use crate::local::Local;
use crate::observers::Observers;
use crate::outage::OutageTracker;
use crate::policy_set::PolicySet;
use crate::replaceable::Replaceable;
use crate::resolver::{Applied, Source};

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
    /// Puts a decision into `slot`, which is empty, if that needs no waiting.
    ///
    /// A slot all the way down to the store, because a decision has some hundred bytes: to move it once takes a
    /// sixth of a decision's time.
    pub(crate) fn try_decide(&self, subject: Subject<'_>, cost: u64, slot: &mut Option<Decision>) {
        let began = self.observers.begin();
        self.policies
            .with(|set| self.try_under(set, subject, cost, slot));
        if let Some(decision) = slot {
            self.observers.decided(decision, began);
        }
    }

    /// Decides, waiting for the store as long as the deadline allows.
    pub(crate) async fn decide(&self, subject: Subject<'_>, cost: u64) -> Decision {
        // A store that never answers at once need not be asked whether it does, nor the resolver twice.
        if self.store.capabilities().immediate {
            let mut slot = None;
            self.try_decide(subject, cost, &mut slot);
            if let Some(decision) = slot {
                return decision;
            }
        }
        let began = self.observers.begin();
        let span = tracing::debug_span!("decide", cost, allowed = Empty, mode = Empty);
        let decision = self.wait_for(subject, cost).instrument(span.clone()).await;
        span.record("allowed", decision.is_allowed());
        span.record("mode", decision.provenance().as_str());
        self.observers.decided(&decision, began);
        decision
    }

    async fn wait_for(&self, subject: Subject<'_>, cost: u64) -> Decision {
        let set = self.policies.load();
        match self.limits.wait(subject, set.rules()).await {
            Applied::Uncounted { allowed } => self.uncounted(allowed, cost),
            Applied::Rules(rules) => {
                let rules = &rules;
                let request = Request {
                    subject,
                    rules,
                    cost,
                };
                match self.store.acquire(&request).await {
                    Ok(decision) => {
                        self.answered(&decision);
                        decision
                    }
                    Err(error) => self.without_store(&error, &request),
                }
            }
        }
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
                self.store
                    .peek(&Request {
                        subject,
                        rules,
                        cost,
                    })
                    .await
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
        // Without the store's answer it was charged here, unless the store decides outages by itself.
        let without_store = matches!(decision.provenance(), Provenance::Outage(_));
        if without_store && !self.store.capabilities().decides_outages() {
            return self.local.refund(&request, decision).await;
        }
        self.store.refund(&request, decision).await
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

    /// Puts a decision into `slot`, or nothing if it must be awaited.
    #[inline]
    fn try_under(
        &self,
        set: &PolicySet,
        subject: Subject<'_>,
        cost: u64,
        slot: &mut Option<Decision>,
    ) {
        if let Source::None = self.limits {
            let request = Request {
                subject,
                rules: set.rules(),
                cost,
            };
            self.try_rules(&request, slot);
        } else {
            self.try_limits(set, subject, cost, slot);
        }
    }

    /// As [`try_under`](Self::try_under), under the subject's own limits. Apart, because their rules take much room on
    /// the stack.
    #[inline(never)]
    fn try_limits(
        &self,
        set: &PolicySet,
        subject: Subject<'_>,
        cost: u64,
        slot: &mut Option<Decision>,
    ) {
        match self.limits.now(subject, set.rules()) {
            None => {}
            Some(Applied::Uncounted { allowed }) => *slot = Some(self.uncounted(allowed, cost)),
            Some(Applied::Rules(rules)) => {
                let request = Request {
                    subject,
                    rules: &rules,
                    cost,
                };
                self.try_rules(&request, slot);
            }
        }
    }

    #[inline]
    fn try_rules(&self, request: &Request<'_>, slot: &mut Option<Decision>) {
        match self.store.try_acquire(request, slot) {
            Ok(()) => {
                if let Some(decision) = slot {
                    self.answered(decision);
                }
            }
            Err(error) => self.without_store_into(&error, request, slot),
        }
    }

    /// The store decided.
    #[inline]
    fn answered(&self, decision: &Decision) {
        let now = || self.clock.now();
        self.outage.answered(decision, now, &self.observers);
    }

    // Apart, because a decision that is moved takes room on the stack.
    #[cold]
    #[inline(never)]
    fn without_store_into(
        &self,
        error: &StoreError,
        request: &Request<'_>,
        slot: &mut Option<Decision>,
    ) {
        *slot = Some(self.without_store(error, request));
    }

    /// The store did not decide, so the outage settings do.
    #[cold]
    fn without_store(&self, error: &StoreError, request: &Request<'_>) -> Decision {
        let lasted = self.outage.failed(error, self.clock.now(), &self.observers);
        if self.store.capabilities().decides_outages() {
            // It counts by itself, or has failed to: what is counted here as well would be admitted twice.
            return self.local.decide_uncounted(request, lasted);
        }
        self.local.decide(request, lasted)
    }

    async fn reset_under(&self, subject: Subject<'_>, rules: &[Rule]) -> Result<(), StoreError> {
        let request = Request::new(subject, rules);
        self.local.reset(&request).await?;
        self.store.reset(&request).await
    }

    fn uncounted(&self, allowed: bool, cost: u64) -> Decision {
        Decision::uncounted(allowed, cost, self.clock.now(), Provenance::Resolved)
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
