//! Requests: they arrive, wait, and are settled.

use std::time::Duration;

use tidegate_core::{Algorithm, Decision, Provenance, Rule, Timestamp, Usage};

use super::{DEADLINE, World};
use crate::event::Event;
use crate::node::Settled;
use crate::oracle::{Admission, Denial, Flaw, MOST_RULES};
use crate::scenario::slack;

impl World {
    pub(super) fn request(&mut self, node: usize, subject: u32, cost: u64) {
        let Some(node) = self.present(node) else {
            return;
        };
        if self.forgets && self.nodes[node].forget_idle(subject, self.now) {
            self.note(|| format!("n{node} has forgotten s{subject}"));
            self.oracle.forgotten += 1;
        }
        let before = self.nodes[node].unsent(subject, self.now);
        let wanted = match self.nodes[node].request(subject, cost, self.now) {
            Ok(settled) => {
                self.examine_counts(node, subject, (before, cost), &settled);
                self.settle(node, subject, [settled]);
                None
            }
            Err(ticket) => {
                let who = self.life(node);
                let event = Event::Patience {
                    who,
                    subject,
                    ticket,
                };
                self.schedule(DEADLINE, event);
                Some(Duration::ZERO)
            }
        };
        self.plan(node, subject, wanted);
    }

    /// All policies were charged, or none (G8).
    fn examine_counts(
        &mut self,
        node: usize,
        subject: u32,
        (before, cost): (u64, u64),
        settled: &Settled,
    ) {
        let allowed = settled.decision.is_allowed();
        let charged = if allowed { self.rules.len() as u64 } else { 0 };
        let after = self.nodes[node].unsent(subject, self.now);
        if after != before + cost * charged {
            let what = format!(
                "n{node}'s unsent count went from {before} to {after} by a request of {cost} under {} policies, admitted: {allowed}",
                self.rules.len()
            );
            self.oracle.flaws.push(Flaw { at: self.now, what });
        }
    }

    pub(super) fn settle(
        &mut self,
        node: usize,
        subject: u32,
        settled: impl IntoIterator<Item = Settled>,
    ) {
        for Settled { waiter, decision } in settled {
            let waited = self.now - waiter.came;
            self.oracle.decisions += 1;
            self.oracle.slowest = self.oracle.slowest.max((waited, self.now));
            self.oracle.examine(self.now, &decision, self.rules.len());
            self.note(|| describe(node, subject, waiter.cost, waited, &decision));
            if let (Provenance::Outage(_), Some(first)) =
                (decision.provenance(), decision.statuses().first())
            {
                let window = first.usage().at().as_nanos();
                self.nodes[node].history.isolate(subject, window);
            }
            if decision.is_allowed() {
                self.admit(node, subject, waiter.cost, &decision);
            } else {
                self.deny(node, subject, waiter.cost, &decision);
            }
        }
    }

    fn admit(&mut self, node: usize, subject: u32, cost: u64, decision: &Decision) {
        let mut windows = [0; MOST_RULES];
        for (window, status) in windows.iter_mut().zip(decision.statuses()) {
            *window = status.usage().at().as_nanos();
        }
        let first = decision.statuses().first();
        let in_step = self.nodes[node].in_step_since.is_some();
        let admission = Admission {
            at: self.now,
            in_step,
            decided: if in_step {
                decision.at()
            } else {
                // By a clock that is no measure of anything.
                self.store.clock(self.now)
            },
            node,
            life: self.nodes[node].life,
            subject,
            cost,
            epoch: self.store.steps,
            windows,
            provenance: decision.provenance(),
            limit: first.map_or(0, |status| status.quota().limit()),
            alone: self.nodes[node].view(self.now).alone,
            followed: (
                self.nodes[node].history.last(subject),
                self.nodes[node].view(self.now).nodes,
            ),
        };
        self.oracle.admit(admission, &self.rules);
    }

    /// A denial by counts is right if one of the policies that refused had truly been used up.
    fn deny(&mut self, node: usize, subject: u32, cost: u64, decision: &Decision) {
        self.oracle.denied += 1;
        if matches!(decision.provenance(), Provenance::Outage(_)) {
            return;
        }
        let promised: u64 = self
            .promised
            .iter()
            .filter(|((of, ..), _)| *of == subject)
            .map(|(_, got)| got)
            .sum();
        let (mut truth, mut plainly) = (String::new(), true);
        let epoch = self.store.steps;
        for (index, status) in decision.statuses().iter().enumerate() {
            if !status.is_violated() {
                continue;
            }
            let rule = &self.rules[index];
            let at = decision.at();
            // In which order reports reach the store decides how much flows into a bucket that is nearly full.
            let blur = match rule.quota().algorithm() {
                Algorithm::TokenBucket => self.blur(rule),
                _ => 0,
            };
            let promised = promised + blur;
            let used = self
                .oracle
                .truth((subject, index), rule, epoch, (at, promised));
            if !rule.quota().admits(used, cost, at) {
                return;
            }
            if rule.quota().algorithm() == Algorithm::TokenBucket {
                plainly &= match self.nodes[node].heard_at.get(&subject) {
                    Some(heard) if self.store.has_stepped_since(*heard) => {
                        !self.comes_again(*heard, rule, at)
                    }
                    _ => used.at() + rule.quota().capacity_window() <= at,
                };
            }
            truth += &format!(
                "cost {cost}, believed {}, true {}; ",
                shown(status.usage()),
                shown(used)
            );
        }
        let at = self.now;
        self.oracle.unjustified.push(Denial {
            at,
            node,
            subject,
            truth,
            plainly,
        });
    }

    /// Whether the store's clock, which has stepped back, has come to the moment again at which a node heard what it now goes
    /// by: then it cannot know that this was long ago.
    fn comes_again(&self, heard: u64, rule: &Rule, at: Timestamp) -> bool {
        let first = self.store.showed(heard);
        let blur = Duration::from_nanos(DEADLINE);
        first <= at + blur && at <= first + rule.quota().window() + blur
    }

    /// What all nodes may hold back under a policy.
    fn blur(&self, rule: &Rule) -> u64 {
        self.nodes.len() as u64 * slack(rule, self.nodes.len()) + 1
    }
}

fn shown(usage: Usage) -> String {
    format!(
        "{}+{} at {}",
        usage.current(),
        usage.previous(),
        usage.at().as_nanos()
    )
}

fn describe(node: usize, subject: u32, cost: u64, waited: u64, decision: &Decision) -> String {
    let verdict = if decision.is_allowed() {
        "admits"
    } else {
        "denies"
    };
    let mut text = format!("n{node} {verdict} {cost}");
    if subject > 0 {
        text += &format!(" for s{subject}");
    }
    text += &format!(" ({}", decision.provenance().as_str());
    for status in decision.statuses() {
        text += &format!(", {} left of {}", status.remaining(), status.limit());
    }
    if waited > 0 {
        text += &format!(", waited {:.1} ms", waited as f64 / 1e6);
    }
    text + ")"
}
