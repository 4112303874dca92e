//! Requests, as `core::decide` decides them.

use futures_util::future::join_all;
use tidegate_core::{Decision, Usage, decide, give_back, look};
use tidegate_store::{Request, Store};

use crate::History;

impl History<'_> {
    pub(super) async fn peek(&mut self) {
        let cost = self.any_cost();
        let request = Request::new(self.subject.as_str(), &self.rules).with_cost(cost);
        let answer = self.store.peek(&request).await.unwrap();
        let expected = look(&self.rules, &self.usages(), cost, self.now);
        assert_eq!(answer, expected, "{}: peek {cost}", self.what);
    }

    pub(super) async fn acquire(&mut self) {
        let cost = self.any_cost();
        let request = Request::new(self.subject.as_str(), &self.rules).with_cost(cost);
        let answer = self.store.acquire(&request).await.unwrap();
        self.check_decision(cost, answer);
    }

    /// Calls that share one call, as those that come at the same time do.
    pub(super) async fn acquire_together(&mut self) {
        let costs: Vec<u64> = (0..self.random.usize(2..8))
            .map(|_| self.any_cost())
            .collect();
        let (store, rules, subject) = (self.store, self.rules.clone(), self.subject.clone());
        let calls = costs.iter().map(|cost| {
            let request = Request::new(subject.as_str(), &rules).with_cost(*cost);
            async move { store.acquire(&request).await.unwrap() }
        });
        for (cost, answer) in costs.iter().zip(join_all(calls).await) {
            self.check_decision(*cost, answer);
        }
    }

    fn check_decision(&mut self, cost: u64, answer: Decision) {
        let mut usages = self.usages();
        let expected = decide(&self.rules, &mut usages, cost, self.now);
        assert_eq!(answer, expected, "{}: acquire {cost}", self.what);
        if cost > 0 {
            for (index, usage) in usages.into_iter().enumerate() {
                let quota = *self.rules[index].quota();
                self.write(index, &quota, |record, now| {
                    record.set_usage(&quota, usage, now);
                });
            }
        }
        self.decisions.push((self.rules.clone(), answer));
    }

    pub(super) async fn refund(&mut self) {
        let Some((rules, decision)) = self.random.choice(&self.decisions).cloned() else {
            return;
        };
        let request = Request::new(self.subject.as_str(), &rules).with_cost(decision.cost());
        self.store.refund(&request, &decision).await.unwrap();
        let mut usages = self.usages();
        give_back(&rules, &mut usages, &decision, self.now);
        self.decisions.retain(|(_, other)| *other != decision);
        if !decision.is_allowed() || decision.cost() == 0 {
            return;
        }
        for (index, usage) in usages.into_iter().enumerate() {
            if !decision.statuses()[index].is_violated() {
                // Under the limit that the request had, not the one that others have by now: a store knows no other.
                let quota = *rules[index].quota();
                self.write(index, &quota, |record, now| {
                    record.set_usage(&quota, usage, now);
                });
            }
        }
    }

    pub(super) async fn reset(&mut self) {
        let request = Request::new(self.subject.as_str(), &self.rules);
        self.store.reset(&request).await.unwrap();
        for (record, rule) in self.records.iter_mut().zip(&self.rules) {
            record.set_usage(rule.quota(), Usage::default(), self.now);
        }
    }
}
