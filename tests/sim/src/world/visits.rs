//! Visits: when the driver of a node comes to a subject, and what it does there, as the tiered store's does.

use std::time::Duration;

use tidegate_core::tiered::Urgency;

use super::{DEADLINE, World};
use crate::event::{Event, Life};
use crate::network::Way;
use crate::time::MILLI;

impl World {
    /// Those who came while a call was under way are looked at again.
    pub(super) fn follow_up(&mut self, node: usize, subject: u32) {
        let settled = self.nodes[node].retry(subject, self.now);
        self.settle(node, subject, settled);
        let wanted = self.nodes[node].has_wishes(subject);
        self.plan(node, subject, wanted.then_some(Duration::ZERO));
    }

    /// Lists the subject for the driver, as the group wants it.
    pub(super) fn plan(&mut self, node: usize, subject: u32, wanted: Option<Duration>) {
        let Some((urgency, at)) = self.nodes[node].plan(subject, wanted, self.now) else {
            return;
        };
        let who = self.life(node);
        if urgency == Urgency::Now {
            return self.visit(who, subject, urgency);
        }
        let late = self.late();
        let visit = Event::Visit {
            who,
            subject,
            urgency,
        };
        self.schedule(at - self.now + late, visit);
    }

    /// How much later than its turn the driver comes: it sleeps for about T.
    fn late(&mut self) -> u64 {
        self.random.u64(0..60 * MILLI)
    }

    /// The driver comes to a subject.
    pub(super) fn visit(&mut self, who: Life, subject: u32, urgency: Urgency) {
        let node = who.node;
        if !self.nodes[node].breaker.is_closed() {
            if urgency > Urgency::Soon {
                return self.settle_without_store(node, subject);
            }
            self.nodes[node].put_off.insert((subject, urgency));
            return;
        }
        if let Some(outgoing) = self.nodes[node].visit(subject, urgency, self.now) {
            self.note(|| crate::timeline::call(node, subject, &outgoing));
            self.oracle.sent.push((self.now, node));
            let (call, wants) = (outgoing.call, outgoing.want > 0);
            self.schedule(DEADLINE, Event::Deadline { who, subject, call });
            let event = Event::Call {
                who,
                subject,
                outgoing,
            };
            let arrivals = self.send(node, Way::ToStore, &event);
            if subject == 0 {
                let call = (who.life, call);
                self.nodes[node]
                    .under_way
                    .sends(call, self.now, &arrivals, wants);
            }
        }
        self.plan(node, subject, None);
    }

    /// Nobody waits for a store that is not asked.
    fn settle_without_store(&mut self, node: usize, subject: u32) {
        let at = self.nodes[node].store_time(self.now);
        if let Some(held) = self.nodes[node].held.get_mut(&subject) {
            held.known.whole().visited(Urgency::Now, at);
        }
        let settled = self.nodes[node].retry(subject, self.now);
        self.settle(node, subject, settled);
        let later = self.nodes[node].timing.report;
        self.plan(node, subject, Some(later));
    }

    /// The store is asked again: the driver goes on.
    pub(super) fn resume(&mut self, node: usize) {
        let who = self.life(node);
        for (subject, urgency) in std::mem::take(&mut self.nodes[node].put_off) {
            let late = self.late();
            let visit = Event::Visit {
                who,
                subject,
                urgency,
            };
            self.schedule(late, visit);
        }
    }
}
