//! The world: events in order of true time, and what they do to nodes, network and store.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use tidegate_core::shared::Reply;
use tidegate_core::tiered::{CallId, Outgoing};
use tidegate_core::{Outcome, Rule, Timestamp};

use crate::network::{Network, Way};
use crate::node::{Node, Settled};
use crate::oracle::{Admission, Oracle};
use crate::store::Store;

/// One nanosecond is the unit of true time.
pub const MILLI: u64 = 1_000_000;
/// A second of true time.
pub const SECOND: u64 = 1_000 * MILLI;

/// Something that happens.
#[derive(Clone, Debug)]
pub enum Event {
    /// A client sends a request to a node.
    Request {
        node: usize,
        subject: u32,
        cost: u64,
    },
    /// A node's call reaches the store.
    Call {
        node: usize,
        life: u32,
        subject: u32,
        outgoing: Outgoing,
    },
    /// The store's answer reaches the node.
    Reply {
        node: usize,
        life: u32,
        subject: u32,
        call: CallId,
        replies: Vec<Reply>,
    },
    /// A call has been out for the deadline.
    Deadline {
        node: usize,
        life: u32,
        subject: u32,
        call: CallId,
    },
    /// A node wants to look at a subject again.
    Wake {
        node: usize,
        life: u32,
        subject: u32,
    },
    /// A node says that it is alive.
    Register { node: usize, life: u32 },
    /// A registration reaches the store.
    Registering {
        node: usize,
        life: u32,
        sent: Timestamp,
    },
    /// Its answer reaches the node.
    Registered {
        node: usize,
        life: u32,
        sent: Timestamp,
        nodes: u32,
        store: Timestamp,
    },
    /// A registration has been out for the deadline.
    RegisterDeadline {
        node: usize,
        life: u32,
        sent: Timestamp,
    },
    /// A node looks whether a probe is due.
    ProbeTick { node: usize, life: u32 },
    /// A probe reaches the store.
    Probing { node: usize, life: u32 },
    /// Its answer reaches the node.
    Probed { node: usize, life: u32 },
    /// The network or a node changes.
    Change(Change),
}

/// A fault begins or ends.
#[derive(Clone, Debug)]
pub enum Change {
    /// The network is another one.
    Network(Network),
    /// The store loses its data.
    LoseEverything,
    /// A node dies, and another one takes its place at once.
    Restart(usize),
    /// A node's clock steps, by nanoseconds.
    StepNode(usize, i64),
    /// The store's clock steps, by nanoseconds.
    StepStore(i64),
}

struct Scheduled {
    at: u64,
    order: u64,
    event: Event,
}

