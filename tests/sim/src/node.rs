//! A simulated node: the driver that production has in tasks and timers, as plain data.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use tidegate_core::shared::{NodeId, Reply};
use tidegate_core::tiered::{CallId, Group, Link, LinkConfig, Outgoing, StoreClock, Timing, View};
use tidegate_core::{Breaker, BreakerConfig, Decision, Outcome, Rule, Timestamp};

/// A request that waits for the store.
#[derive(Clone, Debug)]
pub struct Waiter {
    /// When it came, in true time.
    pub came: u64,
    /// What it costs.
    pub cost: u64,
    /// The call that carries its wish, once there is one.
    pub call: Option<CallId>,
}

/// A call on its way.
#[derive(Clone, Debug)]
pub struct InFlight {
    /// What was sent.
    pub outgoing: Outgoing,
    /// When, on this node's clock.
    pub sent: Timestamp,
}

/// One subject on one node.
#[derive(Default)]
pub struct Held {
    /// What the node knows.
    pub group: Group,
    /// Who waits.
    pub waiters: VecDeque<Waiter>,
    /// What is on its way.
    pub in_flight: Option<InFlight>,
    /// For when a wake-up is scheduled.
    pub wake_at: Option<u64>,
}

/// What became of a request.
pub struct Settled {
    /// The request.
    pub waiter: Waiter,
    /// The decision that it got.
    pub decision: Decision,
}

/// One process that limits.
pub struct Node {
    /// Its id, new at each start.
    pub id: NodeId,
    /// Which life this is.
    pub life: u32,
    /// Its clock minus true time, in nanoseconds.
    pub offset: i64,
    /// The policies of every request.
    pub rules: Vec<Rule>,
    /// The subjects that it holds.
    pub held: BTreeMap<u32, Held>,
    /// Whether it asks the store.
    pub breaker: Breaker,
    link: Link,
    clock: StoreClock,
    timing: Timing,
    /// What can no longer be reported.
    pub dropped: u64,
}

impl Node {
    /// A node that has just started.
    pub fn new(id: u64, life: u32, rules: Vec<Rule>, expected_nodes: u32) -> Self {
        Self {
            id: NodeId::from_random(id),
            life,
            offset: 0,
            rules,
            held: BTreeMap::new(),
            breaker: Breaker::new(BreakerConfig::default()),
            link: Link::new(LinkConfig {
                expected_nodes,
                ..LinkConfig::default()
            }),
            clock: StoreClock::default(),
            timing: Timing::default(),
            dropped: 0,
        }
    }

    /// What its own clock shows.
    pub fn local(&self, now: u64) -> Timestamp {
        Timestamp::from_nanos(now.saturating_add_signed(self.offset))
    }

    /// What it believes the store's clock to show.
    pub fn store_time(&self, now: u64) -> Timestamp {
        self.clock.store_time(self.local(now))
    }

    /// What it knows beyond one subject.
    pub fn view(&self, now: u64) -> View {
        self.link.view(self.local(now))
    }

    /// A request arrives: decided at once, or it waits.
    pub fn request(&mut self, subject: u32, cost: u64, now: u64) -> Option<Settled> {
        let (view, at) = (self.view(now), self.store_time(now));
        let rules = self.rules.clone();
        let held = self.held.entry(subject).or_default();
        let waiter = Waiter {
            came: now,
            cost,
            call: None,
        };
        match held
            .group
            .acquire(&rules, cost, &view, at, &mut |rule| Arc::new(*rule))
        {
            Some(decision) => Some(Settled { waiter, decision }),
            None => {
                held.waiters.push_back(waiter);
                None
            }
        }
    }

