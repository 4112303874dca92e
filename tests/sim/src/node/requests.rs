//! Requests on a node: decided at once, after the store's answer, or when they have waited for D.

use std::collections::VecDeque;
use std::sync::Arc;

use tidegate_core::Rule;
use tidegate_core::tiered::{Verdict, Visit};

use super::{Held, Node, Settled, Waiter};

impl Node {
    /// A request arrives, and is decided at once if it can be.
    ///
    /// # Errors
    ///
    /// The ticket under which it waits.
    pub fn request(&mut self, subject: u32, cost: u64, now: u64) -> Result<Settled, u64> {
        self.next_ticket += 1;
        let waiter = Waiter {
            ticket: self.next_ticket,
            came: now,
            cost,
            call: None,
        };
        let ticket = waiter.ticket;
        self.decide(subject, waiter, now).ok_or(ticket)
    }

    /// Forgets a subject, if nothing of it matters any more; says so.
    pub fn forget_idle(&mut self, subject: u32, now: u64) -> bool {
        let at = self.store_time(now);
        let idle = |held: &Held| held.waiters.is_empty() && held.known.is_idle(at);
        let forgotten = self.held.get(&subject).is_some_and(idle);
        if forgotten {
            self.held.remove(&subject);
            self.heard_at.remove(&subject);
            self.history.forget(subject);
        }
        forgotten
    }

    fn decide(&mut self, subject: u32, waiter: Waiter, now: u64) -> Option<Settled> {
        let (view, at) = (self.view_of(subject, now), self.store_time(now));
        let held = self.held.entry(subject).or_default();
        if let [rule] = &self.rules[..] {
            let asked = (rule, waiter.cost);
            let mut decided = held.known.decide(asked, &view, &self.timing, at);
            if let Some(verdict) = decided {
                // Nothing else is planned.
                held.covered = true;
                held.opened = (!verdict.is_covered()).then(|| Visit::soon(&self.timing, at));
            } else {
                let group = held.known.whole();
                decided = group.acquire_usual(rule, waiter.cost, &view, at);
                held.covered = decided.is_some_and(Verdict::is_covered);
            }
            if let Some(verdict) = decided {
                let decision = verdict.decision(rule, waiter.cost, at);
                return Some(Settled { waiter, decision });
            }
        }
        let intern = &mut |rule: &Rule| Arc::new(*rule);
        match held
            .known
            .whole()
            .acquire(&self.rules, waiter.cost, &view, at, intern)
        {
            Some(decision) => Some(Settled { waiter, decision }),
            None => {
                held.waiters.push_back(waiter);
                None
            }
        }
    }

    /// A request has waited for the deadline: it leaves the queue and is decided without the store.
    pub fn out_of_patience(&mut self, subject: u32, ticket: u64, now: u64) -> Option<Settled> {
        let (view, at) = (self.view_of(subject, now), self.store_time(now));
        let held = self.held.get_mut(&subject)?;
        let place = held
            .waiters
            .iter()
            .position(|waiter| waiter.ticket == ticket)?;
        let waiter = held.waiters.remove(place)?;
        let unanswered = waiter.call.is_some();
        let decision = held.known.whole().decide_without_store(
            &self.rules,
            waiter.cost,
            &view,
            unanswered,
            at,
        );
        Some(Settled { waiter, decision })
    }

    /// Everybody who still waits and whose wish has not been sent is looked at again.
    pub fn retry(&mut self, subject: u32, now: u64) -> Vec<Settled> {
        let Some(held) = self.held.get_mut(&subject) else {
            return Vec::new();
        };
        let (unsent, sent) = held
            .waiters
            .drain(..)
            .partition(|waiter| waiter.call.is_none());
        held.waiters = sent;
        let waiting: VecDeque<Waiter> = unsent;
        let settled = waiting
            .into_iter()
            .filter_map(|waiter| self.decide(subject, waiter, now))
            .collect();
        // A call has ended, and that needs more than a decision to be covered.
        if let Some(held) = self.held.get_mut(&subject) {
            held.covered = false;
        }
        settled
    }
}
