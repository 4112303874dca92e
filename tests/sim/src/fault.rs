//! Faults: what goes wrong, from when until when.

use std::fmt;

use crate::time::seconds;

/// Some of the nodes, as bits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Nodes(pub u64);

impl Nodes {
    pub fn all(count: usize) -> Self {
        Self((1 << count) - 1)
    }

    pub fn one(node: usize) -> Self {
        Self(1 << node)
    }

    pub fn contains(self, node: usize) -> bool {
        self.0 >> node & 1 == 1
    }
}

impl fmt::Debug for Nodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = (0..64).filter(|node| self.contains(*node));
        let names: Vec<String> = names.map(|node| format!("n{node}")).collect();
        write!(f, "{}", names.join("+"))
    }
}

/// What the store can be found to hold that no node ever reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Corruption {
    /// A full count of the current window.
    Full,
    /// Counters from an hour ahead.
    Future,
    /// Counters from the end of time.
    EndOfTime,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Messages of these nodes are dropped, in one direction or both.
    Cut {
        nodes: Nodes,
        to_store: bool,
        from_store: bool,
    },
    /// The part of the store is lost that the subjects are in: it says so, and still knows who the nodes are.
    PartLost,
    /// So many messages in a thousand are lost, each way.
    Loss(u16),
    /// So many messages in a thousand arrive twice.
    Duplication(u16),
    /// A message takes up to so long: what is sent later may well arrive earlier.
    Delay(u64),
    /// The store loses its data.
    LoseData,
    /// A node dies, and another one takes its place at once.
    Restart(usize),
    /// A node is not there: it joins when this ends, and leaves when it begins.
    Away(usize),
    /// A process is stopped, and goes on later as if nothing had been.
    Pause(usize),
    /// A node's wall clock steps. Its process does not see that, its successor does.
    WallClock(usize, i64),
    /// The store's clock steps.
    StoreClock(i64),
    /// The store holds what nobody reported.
    Corrupt(Corruption),
}

/// A fault, with its beginning and its end in nanoseconds from the start of the run. What happens in a moment
/// ends when it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    pub kind: Kind,
    pub from: u64,
    pub to: u64,
}

impl Fault {
    pub fn lasting(kind: Kind, from: u64, to: u64) -> Self {
        Self { kind, from, to }
    }

    pub fn at(kind: Kind, when: u64) -> Self {
        Self::lasting(kind, when, when)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Cut {
                nodes,
                to_store,
                from_store,
            } => {
                let way = match (to_store, from_store) {
                    (true, true) => "both ways",
                    (true, false) => "requests only",
                    _ => "replies only",
                };
                write!(f, "cut {nodes:?}, {way}")?;
            }
            Kind::PartLost => write!(f, "the part of the store with the subjects is lost")?,
            Kind::Delay(most) => write!(f, "delays up to {:.0} ms", most as f64 / 1e6)?,
            Kind::Loss(part) => write!(f, "loss of {:.1} %", f64::from(part) / 10.0)?,
            Kind::Duplication(part) => write!(f, "{:.1} % twice", f64::from(part) / 10.0)?,
            Kind::LoseData => write!(f, "the store loses its data")?,
            Kind::Restart(node) => write!(f, "n{node} crashes and restarts")?,
            Kind::Away(node) => write!(f, "n{node} is away")?,
            Kind::Pause(node) => write!(f, "n{node} is stopped")?,
            Kind::WallClock(node, by) => {
                write!(f, "n{node}'s wall clock steps by {:+.1} s", by as f64 / 1e9)?;
            }
            Kind::StoreClock(by) => {
                write!(f, "the store's clock steps by {:+.1} s", by as f64 / 1e9)?;
            }
            Kind::Corrupt(what) => write!(f, "the store's record is corrupt: {what:?}")?,
        }
        if self.from == self.to {
            write!(f, " at {:.3} s", seconds(self.from))
        } else {
            write!(
                f,
                " from {:.3} to {:.3} s",
                seconds(self.from),
                seconds(self.to)
            )
        }
    }
}