impl PartialEq for Scheduled {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.order) == (other.at, other.order)
    }
}
impl Eq for Scheduled {}
impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Scheduled {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

/// Everything there is.
pub struct World {
    /// True time.
    pub now: u64,
    /// The nodes.
    pub nodes: Vec<Node>,
    /// The store.
    pub store: Store,
    /// The network between them.
    pub network: Network,
    /// Who knows everything.
    pub oracle: Oracle,
    /// D, in nanoseconds.
    pub deadline: u64,
    /// What has happened, if that is wanted.
    pub timeline: Option<Vec<String>>,
    expected_nodes: u32,
    rules: Vec<Rule>,
    events: BinaryHeap<Reverse<Scheduled>>,
    order: u64,
    random: fastrand::Rng,
}

impl World {
    /// `count` nodes that share the rules, at a time that is a whole number of days.
    pub fn new(seed: u64, count: usize, rules: &[Rule], expected_nodes: u32) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let nodes = (0..count)
            .map(|_| Node::new(random.u64(..), 0, rules.to_vec(), expected_nodes))
            .collect();
        let mut world = Self {
            now: 20_000 * 24 * 3_600 * SECOND,
            nodes,
            store: Store::default(),
            network: Network::healthy(count),
            oracle: Oracle::default(),
            deadline: 50 * MILLI,
            timeline: None,
            expected_nodes,
            rules: rules.to_vec(),
            events: BinaryHeap::new(),
            order: 0,
            random,
        };
        for node in 0..count {
            world.start(node);
        }
        world
    }

    /// Lets something happen after a while.
    pub fn schedule(&mut self, after: u64, event: Event) {
        self.order += 1;
        self.events.push(Reverse(Scheduled {
            at: self.now + after,
            order: self.order,
            event,
        }));
    }

    /// Goes on until a point in true time.
    pub fn run_until(&mut self, end: u64) {
        while self
            .events
            .peek()
            .is_some_and(|Reverse(next)| next.at <= end)
        {
            let Some(Reverse(next)) = self.events.pop() else {
                break;
            };
            self.now = next.at;
            self.happen(next.event);
        }
        self.now = end;
    }

    fn note(&mut self, text: impl FnOnce() -> String) {
        let now = self.now;
        if let Some(timeline) = &mut self.timeline {
            timeline.push(format!("{:>12.6} {}", now as f64 / 1e9 % 86_400.0, text()));
        }
    }

    fn start(&mut self, node: usize) {
        let life = self.nodes[node].life;
        self.schedule(0, Event::Register { node, life });
        self.schedule(MILLI, Event::ProbeTick { node, life });
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Request {
                node,
                subject,
                cost,
            } => {
                let settled = self.nodes[node].request(subject, cost, self.now);
                self.settle(node, subject, settled);
                self.look_at(node, subject);
            }
            Event::Change(change) => self.change(change),
            Event::Register { node, life } if self.lives(node, life) => self.register(node, life),
            Event::ProbeTick { node, life } if self.lives(node, life) => self.probe(node, life),
            other => self.deliver(other),
        }
    }

    /// What the network brings, and what time brings to what is under way.
    fn deliver(&mut self, event: Event) {
        match event {
            Event::Call {
                node,
                life,
                subject,
                outgoing,
            } => self.carry_out(node, life, subject, &outgoing),
            Event::Reply {
                node,
                life,
                subject,
                call,
                replies,
            } if self.lives(node, life) => {
                self.note(|| format!("node {node} hears {replies:?}"));
                let random = self.random.u64(..);
                let settled = self.nodes[node].reply(subject, call, &replies, self.now, random);
                self.settle(node, subject, settled);
                self.follow_up(node, subject);
            }
            Event::Deadline {
                node,
                life,
                subject,
                call,
            } if self.lives(node, life) => {
                let random = self.random.u64(..);
                let settled = self.nodes[node].timeout(subject, call, self.now, random);
                self.settle(node, subject, settled);
                self.follow_up(node, subject);
            }
            Event::Wake {
                node,
                life,
                subject,
            } if self.lives(node, life) => {
                if let Some(held) = self.nodes[node].held.get_mut(&subject) {
                    held.wake_at = None;
                }
                self.look_at(node, subject);
            }
            Event::Registering { node, life, sent } => {
                let nodes = self.store.register(self.nodes[node].id, self.now);
                let store = self.store.clock(self.now);
                self.send(
                    node,
                    Way::FromStore,
                    &Event::Registered {
                        node,
                        life,
                        sent,
                        nodes,
                        store,
                    },
                );
            }
            Event::Registered {
                node,
                life,
                sent,
                nodes,
                store,
            } if self.lives(node, life) => {
                let random = self.random.u64(..);
                let local = self.nodes[node].local(self.now);
                if local.since(sent).as_nanos() <= u128::from(self.deadline) {
                    self.nodes[node].registered(nodes, sent, store, self.now, random);
                }
            }
            Event::Probing { node, life } => {
                self.send(node, Way::FromStore, &Event::Probed { node, life });
            }
            Event::Probed { node, life } if self.lives(node, life) => {
                let random = self.random.u64(..);
                self.nodes[node].probed(Outcome::Success, self.now, random);
                self.note(|| format!("node {node}'s probe is answered"));
                self.schedule(0, Event::Register { node, life });
                self.report_everything(node);
            }
            _ => {}
        }
    }

    fn carry_out(&mut self, node: usize, life: u32, subject: u32, outgoing: &Outgoing) {
        let id = self.nodes[node].id;
        // A call of a life that has ended is still carried out: the store cannot know.
        let replies = if self.lives(node, life) {
            self.store.sync(subject, id, outgoing, self.now)
        } else {
            return;
        };
        let event = Event::Reply {
            node,
            life,
            subject,
            call: outgoing.call,
            replies,
        };
        self.send(node, Way::FromStore, &event);
    }

    fn lives(&self, node: usize, life: u32) -> bool {
        self.nodes[node].life == life
    }

    fn send(&mut self, node: usize, way: Way, event: &Event) {
        for delay in self.network.arrivals(node, way, &mut self.random) {
            self.schedule(delay, event.clone());
        }
    }

    fn settle(&mut self, node: usize, subject: u32, settled: impl IntoIterator<Item = Settled>) {
        for Settled { waiter, decision } in settled {
            let window = decision
                .statuses()
                .first()
                .map_or(0, |status| status.usage().at().as_nanos());
            let admission = Admission {
                at: self.now,
                node,
                life: self.nodes[node].life,
                subject,
                cost: waiter.cost,
                window,
                provenance: decision.provenance(),
            };
            self.note(|| {
                format!(
                    "node {node} {}: {decision:?}",
                    if decision.is_allowed() {
                        "admits"
                    } else {
                        "denies"
                    }
                )
            });
            self.oracle
                .decided(admission, &decision, self.now - waiter.came);
        }
    }

    fn follow_up(&mut self, node: usize, subject: u32) {
        let settled = self.nodes[node].retry(subject, self.now);
        self.settle(node, subject, settled);
        self.look_at(node, subject);
    }

    /// Sends what is to be sent for a subject, or schedules when to look again.
    fn look_at(&mut self, node: usize, subject: u32) {
        let life = self.nodes[node].life;
        if let Some(outgoing) = self.nodes[node].outgoing(subject, self.now) {
            self.note(|| format!("node {node} sends {outgoing:?}"));
            let call = outgoing.call;
            self.schedule(
                self.deadline,
                Event::Deadline {
                    node,
                    life,
                    subject,
                    call,
                },
            );
            self.send(
                node,
                Way::ToStore,
                &Event::Call {
                    node,
                    life,
                    subject,
                    outgoing,
                },
            );
            return;
        }
        let Some(due) = self.nodes[node].due(subject, self.now) else {
            return;
        };
        // A node that does not ask the store looks again when it is connected.
        let due = due.max(self.now + MILLI);
        let Some(held) = self.nodes[node].held.get_mut(&subject) else {
            return;
        };
        if held.wake_at.is_none_or(|at| at > due || at < self.now) {
            held.wake_at = Some(due);
            self.schedule(
                due - self.now,
                Event::Wake {
                    node,
                    life,
                    subject,
                },
            );
        }
    }

    fn report_everything(&mut self, node: usize) {
        let subjects: Vec<u32> = self.nodes[node].held.keys().copied().collect();
        for subject in subjects {
            self.look_at(node, subject);
        }
    }

    fn register(&mut self, node: usize, life: u32) {
        self.schedule(SECOND, Event::Register { node, life });
        if self.nodes[node].breaker.is_closed() {
            let sent = self.nodes[node].local(self.now);
            self.send(node, Way::ToStore, &Event::Registering { node, life, sent });
        }
    }

    fn probe(&mut self, node: usize, life: u32) {
        self.schedule(5 * MILLI, Event::ProbeTick { node, life });
        let local = self.nodes[node].local(self.now);
        if self.nodes[node].breaker.start_probe(local) {
            self.note(|| format!("node {node} probes"));
            self.send(node, Way::ToStore, &Event::Probing { node, life });
        }
    }

    fn change(&mut self, change: Change) {
        self.note(|| format!("{change:?}"));
        match change {
            Change::Network(network) => self.network = network,
            Change::LoseEverything => self.store.lose_everything(),
            Change::Restart(node) => {
                let (id, life) = (self.random.u64(..), self.nodes[node].life + 1);
                let offset = self.nodes[node].offset;
                self.nodes[node] = Node::new(id, life, self.rules.clone(), self.expected_nodes);
                self.nodes[node].offset = offset;
                self.start(node);
            }
            Change::StepNode(node, by) => self.nodes[node].offset += by,
            Change::StepStore(by) => self.store.offset += by,
        }
    }
}
