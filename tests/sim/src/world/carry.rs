//! Messages: what nodes send, what the store answers, and what time brings to what is under way.

use tidegate_core::Outcome;
use tidegate_core::tiered::Outgoing;

use super::{DEADLINE, World};
use crate::event::{Asked, Event, Life};
use crate::network::Way;
use crate::oracle::Probe;
use crate::time::{MILLI, SECOND};

impl World {
    pub(super) fn deliver(&mut self, event: Event) {
        match event {
            Event::Call {
                who,
                subject,
                outgoing,
            } => self.carry_out(who, subject, &outgoing),
            Event::Registering { who, ask } => {
                let nodes = self.store.register(who.id, self.now);
                let store = self.store.clock(self.now);
                let answer = Event::Registered {
                    who,
                    ask,
                    nodes,
                    store,
                };
                self.send(who.node, Way::FromStore, &answer);
            }
            Event::Patience { who, .. }
            | Event::Reply { who, .. }
            | Event::Deadline { who, .. }
            | Event::Wake { who, .. }
            | Event::Register { who }
            | Event::Registered { who, .. }
            | Event::RegisterDeadline { who, .. }
            | Event::ProbeTick { who }
                if self.lives(who) =>
            {
                self.deliver_to(who, event);
            }
            _ => {}
        }
    }

    /// What reaches a process that runs.
    fn deliver_to(&mut self, who: Life, event: Event) {
        let node = who.node;
        match event {
            Event::Patience {
                subject, ticket, ..
            } => {
                let settled = self.nodes[node].out_of_patience(subject, ticket, self.now);
                self.settle(node, subject, settled);
            }
            Event::Reply {
                subject,
                call,
                replies,
                ..
            } => {
                self.promised.remove(&(subject, node, who.life, call));
                self.note(|| crate::timeline::reply(node, subject, &replies));
                let random = self.random.u64(..);
                let settled = self.nodes[node].reply(subject, call, &replies, self.now, random);
                self.look_at_clock(node);
                self.settle(node, subject, settled);
                self.follow_up(node, subject);
            }
            Event::Deadline { subject, call, .. } => {
                self.promised.remove(&(subject, node, who.life, call));
                let random = self.random.u64(..);
                if let Some(settled) = self.nodes[node].timeout(subject, call, self.now, random) {
                    self.note(|| format!("n{node} hears nothing for D"));
                    self.settle(node, subject, settled);
                    self.after_failure(node);
                    self.follow_up(node, subject);
                }
            }
            Event::Wake { subject, .. } => {
                if let Some(held) = self.nodes[node].held.get_mut(&subject) {
                    held.wake_at = None;
                }
                self.look_at(node, subject);
            }
            Event::Register { .. } => self.register(who),
            Event::ProbeTick { .. } => self.probe(who),
            Event::Registered {
                ask, nodes, store, ..
            } if self.nodes[node].asked.remove(&ask.number) => {
                self.registered(who, ask, nodes, store);
            }
            Event::RegisterDeadline { ask, .. } if self.nodes[node].asked.remove(&ask.number) => {
                self.not_registered(who, ask);
            }
            _ => {}
        }
    }

    /// A call of a life that has ended is carried out like any other: the store cannot know.
    fn carry_out(&mut self, who: Life, subject: u32, outgoing: &Outgoing) {
        let node = who.node;
        let replies = self.store.sync(subject, who.id, outgoing, self.now);
        let got = replies.iter().map(|reply| reply.got).min().unwrap_or(0);
        if got > 0 && self.lives(who) {
            let key = (subject, node, who.life, outgoing.call);
            *self.promised.entry(key).or_default() += got;
        }
        let event = Event::Reply {
            who,
            subject,
            call: outgoing.call,
            replies,
        };
        self.send(node, Way::FromStore, &event);
    }

    fn send(&mut self, node: usize, way: Way, event: &Event) {
        for delay in self.network.arrivals(node, way, &mut self.random) {
            self.schedule(delay, event.clone());
        }
    }

    /// Notes whether a node knows by now what the store's clock shows.
    fn look_at_clock(&mut self, node: usize) {
        let (shown, now) = (self.store.clock(self.now).as_nanos(), self.now);
        let believed = self.nodes[node].store_time(now).as_nanos();
        if self.nodes[node].in_step_since.is_none() && believed.abs_diff(shown) < DEADLINE {
            self.nodes[node].in_step_since = Some(now);
        }
    }

