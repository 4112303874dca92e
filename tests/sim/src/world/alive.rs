//! Registrations, and probes of a store that is gone.

use tidegate_core::{BreakerConfig, Outcome, ProbeId, Timestamp};

use super::{DEADLINE, World};
use crate::event::{Asked, Event, Life};
use crate::network::Way;
use crate::oracle::Probe;
use crate::time::{MILLI, SECOND};

impl World {
    pub(super) fn register(&mut self, who: Life) {
        let jitter = self.random.u64(0..400 * MILLI);
        self.schedule(SECOND * 4 / 5 + jitter, Event::Register { who });
        if self.nodes[who.node].breaker.is_closed() {
            self.ask(who, None);
        }
    }

    /// A node that took itself for the only one has seen that it is not.
    pub(super) fn ask_at_once(&mut self, who: Life) {
        let node = &mut self.nodes[who.node];
        if std::mem::take(&mut node.asks_at_once) && node.breaker.is_closed() {
            self.note(|| format!("n{} has seen that it is not alone", who.node));
            self.ask(who, None);
        }
    }

    fn ask(&mut self, who: Life, probe: Option<ProbeId>) {
        let ask = self.nodes[who.node].ask(self.now, probe);
        self.oracle.sent.push((self.now, who.node));
        self.schedule(DEADLINE, Event::RegisterDeadline { who, ask });
        self.send(who.node, Way::ToStore, &Event::Registering { who, ask });
    }

    pub(super) fn registered(&mut self, who: Life, ask: Asked, nodes: u32, store: Timestamp) {
        let (node, now) = (who.node, self.now);
        self.note(|| format!("n{node} hears that {nodes} nodes live"));
        self.nodes[node].registered(nodes, ask.sent, store, now);
        self.look_at_clock(node);
        if let Some(probe) = ask.probe {
            let random = self.random.u64(..);
            if self.nodes[node].probed(probe, Outcome::Success, now, random) {
                self.note(|| format!("n{node}'s probe is answered: connected"));
                self.schedule(0, Event::Register { who });
                self.resume(node);
            } else {
                self.look_whether_heeded(node, probe, ask.sent);
                self.await_probe(node);
            }
        }
    }

    /// The answer in time to the last probe brings its node back.
    fn look_whether_heeded(&mut self, node: usize, probe: ProbeId, sent: Timestamp) {
        let took = self.nodes[node].local(self.now).since(sent);
        let in_time = took <= BreakerConfig::default().probe_deadline;
        if self.nodes[node].probing == Some(probe) && in_time {
            self.oracle.not_heeded.push((self.now, node));
        }
    }

    /// A node that hears of data other than before tells again what it has told of every subject.
    pub(super) fn compare_generation(&mut self, node: usize, generation: u64) {
        let lost = self.nodes[node].lost(generation, self.now);
        if !lost.is_empty() {
            self.note(|| format!("n{node} tells all again"));
        }
        for subject in lost {
            self.plan(node, subject, None);
        }
    }

    pub(super) fn not_registered(&mut self, who: Life, ask: Asked) {
        let random = self.random.u64(..);
        if let Some(probe) = ask.probe {
            self.nodes[who.node].probed(probe, Outcome::Failure, self.now, random);
            self.after_failure(who.node);
        } else {
            self.nodes[who.node].failed(self.now, random);
            self.after_failure(who.node);
        }
    }

    /// A breaker that has just opened wants a probe later.
    pub(super) fn after_failure(&mut self, node: usize) {
        if self.nodes[node].breaker.is_closed() {
            return;
        }
        self.await_probe(node);
    }

    pub(super) fn probe(&mut self, who: Life) {
        let (node, at) = (who.node, self.now);
        self.nodes[node].probe_at = None;
        let local = self.nodes[node].local(at);
        if let Some(probe) = self.nodes[node].breaker.start_probe(local) {
            self.note(|| format!("n{node} probes"));
            let rested = at - self.nodes[node].rests_since;
            self.oracle.probes.push(Probe { at, node, rested });
            self.ask(who, Some(probe));
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
