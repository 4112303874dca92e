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
    /// Whether this node is known to be the only one: the store has said so for a while, and nothing has shown the contrary.
    pub alone: bool,
    /// How this node stands with the store.
    pub mode: Mode,
    /// Whether the last call that ended was not answered: then the next one may not be either, and a request had better
    /// not wait for it.
    pub suspected: bool,
}

impl View {
    /// Among how many nodes the slack is divided: where there is only this one, two, until it is known to be alone. The other
    /// may have started a moment ago (G2).
    #[inline]
    pub const fn slack_nodes(&self) -> u32 {
        if self.nodes > 1 || self.alone {
            self.nodes
        } else {
            2
        }
    }

    /// What a subject sees that is [cut off](super::Group::is_cut_off), for so long: a store that is out.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tidegate_core::tiered::{Mode, View};
    ///
    /// let node = View { nodes: 3, alone: false, mode: Mode::Connected, suspected: false };
    /// let lasted = Duration::from_secs(7);
    /// assert_eq!(node.cut_off(lasted).mode, Mode::Out { lasted });
    /// ```
    #[must_use]
    pub fn cut_off(self, lasted: Duration) -> Self {
        let out = match self.mode {
            Mode::Out { lasted } => lasted,
            Mode::Connected | Mode::Returning => Duration::ZERO,
        };
        let lasted = lasted.max(out);
        Self {
            mode: Mode::Out { lasted },
            ..self
        }
    }

    /// [Among how many](Self::slack_nodes) the slack is divided while the store answers and no share holds; none otherwise.
    #[inline]
    pub fn connected(&self) -> Option<u32> {
        (self.mode == Mode::Connected).then(|| self.slack_nodes())
    }
}