    fn follow_up(&mut self, node: usize, subject: u32) {
        let settled = self.nodes[node].retry(subject, self.now);
        self.settle(node, subject, settled);
        self.look_at(node, subject);
    }

    /// Sends what is to be sent for a subject, or schedules when to look again.
    pub(super) fn look_at(&mut self, node: usize, subject: u32) {
        let who = self.life(node);
        if let Some(outgoing) = self.nodes[node].outgoing(subject, self.now) {
            self.note(|| crate::timeline::call(node, subject, &outgoing));
            self.oracle.sent.push((self.now, node));
            let call = outgoing.call;
            let deadline = Event::Deadline { who, subject, call };
            self.schedule(DEADLINE, deadline);
            let event = Event::Call {
                who,
                subject,
                outgoing,
            };
            return self.send(node, Way::ToStore, &event);
        }
        let Some(due) = self.nodes[node].due(subject, self.now) else {
            return;
        };
        // A node that does not ask the store looks again after T, as its driver does.
        let closed = self.nodes[node].breaker.is_closed();
        let soonest = if closed { MILLI } else { 50 * MILLI };
        let due = due.max(self.now + soonest);
        let now = self.now;
        let Some(held) = self.nodes[node].held.get_mut(&subject) else {
            return;
        };
        if held.wake_at.is_none_or(|at| at > due || at < now) {
            held.wake_at = Some(due);
            self.schedule(due - now, Event::Wake { who, subject });
        }
    }

    fn register(&mut self, who: Life) {
        let jitter = self.random.u64(0..400 * MILLI);
        self.schedule(SECOND * 4 / 5 + jitter, Event::Register { who });
        if self.nodes[who.node].breaker.is_closed() {
            self.ask(who, false);
        }
    }

    fn ask(&mut self, who: Life, probe: bool) {
        let ask = self.nodes[who.node].ask(self.now, probe);
        self.oracle.sent.push((self.now, who.node));
        self.schedule(DEADLINE, Event::RegisterDeadline { who, ask });
        self.send(who.node, Way::ToStore, &Event::Registering { who, ask });
    }

    fn registered(&mut self, who: Life, ask: Asked, nodes: u32, store: tidegate_core::Timestamp) {
        let (node, now) = (who.node, self.now);
        self.note(|| format!("n{node} hears that {nodes} nodes live"));
        self.nodes[node].registered(nodes, ask.sent, store, now);
        self.look_at_clock(node);
        if ask.probe {
            let random = self.random.u64(..);
            if self.nodes[node].probed(Outcome::Success, now, random) {
                self.note(|| format!("n{node}'s probe is answered: connected"));
                self.schedule(0, Event::Register { who });
                self.report_everything(node);
            }
        }
    }

    fn not_registered(&mut self, who: Life, ask: Asked) {
        let random = self.random.u64(..);
        if ask.probe {
            self.nodes[who.node].probed(Outcome::Failure, self.now, random);
            self.after_failure(who.node);
        } else {
            self.nodes[who.node].failed(self.now, random);
            self.after_failure(who.node);
        }
    }

    /// A breaker that has just opened wants a probe later, and nobody waits for it.
    fn after_failure(&mut self, node: usize) {
        if self.nodes[node].breaker.is_closed() {
            return;
        }
        self.await_probe(node);
        let subjects: Vec<u32> = self.nodes[node].held.keys().copied().collect();
        for subject in subjects {
            let settled = self.nodes[node].retry(subject, self.now);
            self.settle(node, subject, settled);
        }
    }

    fn report_everything(&mut self, node: usize) {
        let subjects: Vec<u32> = self.nodes[node].held.keys().copied().collect();
        for subject in subjects {
            self.look_at(node, subject);
        }
    }

    fn probe(&mut self, who: Life) {
        let (node, life, at) = (who.node, who.life, self.now);
        self.nodes[node].probe_at = None;
        let local = self.nodes[node].local(at);
        if self.nodes[node].breaker.start_probe(local) {
            self.note(|| format!("n{node} probes"));
            self.oracle.probes.push(Probe { at, node, life });
            self.ask(who, true);
        }
        self.await_probe(node);
    }

    /// Schedules the next look at the breaker, if it is not closed.
    fn await_probe(&mut self, node: usize) {
        let Some(due) = self.nodes[node].next_probe(self.now) else {
            return;
        };
        let due = due.max(self.now + MILLI);
        if self.nodes[node].probe_at.is_none_or(|at| at > due) {
            self.nodes[node].probe_at = Some(due);
            let who = self.life(node);
            self.schedule(due - self.now, Event::ProbeTick { who });
        }
    }
}
