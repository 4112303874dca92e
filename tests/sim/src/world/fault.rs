//! Faults begin and end.

use super::World;
use crate::event::Event;
use crate::fault::{Fault, Kind, Nodes};
use crate::network::Network;
use crate::node::Node;
use crate::time::MILLI;

/// By then every node has told the store again what that lost: it registers every 1.2 s at the latest, and a report is sent
/// after T, as the driver comes by.
pub(super) const REBUILT: u64 = 1_200 * MILLI + 200 * MILLI;

impl World {
    pub(super) fn schedule_faults(&mut self) {
        for index in 0..self.faults.len() {
            let fault = self.faults[index];
            let begins = true;
            self.schedule(fault.from, Event::Fault { index, begins });
            if fault.to > fault.from {
                let begins = false;
                self.schedule(fault.to, Event::Fault { index, begins });
            }
            if fault.kind == Kind::LoseData {
                let since = self.start + fault.from;
                self.schedule(fault.from + 600 * MILLI, Event::Compare { since });
                self.schedule(fault.from + REBUILT, Event::Compare { since });
            }
        }
    }

    pub(super) fn change(&mut self, index: usize, begins: bool) {
        let fault = self.faults[index];
        self.active[index] = begins;
        self.note(|| {
            let what = if begins { "" } else { "over: " };
            format!("=== {what}{fault}")
        });
        let active = self.faults.iter().zip(&self.active);
        self.network = Network::under(active.filter(|(_, on)| **on).map(|(fault, _)| fault));
        match fault.kind {
            Kind::LoseData => {
                self.lost_at = self.now;
                self.store.lose_everything();
            }
            Kind::Restart(node) => self.restart(node),
            Kind::Away(node) if begins => self.nodes[node].away = true,
            Kind::Away(node) => self.restart(node),
            Kind::Pause(node) if begins => {
                self.nodes[node].paused_until = self.now + (fault.to - fault.from);
            }
            Kind::WallClock(node, by) if fault.from > 0 => self.nodes[node].wall_clock += by,
            Kind::StoreClock(by) => {
                self.store.step(by, self.now);
                for node in &mut self.nodes {
                    node.in_step_since = None;
                }
            }
            Kind::Corrupt(what) => {
                self.lost_at = self.now;
                for rule in &self.rules {
                    self.store.corrupt(0, rule, what, self.now);
                }
            }
            _ => {}
        }
    }

    /// Cuts all nodes off for good.
    pub(super) fn cut_off(&mut self) {
        let kind = Kind::Cut {
            nodes: Nodes::all(self.nodes.len()),
            to_store: true,
            from_store: true,
        };
        let at = self.now - self.start;
        self.network = Network::under([&Fault::lasting(kind, at, u64::MAX)]);
        self.note(|| "=== all nodes are cut off for good".to_owned());
    }

    /// Starts the clocks of all nodes, each with its own error and drift.
    pub fn start_clocks(&mut self, most: i64) {
        for node in 0..self.nodes.len() {
            let drift = self.random.i64(-most..=most);
            let error: i64 = self
                .faults
                .iter()
                .map(|fault| match fault.kind {
                    Kind::WallClock(of, by) if of == node && fault.from == 0 => by,
                    _ => 0,
                })
                .sum();
            self.nodes[node].start_clock((error, drift), self.start);
        }
    }

    /// Another process takes the node's place, with a new id and an empty memory.
    fn restart(&mut self, node: usize) {
        let (id, life) = (self.random.u64(..), self.nodes[node].life + 1);
        let Node {
            wall_clock, drift, ..
        } = self.nodes[node];
        let mut successor = Node::new(id, life, self.rules.clone(), self.expected_nodes);
        successor.start_clock((wall_clock, drift), self.now);
        self.nodes[node] = successor;
        self.begin_life(node);
    }
}
