//! What a node knows beyond a single subject.

use core::time::Duration;

/// How a node stands with the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The store answers.
    Connected,
    /// It has not answered for so long: outage settings decide.
    Out {
        /// How long the outage has lasted.
        lasted: Duration,
    },
    /// It answers again, but what other nodes admitted meanwhile is not in its totals yet: shares still hold, so that
    /// all nodes together do not admit the limit a second time.
    Returning,
}

/// What a node knows beyond a single subject: how many nodes there are, and how it stands with the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// How many nodes share each limit, this one included; at least 1.
    pub nodes: u32,
    /// How this node stands with the store.
    pub mode: Mode,
    /// Whether the last call that ended was not answered: then the next one may not be either, and a request had better
    /// not wait for it.
    pub suspected: bool,
}
