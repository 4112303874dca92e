//! What a node knows of a subject, kept as production keeps it: between two events it is taken apart, so that requests are
//! decided by its front, and what the front admitted is only found when the two are joined.

use std::sync::Arc;

use tidegate_core::tiered::{Front, Group, Rest, Timing, Verdict, View};
use tidegate_core::{Rule, Timestamp};

/// A group, in one piece or in two.
pub struct Known(State);

enum State {
    Whole(Group),
    Apart(Front, Rest, Arc<Rule>),
}

/// The only policy that is taken apart.
const NUMBER: u16 = 1;

impl Known {
    /// Decides a request, if its front can.
    pub fn decide(
        &mut self,
        request: (&Rule, u64),
        view: &View,
        timing: &Timing,
        now: Timestamp,
    ) -> Option<Verdict> {
        let State::Apart(front, _, rule) = &mut self.0 else {
            return None;
        };
        front.decide(rule, request, view.connected()?, timing, now)
    }

    /// In one piece, to be changed.
    pub fn whole(&mut self) -> &mut Group {
        if let State::Apart(front, rest, rule) = &self.0 {
            self.0 = State::Whole(rest.join(front, Arc::clone(rule)));
        }
        match &mut self.0 {
            State::Whole(group) => group,
            State::Apart(..) => unreachable!("it has just been joined"),
        }
    }

    /// As it is now, in one piece.
    pub fn seen(&self) -> Group {
        match &self.0 {
            State::Whole(group) => group.clone(),
            State::Apart(front, rest, rule) => rest.join(front, Arc::clone(rule)),
        }
    }

    /// Whether it may be forgotten.
    pub fn is_idle(&self, now: Timestamp) -> bool {
        match &self.0 {
            State::Whole(group) => group.is_idle(now),
            State::Apart(front, rest, _) => rest.is_idle(front, now),
        }
    }

    /// Takes it apart, if nothing is unusual about it.
    pub fn keep(&mut self, view: &View) {
        if let State::Whole(group) = &self.0
            && let Some((front, rest)) = group.split(NUMBER, view.slack_nodes())
            && let Some(rule) = group.only_rule()
        {
            self.0 = State::Apart(front, rest, Arc::clone(rule));
        }
    }
}

impl Default for Known {
    fn default() -> Self {
        Self(State::Whole(Group::default()))
    }
}
