//! The world: nodes, store and network, and who knows what is true of them.

mod alive;
mod carry;
mod fault;
mod inspect;
mod settle;
mod settled;
mod visits;

pub use settled::UnderWay;

use std::collections::BTreeMap;

use tidegate_core::Rule;
use tidegate_core::tiered::CallId;

use crate::event::{Event, Future, Life};
use crate::fault::Fault;
use crate::network::Network;
use crate::node::Node;
use crate::oracle::Oracle;
use crate::store::Store;
use crate::time::{MILLI, SECOND};
use crate::timeline::Timeline;

/// D, in nanoseconds.
pub const DEADLINE: u64 = 50 * MILLI;

/// Everything there is.
pub struct World {
    /// True time.
    pub now: u64,
    /// When it began: a whole number of days.
    pub start: u64,
    pub nodes: Vec<Node>,
    pub store: Store,
    pub oracle: Oracle,
    pub timeline: Timeline,
    pub subjects: u32,
    /// Whether nodes forget subjects of which nothing matters any more, as a table does that needs the room.
    pub forgets: bool,
    network: Network,
    faults: Vec<Fault>,
    active: Vec<bool>,
    /// What was granted, and whose answer has not been heard yet.
    promised: BTreeMap<(u32, usize, u32, CallId), u64>,
    /// When the store last lost its data, or got other data.
    lost_at: u64,
    expected_nodes: u32,
    rules: Vec<Rule>,
    future: Future,
    random: fastrand::Rng,
}

impl World {
    /// `count` nodes that share the rules, and the faults that will come.
    pub fn new(
        seed: u64,
        (count, expected_nodes): (usize, u32),
        rules: &[Rule],
        faults: &[Fault],
    ) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let nodes = (0..count)
            .map(|_| Node::new(random.u64(..), 0, rules.to_vec(), expected_nodes))
            .collect();
        let start = 20_000 * 24 * 3_600 * SECOND;
        let mut world = Self {
            now: start,
            start,
            nodes,
            store: Store::default(),
            oracle: Oracle::default(),
            timeline: Timeline::default(),
            subjects: 1,
            forgets: false,
            network: Network::under([]),
            faults: faults.to_vec(),
            active: vec![false; faults.len()],
            promised: BTreeMap::new(),
            lost_at: 0,
            expected_nodes,
            rules: rules.to_vec(),
            future: Future::default(),
            random,
        };
        for node in 0..count {
            world.begin_life(node);
        }
        world.schedule_faults();
        world
    }

    /// Lets something happen after a while.
    pub fn schedule(&mut self, after: u64, event: Event) {
        self.future.schedule(self.now + after, event);
    }

    /// Goes on until a point in true time.
    pub fn run_until(&mut self, end: u64) {
        while let Some((at, event)) = self.future.next(end) {
            self.now = at;
            self.happen(event);
        }
        self.now = end;
    }

    fn begin_life(&mut self, node: usize) {
        let who = self.life(node);
        self.schedule(0, Event::Register { who });
    }

    fn life(&self, node: usize) -> Life {
        let Node { life, id, .. } = self.nodes[node];
        Life { node, life, id }
    }

    /// Whether that process still runs.
    fn lives(&self, who: Life) -> bool {
        let node = &self.nodes[who.node];
        node.life == who.life && !node.away
    }

    /// The node that a client of an absent one is sent to.
    fn present(&self, node: usize) -> Option<usize> {
        let count = self.nodes.len();
        (0..count)
            .map(|step| (node + step) % count)
            .find(|node| !self.nodes[*node].away)
    }

    fn happen(&mut self, event: Event) {
        if let Some(node) = event.process()
            && self.nodes[node].paused_until > self.now
        {
            // Whatever comes for a process that is stopped waits for it.
            let at = self.nodes[node].paused_until;
            return self.future.schedule(at, event);
        }
        match event {
            Event::Request {
                node,
                subject,
                cost,
            } => self.request(node, subject, cost),
            Event::Fault { index, begins } => self.change(index, begins),
            Event::Compare { since } => self.compare(since),
            Event::MustBeHealed => self.must_be_healed(),
            other => self.deliver(other),
        }
    }

    fn note(&mut self, text: impl FnOnce() -> String) {
        let at = self.now - self.start;
        self.timeline.note(at, text);
    }
}
