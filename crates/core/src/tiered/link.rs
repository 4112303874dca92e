//! How a node stands with the store: connected, out, or just returning.

use core::time::Duration;

use super::{Mode, View};
use crate::{Timestamp, Transition};

/// How a node counts its peers, and how long it is careful after an outage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkConfig {
    /// How many nodes there are until the store has said so; and at least so many are reckoned with.
    pub expected_nodes: u32,
    /// How long shares still hold after the store answers again, unless all nodes are seen back before.
    pub returning: Duration,
}

impl Default for LinkConfig {
    /// One node; careful for a second.
    fn default() -> Self {
        Self {
            expected_nodes: 1,
            returning: Duration::from_secs(1),
        }
    }
}

/// How a node stands with the store, and how many nodes there are.
///
/// ```
/// use std::time::Duration;
/// use tidegate_core::tiered::{Link, LinkConfig, Mode};
/// use tidegate_core::{Timestamp, Transition};
///
/// let mut link = Link::new(LinkConfig { expected_nodes: 3, ..LinkConfig::default() });
/// let now = Timestamp::from_secs(100);
/// assert_eq!(link.view(now).mode, Mode::Connected);
/// link.changed(Transition::Opened, now);
/// let later = now + Duration::from_secs(5);
/// assert_eq!(link.view(later).mode, Mode::Out { lasted: Duration::from_secs(5) });
/// link.changed(Transition::Closed, later);
/// assert_eq!(link.view(later).mode, Mode::Returning);
/// assert_eq!(link.view(later + Duration::from_secs(1)).mode, Mode::Connected);
/// ```
#[derive(Clone, Debug)]
pub struct Link {
    config: LinkConfig,
    state: State,
    /// How many nodes the store knew of before an outage, or knows now.
    nodes: Option<u32>,
    /// Whether the last call that ended was not answered.
    suspected: bool,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Connected,
    Out { since: Timestamp },
    Returning { until: Timestamp, awaited: u32 },
}

impl Link {
    /// A node that has not heard of the store, and expects it to answer.
    pub const fn new(config: LinkConfig) -> Self {
        Self {
            config,
            state: State::Connected,
            nodes: None,
            suspected: false,
        }
    }

    /// The store stopped or began to answer, as the breaker saw it.
    pub fn changed(&mut self, transition: Transition, now: Timestamp) {
        self.state = match (transition, self.state) {
            (Transition::Opened, State::Out { since }) => State::Out { since },
            (Transition::Opened, _) => State::Out { since: now },
            (Transition::Closed, State::Out { .. }) => State::Returning {
                until: now + self.config.returning,
                awaited: self.count(),
            },
            (Transition::Closed, state) => state,
        };
    }

    /// A call ended, with an answer or without.
    pub const fn called(&mut self, answered: bool) {
        self.suspected = !answered;
    }

    /// The store said how many nodes it has heard of lately.
    pub fn registered(&mut self, nodes: u32) {
        match self.state {
            // A registry that was lost, or in which the others have not shown up again yet, says too little.
            State::Returning { awaited, .. } if nodes < awaited => {}
            State::Returning { .. } => {
                (self.state, self.nodes) = (State::Connected, Some(nodes));
            }
            _ => self.nodes = Some(nodes),
        }
    }

    /// How many nodes share each limit, and how this one stands with the store.
    pub fn view(&self, now: Timestamp) -> View {
        let mode = match self.state {
            State::Connected => Mode::Connected,
            State::Out { since } => Mode::Out {
                lasted: now.since(since),
            },
            State::Returning { until, .. } if now < until => Mode::Returning,
            State::Returning { .. } => Mode::Connected,
        };
        View {
            nodes: self.count(),
            mode,
            suspected: self.suspected,
        }
    }

    /// Until when shares still hold, if the store has just come back.
    pub const fn returning_until(&self) -> Option<Timestamp> {
        match self.state {
            State::Returning { until, .. } => Some(until),
            State::Connected | State::Out { .. } => None,
        }
    }

    fn count(&self) -> u32 {
        self.nodes
            .unwrap_or(1)
            .max(self.config.expected_nodes)
            .max(1)
    }
}
