//! Decisions without the store: by each policy's outage setting.

use core::time::Duration;

use smallvec::SmallVec;

use super::Group;
use crate::tiered::replica::Isolated;
use crate::tiered::{Mode, View};
use crate::{Decision, Fallback, Provenance, Quota, Rule, Status, Timestamp, Usage};

impl Group {
    /// Decides by the policies' outage settings. `unanswered`: the store was asked and may have granted the cost.
    pub fn decide_without_store(
        &mut self,
        rules: &[Rule],
        cost: u64,
        view: &View,
        unanswered: bool,
        now: Timestamp,
    ) -> Decision {
        let lasted = match view.mode {
            Mode::Out { lasted } => lasted,
            Mode::Connected | Mode::Returning => Duration::ZERO,
        };
        self.roll(now);
        self.decide_isolated(rules, cost, view, lasted, unanswered, now)
    }

    /// What each policy enforces here and now, and the usage that counts against it.
    fn enforced(&self, rule: &Rule, fallback: Fallback, view: &View) -> Option<(Quota, Usage)> {
        let (quota, replica) = (rule.quota(), &self.members.find(rule)?.replica);
        Some(match fallback {
            Fallback::Share => {
                let share = replica.share(view);
                let usage = if view.mode == Mode::Returning {
                    replica.estimate_returning(quota, share)
                } else {
                    replica.estimate_within(quota, share)
                };
                (quota.share(share), usage)
            }
            Fallback::Full | Fallback::Open | Fallback::Closed => (*quota, replica.estimate(quota)),
        })
    }

    pub(super) fn decide_isolated(
        &mut self,
        rules: &[Rule],
        cost: u64,
        view: &View,
        lasted: Duration,
        unanswered: bool,
        now: Timestamp,
    ) -> Decision {
        let mut statuses: SmallVec<[Status; 2]> = SmallVec::new();
        let mut provenance = None;
        for rule in rules {
            let fallback = rule.outage().after(lasted);
            let Some((quota, usage)) = self.enforced(rule, fallback, view) else {
                continue;
            };
            let usage = quota.brought_forward(usage, now);
            let violated = match fallback {
                Fallback::Open => false,
                Fallback::Closed => true,
                Fallback::Share | Fallback::Full => cost > 0 && !quota.admits(usage, cost, now),
            };
            if violated && fallback == Fallback::Closed && !rule.is_shadow() {
                self.ask_on();
                let closed = Provenance::Outage(Fallback::Closed);
                return Decision::uncounted(true, cost, now, closed).closed_by(rules, lasted);
            }
            if provenance.is_none() || (violated && !rule.is_shadow()) {
                provenance = Some(fallback);
            }
            let part = rule.with_part(quota);
            statuses.push(Status::new(&part, usage, now, cost, violated));
        }
        let decision = Decision::new(now, cost, statuses);
        self.isolate(rules);
        let decision = if decision.is_allowed() && cost > 0 {
            self.charge_isolated(rules, &decision, unanswered, now)
        } else {
            self.ask_on();
            decision
        };
        decision.with_provenance(Provenance::Outage(provenance.unwrap_or(Fallback::Open)))
    }

    fn isolate(&mut self, rules: &[Rule]) {
        for rule in rules {
            if let Some(member) = self.members.find_mut(rule) {
                member.replica.isolate(rule.quota());
            }
        }
    }

    fn charge_isolated(
        &mut self,
        rules: &[Rule],
        decision: &Decision,
        unanswered: bool,
        now: Timestamp,
    ) -> Decision {
        let mut statuses: SmallVec<[Status; 2]> = SmallVec::new();
        for (rule, status) in rules.iter().zip(decision.statuses()) {
            let mut usage = status.usage();
            if status.counts_admitted()
                && let Some(member) = self.members.find_mut(rule)
            {
                let admitted = Isolated {
                    part: status.quota(),
                    cost: decision.cost(),
                    unanswered,
                };
                member.replica.admit_isolated(rule.quota(), admitted, now);
                usage = status.quota().charged(usage, decision.cost(), now);
            }
            let part = rule.with_part(*status.quota());
            statuses.push(Status::new(
                &part,
                usage,
                now,
                decision.cost(),
                status.is_violated(),
            ));
        }
        self.untold_since.set_once(now);
        Decision::new(now, decision.cost(), statuses)
    }

    /// The store answers, and no share holds.
    #[inline]
    pub(super) fn follow(&mut self, rules: &[Rule]) {
        for rule in rules {
            if let Some(member) = self.members.find_mut(rule) {
                member.replica.follow(rule.quota());
            }
        }
    }

    /// While returning, what was granted meanwhile is taken out of the shares.
    fn settle(&mut self, rules: &[Rule], view: &View, now: Timestamp) {
        for rule in rules {
            if let Some(member) = self.members.find_mut(rule) {
                let (quota, share) = (rule.quota(), member.replica.share(view));
                member.replica.settle(quota, &quota.share(share), now);
            }
        }
    }

    /// While returning, what the shares of the policies that fall back on them deny. The others hold as ever.
    pub(super) fn denied_by_share(
        &mut self,
        rules: &[Rule],
        cost: u64,
        view: &View,
        now: Timestamp,
    ) -> Option<Decision> {
        self.settle(rules, view, now);
        let mut denied = false;
        let mut statuses: SmallVec<[Status; 2]> = SmallVec::new();
        for rule in rules {
            let shares = rule.outage().after(Duration::ZERO) == Fallback::Share;
            let enforces = if shares {
                Fallback::Share
            } else {
                Fallback::Full
            };
            let Some((quota, usage)) = self.enforced(rule, enforces, view) else {
                continue;
            };
            let usage = quota.brought_forward(usage, now);
            let violated = cost > 0 && !quota.admits(usage, cost, now);
            denied |= violated && shares && !rule.is_shadow();
            statuses.push(Status::new(
                &rule.with_part(quota),
                usage,
                now,
                cost,
                violated,
            ));
        }
        if !denied {
            return None;
        }
        self.isolate(rules);
        let provenance = Provenance::Outage(Fallback::Share);
        Some(Decision::new(now, cost, statuses).with_provenance(provenance))
    }
}
