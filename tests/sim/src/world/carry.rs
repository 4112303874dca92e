//! Messages: what nodes send, what the store answers, and what time brings to what is under way.

use tidegate_core::tiered::Outgoing;

use super::{DEADLINE, World};
use crate::event::{Event, Life};
use crate::network::Way;

impl World {
    pub(super) fn deliver(&mut self, event: Event) {
        match event {
            Event::Call {
                who,
                subject,
                outgoing,
            } => self.carry_out(who, subject, &outgoing),
            Event::Registering { who, ask } => {
                let (nodes, generation) = self.store.register(who.id, self.now);
                let store = self.store.clock(self.now);
                let answer = Event::Registered {
                    who,
                    ask,
                    nodes,
                    generation,
                    store,
                };
                self.send(who.node, Way::FromStore, &answer);
            }
            Event::Patience { who, .. }
            | Event::Reply { who, .. }
            | Event::Unserved { who, .. }
            | Event::Deadline { who, .. }
            | Event::Visit { who, .. }
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
                self.plan(node, subject, None);
            }
            Event::Reply {
                who,
                subject,
                call,
                replies,
            } => {
                self.promised.remove(&(subject, node, who.life, call));
                self.note(|| crate::timeline::reply(node, subject, &replies));
                let random = self.random.u64(..);
                // Of the policies that a call is not about its answer says no grant: a copy of a call may have been granted twice.
                let of_all = replies.len() == self.rules.len();
                let awaited = of_all && subject == 0 && self.nodes[node].awaits(subject, call);
                // Before it has heard of the store it goes by its wall clock, which may be wrong.
                let knows = self.store.steps == 0 && self.nodes[node].has_heard_time();
                let believed = self.nodes[node].store_time(self.now);
                let settled = self.nodes[node].reply(subject, call, &replies, self.now, random);
                if knows && self.nodes[node].store_time(self.now) < believed {
                    self.oracle.set_back.push((self.now, node));
                }
                self.ask_at_once(who);
                self.look_at_clock(node);
                self.settle(node, subject, settled);
                if awaited {
                    self.compare_now(node, call);
                }
                self.follow_up(node, subject);
            }
            Event::Unserved { subject, call, .. } => {
                if let Some(settled) = self.nodes[node].unserved(subject, call, self.now) {
                    self.note(|| format!("n{node} is cut off from s{subject}"));
                    self.settle(node, subject, settled);
                    self.follow_up(node, subject);
                }
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
            Event::Visit {
                subject, urgency, ..
            } => self.visit(who, subject, urgency),
            Event::Register { .. } => self.register(who),
            Event::ProbeTick { .. } => self.probe(who),
            Event::Registered {
                ask,
                nodes,
                generation,
                store,
                ..
            } if self.nodes[node].asked.remove(&ask.number) => {
                self.registered(who, ask, nodes, store);
                self.compare_generation(node, generation);
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
        if self.network.part_lost {
            let call = outgoing.call;
            self.send(
                node,
                Way::FromStore,
                &Event::Unserved { who, subject, call },
            );
            return;
        }
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

    /// Sends a message; says how long each copy of it takes.
    pub(super) fn send(&mut self, node: usize, way: Way, event: &Event) -> Vec<u64> {
        let arrivals = self.network.arrivals(node, way, &mut self.random);
        for delay in &arrivals {
            self.schedule(*delay, event.clone());
        }
        arrivals
    }

    /// Notes whether a node knows by now what the store's clock shows.
    pub(super) fn look_at_clock(&mut self, node: usize) {
        let (shown, now) = (self.store.clock(self.now).as_nanos(), self.now);
        let believed = self.nodes[node].store_time(now).as_nanos();
        if self.nodes[node].in_step_since.is_none() && believed.abs_diff(shown) < DEADLINE {
            self.nodes[node].in_step_since = Some(now);
        }
    }
}
