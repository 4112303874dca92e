//! A node and the store as a whole: registrations, failures, probes.

use tidegate_core::{Outcome, ProbeId, Timestamp};

use super::Node;
use crate::event::Asked;

impl Node {
    /// Begins to wait for the answer to a registration or a probe.
    pub fn ask(&mut self, now: u64, probe: Option<ProbeId>) -> Asked {
        self.next_ticket += 1;
        let number = self.next_ticket;
        self.asked.insert(number);
        self.probing = probe.or(self.probing);
        let sent = self.local(now);
        Asked {
            number,
            sent,
            probe,
        }
    }

    /// A registration, or a probe, which is one, was answered.
    pub fn registered(&mut self, nodes: u32, sent: Timestamp, store: Timestamp, now: u64) {
        let local = self.local(now);
        self.clock.learn(sent, store, local);
        self.breaker.record(Outcome::Success, local, 0);
        self.link.called(true);
        self.link.registered(nodes, local);
    }

    /// The store said of which generation its data is. Says of which subjects it has lost what it was told.
    pub fn lost(&mut self, generation: u64, now: u64) -> Vec<u32> {
        if !self.link.noticed_generation(generation) {
            return Vec::new();
        }
        let at = self.store_time(now);
        let held = self.held.iter_mut();
        held.filter_map(|(subject, held)| held.known.whole().tell_again(at).then_some(*subject))
            .collect()
    }

    /// A call or a registration was not answered.
    pub fn failed(&mut self, now: u64, random: u64) {
        let local = self.local(now);
        self.link.called(false);
        if let Some(transition) = self.breaker.record(Outcome::Failure, local, random) {
            self.rests_since = now;
            self.link.changed(transition, local);
        }
    }

    /// A probe ended. Says whether the store is asked again.
    pub fn probed(&mut self, probe: ProbeId, outcome: Outcome, now: u64, random: u64) -> bool {
        let local = self.local(now);
        if self.probing == Some(probe) {
            self.rests_since = now;
        }
        let transition = self.breaker.finish_probe(probe, outcome, local, random);
        if let Some(transition) = transition {
            self.link.changed(transition, local);
        }
        transition.is_some()
    }

    /// When the next probe is due, in true time; `None` while the store is asked.
    pub fn next_probe(&self, now: u64) -> Option<u64> {
        let due = self.breaker.next_probe()?;
        Some(now + u64::try_from(due.since(self.local(now)).as_nanos()).unwrap_or(u64::MAX))
    }
}
