//! What can happen, in order of true time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use tidegate_core::shared::{NodeId, Reply};
use tidegate_core::tiered::{CallId, Outgoing, Urgency};
use tidegate_core::{ProbeId, Timestamp};

/// One life of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    pub node: usize,
    pub life: u32,
    /// The id under which the store knows it.
    pub id: NodeId,
}

/// Something that happens.
#[derive(Clone, Debug)]
pub enum Event {
    /// A client sends a request to a node.
    Request {
        node: usize,
        subject: u32,
        cost: u64,
    },
    /// A request has waited for D.
    Patience {
        who: Life,
        subject: u32,
        ticket: u64,
    },
    /// A node's call reaches the store.
    Call {
        who: Life,
        subject: u32,
        outgoing: Outgoing,
    },
    /// The store's answer reaches the node.
    Reply {
        who: Life,
        subject: u32,
        call: CallId,
        replies: Vec<Reply>,
    },
    /// The store's answer that it does not serve the subject.
    Unserved {
        who: Life,
        subject: u32,
        call: CallId,
    },
    /// A call has been out for D.
    Deadline {
        who: Life,
        subject: u32,
        call: CallId,
    },
    /// The driver's turn comes in which it is to visit a subject.
    Visit {
        who: Life,
        subject: u32,
        urgency: Urgency,
    },
    /// A node says that it is alive.
    Register { who: Life },
    /// A registration or a probe, which is one, reaches the store.
    Registering { who: Life, ask: Asked },
    /// Its answer reaches the node.
    Registered {
        who: Life,
        ask: Asked,
        nodes: u32,
        generation: u64,
        store: Timestamp,
    },
    /// It has been out for D.
    RegisterDeadline { who: Life, ask: Asked },
    /// A node looks whether a probe is due.
    ProbeTick { who: Life },
    /// A fault begins, or ends.
    Fault { index: usize, begins: bool },
    /// The nodes' counts are compared with the store's, after the data was lost at the given time.
    Compare { since: u64 },
    /// Every node must be asking the store.
    MustBeHealed,
}

/// A registration that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    pub number: u64,
    /// When, on the node's clock.
    pub sent: Timestamp,
    /// Whether it is a probe, and which.
    pub probe: Option<ProbeId>,
}

impl Event {
    /// The process that this happens in; `None` if it happens elsewhere.
    pub fn process(&self) -> Option<usize> {
        match self {
            Self::Request { node, .. } => Some(*node),
            Self::Patience { who, .. }
            | Self::Reply { who, .. }
            | Self::Unserved { who, .. }
            | Self::Deadline { who, .. }
            | Self::Visit { who, .. }
            | Self::Register { who }
            | Self::Registered { who, .. }
            | Self::RegisterDeadline { who, .. }
            | Self::ProbeTick { who } => Some(who.node),
            _ => None,
        }
    }
}

/// What will happen.
#[derive(Default)]
pub struct Future {
    events: BinaryHeap<Reverse<Scheduled>>,
    order: u64,
}

struct Scheduled {
    at: u64,
    order: u64,
    event: Event,
}

impl Future {
    /// Lets something happen at a point in true time.
    pub fn schedule(&mut self, at: u64, event: Event) {
        self.order += 1;
        let order = self.order;
        self.events.push(Reverse(Scheduled { at, order, event }));
    }

    /// What happens next, if that is not later than `end`.
    pub fn next(&mut self, end: u64) -> Option<(u64, Event)> {
        self.events.peek().filter(|Reverse(next)| next.at <= end)?;
        let Reverse(next) = self.events.pop()?;
        Some((next.at, next.event))
    }
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
