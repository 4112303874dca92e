//! Small worlds, in every order in which things can happen: a few nodes, one subject, one store, and messages that may be
//! lost, come twice, late and in any order.
//!
//! What the [explorer](explore) visits are the very replicas and the very store that scenarios run, but here no dice are
//! thrown: whatever is possible next is tried.

mod check;
mod discard;
pub mod explore;
mod print;
mod step;

use std::fmt;
use std::ops::Add;
use std::sync::Arc;
use std::time::Duration;

use print::Print;
use tidegate_core::shared::{NodeId, Record, Reply};
use tidegate_core::tiered::{CallId, Group, Link, LinkConfig, Mode, Outgoing, View};
use tidegate_core::{Algorithm, Outage, PolicyName, Quota, Rule, Timestamp, Tolerance};

/// How long a window is.
const WINDOW: Duration = Duration::from_secs(10);
/// When the first one begins: a whole number of windows.
const START: Timestamp = Timestamp::from_secs(1_000_000);

/// What a small world has, and how often each thing may happen in it.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    pub nodes: usize,
    /// How many nodes each of them knows of.
    pub known: u32,
    pub limit: u64,
    /// q.
    pub slack: u64,
    pub requests: u32,
    /// What decides when an answer is missing.
    pub outage: Outage,
    pub may: Budget,
}

/// How often things may still go wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Budget {
    /// Messages that are lost.
    pub losses: u8,
    /// Messages that arrive twice.
    pub twice: u8,
    /// Calls that are given up although their answer is on its way.
    pub late: u8,
    pub restarts: u8,
    pub data_losses: u8,
    /// Windows that begin.
    pub windows: u8,
}

impl Add for Budget {
    type Output = Self;

    fn add(self, more: Self) -> Self {
        Self {
            losses: self.losses + more.losses,
            twice: self.twice + more.twice,
            late: self.late + more.late,
            restarts: self.restarts + more.restarts,
            data_losses: self.data_losses + more.data_losses,
            windows: self.windows + more.windows,
        }
    }
}

/// One thing that happens.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Request(usize),
    /// A node sends what it wants, or what is untold.
    Send(usize),
    /// A message arrives.
    Arrive(usize),
    /// A message arrives, and will arrive again.
    ArriveTwice(usize),
    Lose(usize),
    /// A node gives its call up.
    GiveUp(usize),
    /// A node registers, and hears of which generation the store's data is.
    Register(usize),
    Restart(usize),
    LoseData,
    NextWindow,
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(node) => write!(f, "a request comes to n{node}"),
            Self::Send(node) => write!(f, "n{node} sends a call"),
            Self::Arrive(place) => write!(f, "message {place} arrives"),
            Self::ArriveTwice(place) => write!(f, "message {place} arrives, and stays"),
            Self::Lose(place) => write!(f, "message {place} is lost"),
            Self::GiveUp(node) => write!(f, "n{node} gives its call up"),
            Self::Register(node) => write!(f, "n{node} registers"),
            Self::Restart(node) => write!(f, "n{node} restarts"),
            Self::LoseData => write!(f, "the store loses its data"),
            Self::NextWindow => write!(f, "the next window begins"),
        }
    }
}

/// One life of a node.
#[derive(Clone, Debug)]
struct Node {
    id: NodeId,
    group: Group,
    /// What it has heard of the store as a whole.
    link: Link,
    /// The generation that it heard of last.
    generation: Option<u64>,
    /// Requests whose wish has not been sent, and those whose wish is under way.
    waiting: u64,
    asked: u64,
    sent: Option<Outgoing>,
    /// In each window.
    admitted: [u64; 2],
    /// The print of all this, as of the last step that changed it.
    print: Print,
}

/// A message under way.
#[derive(Clone, Debug)]
enum Message {
    Call {
        node: usize,
        id: NodeId,
        outgoing: Outgoing,
    },
    Answer {
        node: usize,
        id: NodeId,
        call: CallId,
        replies: Vec<Reply>,
    },
}

/// Everything there is.
#[derive(Clone, Debug)]
pub struct World {
    nodes: Vec<Node>,
    record: Record,
    /// Of which generation the store's data is: another one after each loss.
    generation: u64,
    messages: Vec<Message>,
    /// The lives that have ended.
    ended: Vec<NodeId>,
    /// Which window it is.
    window: usize,
    requests: u32,
    may: Budget,
    /// What lives that have ended admitted, and what was decided without an answer.
    dead: [u64; 2],
    unanswered: [u64; 2],
    /// How many lives there were.
    lives: u64,
    /// What was wrong with the last step by itself.
    flaw: Option<String>,
}

impl Size {
    /// How a world of this size begins.
    pub fn world(&self) -> World {
        World {
            nodes: (0..self.nodes as u64).map(|id| Node::new(id, 0)).collect(),
            record: Record::default(),
            generation: 0,
            messages: Vec::new(),
            ended: Vec::new(),
            window: 0,
            requests: self.requests,
            may: self.may,
            dead: [0; 2],
            unanswered: [0; 2],
            lives: self.nodes as u64,
            flaw: None,
        }
    }

    /// The policy of all requests.
    pub fn rule(&self) -> Rule {
        let quota = Quota::new(self.limit, WINDOW)
            .and_then(|quota| quota.with_algorithm(Algorithm::FixedWindow))
            .expect("a small quota");
        let others = self.nodes as f64 - 1.0;
        // Fractions are kept as millionths, and what a third of them comes to is rounded down.
        let rounding = if self.slack > 0 { 1e-6 } else { 0.0 };
        let fraction = (self.slack as f64 * others / self.limit as f64 + rounding).min(1.0);
        let tolerance = Tolerance::from_fraction(fraction).expect("a fraction");
        let nodes = u32::try_from(self.nodes).expect("a few nodes");
        assert_eq!(tolerance.slack(self.limit, nodes), self.slack, "{self}");
        Rule::new(PolicyName::new("p").expect("a name"), quota)
            .with_tolerance(tolerance)
            .with_outage(self.outage)
    }

    fn view(&self) -> View {
        View {
            nodes: self.known,
            alone: self.known == 1,
            mode: Mode::Connected,
            suspected: false,
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Budget {
            losses,
            twice,
            late,
            restarts,
            data_losses,
            windows,
        } = self.may;
        write!(
            f,
            "N {}, L {}, q {}, {} requests",
            self.nodes, self.limit, self.slack, self.requests
        )?;
        let parts = [
            (losses, "lost"),
            (twice, "twice"),
            (late, "late"),
            (restarts, "restart"),
            (data_losses, "data loss"),
            (windows, "new window"),
        ];
        for (count, name) in parts.into_iter().filter(|(count, _)| *count > 0) {
            write!(f, ", {count} {name}")?;
        }
        Ok(())
    }
}

impl Node {
    /// One that has just registered. One that has not yet would notice any generation, as this one does any but the first.
    fn new(id: u64, generation: u64) -> Self {
        let mut node = Self {
            id: NodeId::from_random(id),
            group: Group::default(),
            link: Link::new(LinkConfig::default()),
            generation: None,
            waiting: 0,
            asked: 0,
            sent: None,
            admitted: [0; 2],
            print: Print::default(),
        };
        node.hear_generation(generation);
        node.print = node.print();
        node
    }

    /// Hears of which generation the store's data is. Says whether the store has lost what it was told.
    fn hear_generation(&mut self, generation: u64) -> bool {
        self.generation = Some(generation);
        self.link.noticed_generation(generation)
    }
}

fn intern(rule: &Rule) -> Arc<Rule> {
    Arc::new(*rule)
}
