//! What a node heard of windows that are over, kept beside the replica: by that, what its share must be.

use std::collections::{BTreeMap, BTreeSet};

use tidegate_core::Rule;
use tidegate_core::shared::Reply;
use tidegate_core::tiered::{Heard, Outgoing};

use crate::scenario::nanos;

/// The final counts of a window under the first policy, as a node heard them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Final {
    /// When it began, on the store's clock.
    pub window: u64,
    pub own: u64,
    pub total: u64,
}

/// What a node heard and did of windows under the first policy, by subject.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// The windows in which something was decided without the store: they say nothing about demand.
    isolated: BTreeSet<(u32, u64)>,
    last: BTreeMap<u32, Final>,
    /// All that was heard of the first subject, and when, in true time.
    pub heard: Vec<(u64, Final)>,
}

impl History {
    /// Something was decided without the store.
    pub fn isolate(&mut self, subject: u32, window: u64) {
        self.isolated.insert((subject, window));
    }

    /// The node forgets what it heard of a subject.
    pub fn forget(&mut self, subject: u32) {
        self.last.remove(&subject);
    }

    /// Takes the final counts out of an answer, if it was the first to contain them.
    pub fn hear(
        &mut self,
        subject: u32,
        rule: &Rule,
        (outgoing, replies): (&Outgoing, &[Reply]),
        heard: &Heard,
        now: u64,
    ) {
        let asked = |(asked, _): &(Rule, _)| asked.id() == rule.id();
        let place = outgoing.reports.iter().position(asked);
        let Some(reply) = place.and_then(|place| replies.get(place)) else {
            return;
        };
        let (own, total) = (reply.mine_before.net(), reply.usage.previous());
        let limit = rule.quota().limit();
        let found = heard.finished.iter().any(|finished| {
            (finished.own, finished.total, finished.allowance) == (own, total, limit)
        });
        let start = reply.usage.at().as_nanos();
        let window = start.saturating_sub(nanos(rule.quota().window()));
        if !found || total == 0 || self.isolated.contains(&(subject, window)) {
            return;
        }
        let last = Final { window, own, total };
        self.last.insert(subject, last);
        if subject == 0 {
            self.heard.push((now, last));
        }
    }

    /// The final counts that the node's share follows.
    pub fn last(&self, subject: u32) -> Option<Final> {
        self.last.get(&subject).copied()
    }
}
