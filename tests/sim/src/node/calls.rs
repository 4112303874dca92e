//! Calls of a node: what it sends for a subject and when, and what the answer means, or that there is none.

use std::collections::VecDeque;
use std::mem;
use std::time::Duration;

use tidegate_core::Outcome;
use tidegate_core::shared::Reply;
use tidegate_core::tiered::{CallId, Group, Outgoing, Urgency};

use super::{Node, Sent, Settled, Waiter};
use crate::scenario::nanos;

/// So many calls of a subject are remembered, for answers that come late.
const REMEMBERED: usize = 8;
/// How many ticks ahead the driver can list a subject.
const WHEEL: u64 = 63;

impl Node {
    /// The driver has come to a subject: says what is to be sent now, if anything: wishes first, else what is due.
    pub fn visit(&mut self, subject: u32, urgency: Urgency, now: u64) -> Option<Outgoing> {
        let (view, at, sent) = (
            self.view_of(subject, now),
            self.store_time(now),
            self.local(now),
        );
        let held = self.held.get_mut(&subject)?;
        held.known.whole().visited(urgency, at);
        let want: u64 = held.waiters.iter().map(|waiter| waiter.cost).sum();
        let due = held.known.whole().due(&view, &self.timing);
        let outgoing = if want > 0 {
            held.known.whole().compose(Some((&self.rules, want)), at)?
        } else if due.is_some_and(|due| due <= at) {
            held.known.whole().compose(None, at)?
        } else {
            return None;
        };
        for waiter in &mut held.waiters {
            waiter.call = Some(outgoing.call);
        }
        held.sent.push_back(Sent {
            outgoing: outgoing.clone(),
            at: sent,
        });
        held.sent
            .drain(..held.sent.len().saturating_sub(REMEMBERED));
        held.awaited = Some(outgoing.call);
        Some(outgoing)
    }

    /// Asks the group when the driver is to come, as production does after everything that happens to a subject: on which
    /// of its lists it is put, and when that turn comes, in true time. `wanted`: in how long somebody wants it to come.
    pub fn plan(
        &mut self,
        subject: u32,
        wanted: Option<Duration>,
        now: u64,
    ) -> Option<(Urgency, u64)> {
        let (view, at) = (self.view_of(subject, now), self.store_time(now));
        let held = self.held.get_mut(&subject)?;
        let covered = mem::take(&mut held.covered) && wanted.is_none();
        let wanted = wanted.map(|after| at + after);
        let plan = |group: &mut Group| group.plan(wanted, &view, &self.timing, at);
        let visit = if let Some(opened) = held.opened.take() {
            Some(opened)
        } else if covered {
            None
        } else {
            plan(held.known.whole())
        };
        held.known.keep(&view);
        let visit = visit?;
        let tick = nanos(self.timing.report);
        // The end of the tick that it is due in, and the end of the wheel at the latest.
        let turn = (visit.at.as_nanos() / tick + 1) * tick;
        let after = turn.saturating_sub(at.as_nanos()).min(WHEEL * tick);
        let after = if visit.urgency == Urgency::Now {
            0
        } else {
            after
        };
        Some((visit.urgency, now + after))
    }

    /// Whether somebody waits whose wish has not been sent.
    pub fn has_wishes(&self, subject: u32) -> bool {
        let held = self.held.get(&subject);
        held.is_some_and(|held| held.waiters.iter().any(|waiter| waiter.call.is_none()))
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
        let found = held.sent.iter().find(|sent| sent.outgoing.call == call);
        let Some(Sent { outgoing, at: sent }) = found.cloned() else {
            return Vec::new();
        };
        // Whether an answer that comes late or twice means anything is for the group to say.
        if held.awaited.take_if(|awaited| *awaited == call).is_some() {
            self.heard_at.insert(subject, now);
            if let Some(reply) = replies.first() {
                self.clock.learn(sent, reply.now, local);
            }
            self.breaker.record(Outcome::Success, local, random);
            self.link.called(true);
        }
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
            .known
            .whole()
            .hear(&outgoing, replies, got - left, &self.timing, at);
        if let Some(heard) = &heard {
            if heard.others {
                self.asks_at_once |= self.link.noticed_others(local);
            }
            let answer = (&outgoing, replies);
            self.history
                .hear(subject, &self.rules[0], answer, heard, now);
        }
        let rules = &self.rules;
        let settled = mine.into_iter().zip(given).map(|(waiter, given)| {
            let decision = held
                .known
                .whole()
                .answered(rules, replies, waiter.cost, given);
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
        held.awaited.take_if(|awaited| *awaited == call)?;
        held.known.whole().give_up(call, &self.timing, at);
        self.failed(now, random);
        Some(self.decide_without(subject, call, now))
    }

    /// The store does not serve the subject, although it serves others. Says who is settled by that; nothing if the call had been
    /// answered, or given up.
    pub fn unserved(&mut self, subject: u32, call: CallId, now: u64) -> Option<Vec<Settled>> {
        let (at, local) = (self.store_time(now), self.local(now));
        let held = self.held.get_mut(&subject)?;
        held.awaited.take_if(|awaited| *awaited == call)?;
        held.known.whole().cut_off(call, &self.timing, at)?;
        self.link.part_failed(local);
        Some(self.decide_without(subject, call, now))
    }

    /// Whoever waited for the call is decided by the outage settings.
    fn decide_without(&mut self, subject: u32, call: CallId, now: u64) -> Vec<Settled> {
        let (view, at) = (self.view_of(subject, now), self.store_time(now));
        let Some(held) = self.held.get_mut(&subject) else {
            return Vec::new();
        };
        let mine = take_of(&mut held.waiters, call);
        let rules = &self.rules;
        let settled = mine.into_iter().map(|waiter| {
            let decision =
                held.known
                    .whole()
                    .decide_without_store(rules, waiter.cost, &view, true, at);
            Settled { waiter, decision }
        });
        settled.collect()
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
