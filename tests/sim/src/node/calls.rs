//! Calls of a node: what it sends for a subject and when, and what the answer means, or that there is none.

use std::collections::VecDeque;

use tidegate_core::Outcome;
use tidegate_core::shared::Reply;
use tidegate_core::tiered::{CallId, Outgoing, Urgency};

use super::{InFlight, Node, Settled, Waiter};

impl Node {
    /// What is to be sent for a subject now, if anything: wishes first, else what is due.
    pub fn outgoing(&mut self, subject: u32, now: u64) -> Option<Outgoing> {
        if !self.breaker.is_closed() {
            return None;
        }
        let (view, at, sent) = (self.view(now), self.store_time(now), self.local(now));
        let held = self.held.get_mut(&subject)?;
        held.group.visited(Urgency::Now, at);
        let want: u64 = held.waiters.iter().map(|waiter| waiter.cost).sum();
        let outgoing = if want > 0 {
            held.group.compose(Some((&self.rules, want)), at)?
        } else if held
            .group
            .due(&view, &self.timing)
            .is_some_and(|due| due <= at)
        {
            held.group.compose(None, at)?
        } else {
            return None;
        };
        for waiter in &mut held.waiters {
            waiter.call = Some(outgoing.call);
        }
        held.in_flight = Some(InFlight {
            outgoing: outgoing.clone(),
            sent,
        });
        Some(outgoing)
    }

    /// When the subject wants to be looked at again, in true time.
    pub fn due(&self, subject: u32, now: u64) -> Option<u64> {
        let held = self.held.get(&subject)?;
        let due = held.group.due(&self.view(now), &self.timing)?;
        Some(now + u64::try_from(due.since(self.store_time(now)).as_nanos()).unwrap_or(u64::MAX))
    }

    /// An answer arrives. Says who is settled by it.
    pub fn reply(
        &mut self,
        subject: u32,
        call: CallId,
        replies: &[Reply],
        now: u64,
        random: u64,
    ) -> Vec<Settled> {
        let local = self.local(now);
        let Some(held) = self.held.get_mut(&subject) else {
            return Vec::new();
        };
        let Some(in_flight) = held
            .in_flight
            .take_if(|in_flight| in_flight.outgoing.call == call)
        else {
            return Vec::new();
        };
        self.heard_at.insert(subject, now);
        if let Some(reply) = replies.first() {
            self.clock.learn(in_flight.sent, reply.now, local);
        }
        self.breaker.record(Outcome::Success, local, random);
        self.link.called(true);
        let at = self.clock.store_time(local);
        let got = replies.iter().map(|reply| reply.got).min().unwrap_or(0);
        let mut left = got;
        let mine = take_of(&mut held.waiters, call);
        let given: Vec<bool> = mine
            .iter()
            .map(|waiter| {
                let fits = waiter.cost <= left;
                left -= if fits { waiter.cost } else { 0 };
                fits
            })
            .collect();
        let heard = held
            .group
            .hear(&in_flight.outgoing, replies, got - left, &self.timing, at);
        if let Some(heard) = &heard {
            let answer = (&in_flight.outgoing, replies);
            self.history
                .hear(subject, &self.rules[0], answer, heard, now);
        }
        let rules = &self.rules;
        let settled = mine.into_iter().zip(given).map(|(waiter, given)| {
            let decision = held.group.answered(rules, replies, waiter.cost, given);
            Settled { waiter, decision }
        });
        settled.collect()
    }

    /// A call had no answer within the deadline. Says who is settled by that; nothing if it had been answered.
    pub fn timeout(
        &mut self,
        subject: u32,
        call: CallId,
        now: u64,
        random: u64,
    ) -> Option<Vec<Settled>> {
        let at = self.store_time(now);
        let held = self.held.get_mut(&subject)?;
        held.in_flight
            .take_if(|in_flight| in_flight.outgoing.call == call)?;
        held.group.give_up(call, &self.timing, at);
        self.failed(now, random);
        let view = self.view(now);
        let held = self.held.get_mut(&subject)?;
        let mine = take_of(&mut held.waiters, call);
        let rules = &self.rules;
        let settled = mine.into_iter().map(|waiter| {
            let decision = held
                .group
                .decide_without_store(rules, waiter.cost, &view, true, at);
            Settled { waiter, decision }
        });
        Some(settled.collect())
    }
}

/// Takes those out of a queue whose wish a call carried.
fn take_of(waiters: &mut VecDeque<Waiter>, call: CallId) -> VecDeque<Waiter> {
    let (mine, others) = waiters
        .drain(..)
        .partition(|waiter| waiter.call == Some(call));
    *waiters = others;
    mine
}