    /// What is to be sent for a subject now, if anything: wishes first, else what is due.
    pub fn outgoing(&mut self, subject: u32, now: u64) -> Option<Outgoing> {
        if !self.breaker.is_closed() {
            return None;
        }
        let (view, at, sent) = (self.view(now), self.store_time(now), self.local(now));
        let held = self.held.get_mut(&subject)?;
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
        let Some(held) = self.held.get_mut(&subject) else {
            return Vec::new();
        };
        let Some(in_flight) = held
            .in_flight
            .take_if(|in_flight| in_flight.outgoing.call == call)
        else {
            return Vec::new();
        };
        let local = Timestamp::from_nanos(now.saturating_add_signed(self.offset));
        if let Some(reply) = replies.first() {
            self.clock.learn(in_flight.sent, reply.now, local);
        }
        self.breaker.record(Outcome::Success, local, random);
        self.link.called(true);
        let at = self.clock.store_time(local);
        let mut left = replies.iter().map(|reply| reply.got).min().unwrap_or(0);
        let mine: Vec<Waiter> = take_of(&mut held.waiters, call);
        let given: Vec<bool> = mine
            .iter()
            .map(|waiter| {
                let fits = waiter.cost <= left;
                left -= if fits { waiter.cost } else { 0 };
                fits
            })
            .collect();
        let used: u64 = mine
            .iter()
            .zip(&given)
            .filter(|(_, given)| **given)
            .map(|(waiter, _)| waiter.cost)
            .sum();
        if let Some(heard) = held.group.hear(&in_flight.outgoing, replies, used, at) {
            self.dropped += heard.dropped;
        }
        let rules = &self.rules;
        let settled = mine.into_iter().zip(given).map(|(waiter, given)| {
            let decision = held.group.answered(rules, replies, waiter.cost, given);
            Settled { waiter, decision }
        });
        settled.collect()
    }

    /// A call had no answer within the deadline. Says who is settled by that.
    pub fn timeout(&mut self, subject: u32, call: CallId, now: u64, random: u64) -> Vec<Settled> {
        let (local, at) = (self.local(now), self.store_time(now));
        let Some(held) = self.held.get_mut(&subject) else {
            return Vec::new();
        };
        if held
            .in_flight
            .take_if(|in_flight| in_flight.outgoing.call == call)
            .is_none()
        {
            return Vec::new();
        }
        held.group.give_up(call, &self.timing, at);
        self.link.called(false);
        if let Some(transition) = self.breaker.record(Outcome::Failure, local, random) {
            self.link.changed(transition, local);
        }
        let view = self.view(now);
        let Some(held) = self.held.get_mut(&subject) else {
            return Vec::new();
        };
        let mine = take_of(&mut held.waiters, call);
        let rules = &self.rules;
        let settled = mine.into_iter().map(|waiter| {
            let decision = held
                .group
                .decide_without_store(rules, waiter.cost, &view, true, at);
            Settled { waiter, decision }
        });
        settled.collect()
    }

    /// Everybody who still waits and whose wish has not been sent is looked at again.
    pub fn retry(&mut self, subject: u32, now: u64) -> Vec<Settled> {
        let Some(held) = self.held.get_mut(&subject) else {
            return Vec::new();
        };
        let waiting: Vec<Waiter> = held.waiters.extract_if_unsent();
        let mut settled = Vec::new();
        for waiter in waiting {
            if let Some(mut done) = self.request(subject, waiter.cost, now) {
                done.waiter.came = waiter.came;
                settled.push(done);
            } else if let Some(held) = self.held.get_mut(&subject)
                && let Some(last) = held.waiters.back_mut()
            {
                last.came = waiter.came;
            }
        }
        settled
    }

    /// A registration was answered.
    pub fn registered(
        &mut self,
        nodes: u32,
        sent: Timestamp,
        store: Timestamp,
        now: u64,
        random: u64,
    ) {
        let local = self.local(now);
        self.clock.learn(sent, store, local);
        self.breaker.record(Outcome::Success, local, random);
        self.link.called(true);
        self.link.registered(nodes);
    }

    /// A registration was not answered.
    pub fn not_registered(&mut self, now: u64, random: u64) {
        let local = self.local(now);
        self.link.called(false);
        if let Some(transition) = self.breaker.record(Outcome::Failure, local, random) {
            self.link.changed(transition, local);
        }
    }

    /// A probe ended.
    pub fn probed(&mut self, outcome: Outcome, now: u64, random: u64) {
        let local = self.local(now);
        if let Some(transition) = self.breaker.finish_probe(outcome, local, random) {
            self.link.changed(transition, local);
        }
    }
}

fn take_of(waiters: &mut VecDeque<Waiter>, call: CallId) -> Vec<Waiter> {
    let (mine, others) = waiters
        .drain(..)
        .partition(|waiter| waiter.call == Some(call));
    *waiters = others;
    Vec::from(mine)
}

/// Takes those out of a queue whose wish has not been sent.
trait Unsent {
    fn extract_if_unsent(&mut self) -> Vec<Waiter>;
}

impl Unsent for VecDeque<Waiter> {
    fn extract_if_unsent(&mut self) -> Vec<Waiter> {
        let (unsent, sent) = self
            .drain(..)
            .partition(|waiter: &Waiter| waiter.call.is_none());
        *self = sent;
        Vec::from(unsent)
    }
}
