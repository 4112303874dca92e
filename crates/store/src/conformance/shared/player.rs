//! A node as the suite plays it: what it has used, what it last heard, and what it would report.

use tidegate_core::shared::{BucketReport, NodeId, Reply, Report, Totals, WindowReport};
use tidegate_core::{Algorithm, Rule, Timestamp};

/// Node ids that differ in every half, as random ones do.
pub(super) const NODES: [NodeId; 3] = [
    NodeId::from_random(0x0123_4567_89ab_cdef),
    NodeId::from_random(0xfedc_ba98_7654_3210),
    NodeId::from_random(0x5555_aaaa_0f0f_f0f0),
];

/// What a node used by itself.
pub(super) fn local(local: u64) -> Totals {
    Totals {
        local,
        ..Totals::default()
    }
}

/// The report of a node that has used nothing.
pub(super) fn nothing(rule: &Rule) -> Report {
    match rule.quota().algorithm() {
        Algorithm::TokenBucket => Report::Bucket(BucketReport::default()),
        Algorithm::FixedWindow | Algorithm::SlidingWindow => Report::NOTHING,
    }
}

/// The report of a node that has used these totals, and last heard `heard`.
pub(super) fn report(rule: &Rule, totals: Totals, heard: &Reply) -> Report {
    Player::new(rule, totals, heard).report(rule)
}

/// One node's part under one policy.
#[derive(Clone, Copy, Debug)]
pub(super) struct Player {
    /// Where the window began that the node believes to be the current one.
    pub(super) start: Timestamp,
    pub(super) current: Totals,
    pub(super) previous: Totals,
    heard: Reply,
}

impl Player {
    /// A node that has used these totals in the window that it heard of.
    pub(super) fn new(rule: &Rule, totals: Totals, heard: &Reply) -> Self {
        let mut player = Self {
            start: Timestamp::EPOCH,
            current: Totals::default(),
            previous: Totals::default(),
            heard: *heard,
        };
        player.hear(rule, heard);
        player.current = player.current.merged(totals);
        player
    }

    /// Takes an answer in: what was granted, and that a new window may have begun.
    pub(super) fn hear(&mut self, rule: &Rule, reply: &Reply) {
        let start = window_of(rule, reply);
        if start > self.start {
            let follows = self.start + rule.quota().window() == start;
            self.previous = if follows {
                self.current
            } else {
                Totals::default()
            };
            self.current = Totals::default();
            self.start = start;
        }
        self.current.granted = self.current.granted.max(reply.mine.granted);
        self.previous.granted = self.previous.granted.max(reply.mine_before.granted);
        self.heard = *reply;
    }

    /// What it reports now.
    pub(super) fn report(&self, rule: &Rule) -> Report {
        match rule.quota().algorithm() {
            Algorithm::TokenBucket => Report::Bucket(BucketReport {
                totals: self.current,
                acknowledged: self.heard.mine,
                heard: self.heard.usage.at(),
                since: self.heard.now,
                ..BucketReport::default()
            }),
            Algorithm::FixedWindow | Algorithm::SlidingWindow => Report::Windows {
                current: WindowReport {
                    start: self.start,
                    totals: self.current,
                },
                previous: WindowReport {
                    start: self.start - rule.quota().window(),
                    totals: self.previous,
                },
            },
        }
    }
}

/// Where the current window begins; a token bucket counts a node's whole life.
fn window_of(rule: &Rule, reply: &Reply) -> Timestamp {
    match rule.quota().algorithm() {
        Algorithm::TokenBucket => Timestamp::EPOCH,
        Algorithm::FixedWindow | Algorithm::SlidingWindow => reply.usage.at(),
    }
}
