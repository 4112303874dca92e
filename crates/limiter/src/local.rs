//! What is decided in this process while the store cannot be reached.

use std::time::Duration;

use smallvec::SmallVec;
use tidegate_clock::Clock;
use tidegate_core::{Decision, Fallback, Provenance, Rule};
use tidegate_store::{Request, Store, StoreError};
use tidegate_store_memory::MemoryStore;

use crate::clock::AnyClock;
use crate::share::share;

/// Counts for the policies whose outage setting counts, and answers for those whose setting does not.
///
/// Counts are kept from one outage to the next, so that a store that comes and goes within a window does not
/// let a node's share be admitted again and again.
pub(crate) struct Local {
    counts: MemoryStore<AnyClock>,
    clock: AnyClock,
    nodes: u32,
}

impl Local {
    pub(crate) fn new(
        nodes: u32,
        max_entries: usize,
        clock: AnyClock,
    ) -> Result<Self, tidegate_store_memory::BuildError> {
        let counts = MemoryStore::builder().max_entries(max_entries);
        Ok(Self {
            counts: counts.clock(clock.clone()).build()?,
            clock,
            nodes,
        })
    }

    /// Decides without the store, which has not answered for `lasted`. All or nothing, as ever: one closed policy
    /// denies, open ones take no part, the others are charged together.
    pub(crate) fn decide(&self, request: &Request<'_>, lasted: Duration) -> Decision {
        let plan = Plan::new(request.rules, lasted, self.nodes);
        let decision = if plan.counted.is_empty() || plan.denies {
            self.uncounted(request.cost, true, plan.fallback)
        } else {
            self.counted(request, &plan)
        };
        decision.closed_by(request.rules, lasted)
    }

    fn counted(&self, request: &Request<'_>, plan: &Plan) -> Decision {
        let counted = Request {
            rules: &plan.counted,
            ..*request
        };
        match self.counts.try_acquire(&counted) {
            Some(Ok(decision)) => decision.with_provenance(Provenance::Outage(plan.fallback)),
            // Memory always answers.
            Some(Err(_)) | None => self.uncounted(request.cost, false, Fallback::Closed),
        }
    }

    /// The same where nothing is counted: what a setting would count is denied as unavailable.
    pub(crate) fn decide_uncounted(&self, request: &Request<'_>, lasted: Duration) -> Decision {
        let plan = Plan::new(request.rules, lasted, self.nodes);
        let counts = plan.counted.iter().any(|rule| !rule.is_shadow());
        if plan.denies || counts {
            return self.uncounted(request.cost, false, Fallback::Closed);
        }
        self.uncounted(request.cost, true, Fallback::Open)
    }

    /// Gives back what was charged here.
    pub(crate) async fn refund(
        &self,
        request: &Request<'_>,
        decision: &Decision,
    ) -> Result<(), StoreError> {
        self.counts.refund(request, decision).await
    }

    /// Forgets what was charged here.
    pub(crate) async fn reset(&self, request: &Request<'_>) -> Result<(), StoreError> {
        self.counts.reset(request).await
    }

    fn uncounted(&self, cost: u64, allowed: bool, fallback: Fallback) -> Decision {
        let provenance = Provenance::Outage(fallback);
        Decision::uncounted(allowed, cost, self.clock.now(), provenance)
    }
}

/// What the policies' outage settings come to together.
struct Plan {
    counted: SmallVec<[Rule; 2]>,
    denies: bool,
    /// The setting that the decision names: of those that enforce, the strictest; where all only report, of these.
    fallback: Fallback,
}

impl Plan {
    fn new(rules: &[Rule], lasted: Duration, nodes: u32) -> Self {
        let mut plan = Self {
            counted: SmallVec::new(),
            denies: false,
            fallback: Fallback::Open,
        };
        let all_report = rules.iter().all(Rule::is_shadow);
        for rule in rules {
            let fallback = rule.outage().after(lasted);
            match fallback {
                Fallback::Share => {
                    let quota = share(rule.quota(), nodes);
                    plan.counted.push(rule.with_quota(quota));
                }
                Fallback::Full => plan.counted.push(*rule),
                Fallback::Closed => plan.denies |= !rule.is_shadow(),
                Fallback::Open => {}
            }
            let is_named = all_report || !rule.is_shadow();
            if is_named && strictness(fallback) > strictness(plan.fallback) {
                plan.fallback = fallback;
            }
        }
        plan
    }
}

fn strictness(fallback: Fallback) -> u8 {
    match fallback {
        Fallback::Open => 0,
        Fallback::Full => 1,
        Fallback::Share => 2,
        Fallback::Closed => 3,
    }
}
