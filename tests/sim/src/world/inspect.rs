//! What is looked at from outside: how far nodes and store agree.

use tidegate_core::Algorithm;

use super::fault::REBUILT;
use super::{DEADLINE, World};
use crate::oracle::{Converged, Rebuilt, Spent};
use crate::scenario::nanos;
use crate::time::MILLI;

impl World {
    /// Compares what living nodes admitted with what the store knows of it, a while after it lost its data (G6).
    pub(super) fn compare(&mut self, since: u64) {
        let since = since.max(self.lost_at);
        let rule = self.rules[0];
        if rule.quota().algorithm() == Algorithm::TokenBucket {
            return;
        }
        let record = self.store.record(0, &rule, self.now);
        let window = record.usage().at().as_nanos();
        for node in 0..self.nodes.len() {
            let life = self.life(node);
            if !self.lives(life) {
                continue;
            }
            let admitted = self.admitted_by(|admission| {
                (admission.node, admission.life) == (node, life.life)
                    && admission.subject == 0
                    && (admission.epoch, admission.windows[0]) == (self.store.steps, window)
            });
            let id = self.nodes[node].id;
            let stored = self.store.totals(0, &rule, id, window, self.now).net();
            let heard = self.nodes[node]
                .heard_at
                .get(&0)
                .is_some_and(|at| *at > since + DEADLINE);
            let heard = heard || self.now >= since + REBUILT;
            let unsent = self.nodes[node].unsent(0, self.now);
            let at = self.now;
            self.oracle.rebuilt.push(Rebuilt {
                at,
                node,
                window,
                admitted,
                stored,
                unsent,
                heard,
            });
        }
    }

    /// Notes who still does not ask the store (L3).
    pub(super) fn must_be_healed(&mut self) {
        for node in 0..self.nodes.len() {
            if self.lives(self.life(node)) && !self.nodes[node].breaker.is_closed() {
                self.oracle.not_healed.push((self.now, node));
            }
        }
    }

    /// Compares what the store knows of living nodes in living windows with what they admitted, everything being healed (G5).
    pub fn compare_totals(&mut self) {
        for subject in 0..self.subjects {
            for index in 0..self.rules.len() {
                let rule = self.rules[index];
                if rule.quota().algorithm() == Algorithm::TokenBucket {
                    self.compare_bucket(subject, index);
                    continue;
                }
                let usage = self.store.record(subject, &rule, self.now).usage();
                let current = usage.at().as_nanos();
                let previous = current - nanos(rule.quota().window());
                for node in 0..self.nodes.len() {
                    self.compare_node(node, subject, index, [previous, current]);
                }
            }
        }
    }

    fn compare_bucket(&mut self, subject: u32, index: usize) {
        let nodes = self.nodes.iter().map(|node| node.id);
        let stored = self
            .store
            .spent(subject, &self.rules[index], nodes, self.now);
        let admitted = self.admitted_by(|admission| admission.subject == subject);
        self.oracle.spent.push(Spent {
            subject,
            rule: index,
            stored,
            admitted,
        });
    }

    fn compare_node(&mut self, node: usize, subject: u32, rule: usize, windows: [u64; 2]) {
        let who = self.life(node);
        if !self.lives(who) {
            return;
        }
        let policy = self.rules[rule];
        let once = |window: &u64| *window > self.store.comes_twice;
        for window in windows.into_iter().filter(once) {
            let stored = self
                .store
                .totals(subject, &policy, who.id, window, self.now)
                .net();
            let admitted = self.admitted_by(|admission| {
                (admission.node, admission.life) == (node, who.life)
                    && (admission.subject, admission.epoch) == (subject, self.store.steps)
                    && admission.in_step
                    && admission.windows[rule] == window
            });
            let heard = self.nodes[node].heard_at.get(&subject);
            self.oracle.converged.push(Converged {
                node,
                subject,
                rule,
                window,
                stored,
                admitted,
                heard: heard.copied().unwrap_or(0),
                in_step_since: self.nodes[node].in_step_since,
            });
        }
    }

    /// Lets every subject rest for as long as it takes to be admitted again, cut off from the store or not, and asks (L4).
    pub fn rest(&mut self, cut_off: bool) {
        if cut_off {
            self.cut_off();
        }
        let longest = self.rules.iter().map(|rule| {
            let quota = rule.quota();
            // A full sliding window has its whole weight a window later, and none two windows later.
            nanos(quota.window()) * 2 + nanos(quota.capacity_window())
        });
        let longest = longest.max().unwrap_or(0) + MILLI;
        let rested = self.now + longest;
        self.run_until(rested);
        let drawn = self.random.usize(0..self.nodes.len());
        let Some(node) = self.present(drawn) else {
            return;
        };
        for subject in 0..self.subjects.min(3) {
            let mut allowed = self.ask_for(node, subject);
            // What a bucket is found to owe from times to come is taken for all that it can owe, from then on.
            if !allowed && self.is_ahead(subject, rested) {
                self.run_until(self.now + longest);
                allowed = self.ask_for(node, subject);
            }
            self.oracle.after_rest.push((self.now, node, allowed));
        }
    }

    /// Whether the store's record of a bucket, untouched since then, is of a time to come.
    fn is_ahead(&self, subject: u32, since: u64) -> bool {
        let mut rules = self.rules.iter();
        rules.any(|rule| self.store.found_ahead.get(&(subject, rule.id())) >= Some(&since))
    }

    /// Says whether a request was admitted.
    fn ask_for(&mut self, node: usize, subject: u32) -> bool {
        let (before, admitted) = (self.oracle.decisions, self.oracle.admitted.len());
        self.request(node, subject, 1);
        self.run_until(self.now + 2 * DEADLINE);
        self.oracle.decisions > before && self.oracle.admitted.len() > admitted
    }

    fn admitted_by(&self, which: impl Fn(&crate::oracle::Admission) -> bool) -> u64 {
        let those = self.oracle.admitted.iter().filter(|one| which(one));
        those.map(|admission| admission.cost).sum()
    }
}
