//! What a node holds of a subject, and what it decides by that: a node and the store's record, moved by hand.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod clock;
mod cut_off;
mod demand;
mod dropped;
mod idle;
mod leftover;
mod link;
mod lost;
mod new_life;
mod others;
mod outage;
mod parts;
mod policies;
mod quick;
mod refunds;
mod replaced;
mod unanswered;
mod visits;

use std::sync::Arc;
use std::time::Duration;

use tidegate_core::shared::{NodeId, Record, Reply, Report, sync};
use tidegate_core::tiered::{Finished, Group, Heard, Mode, Outgoing, Timing, View};
use tidegate_core::{Algorithm, Decision, PolicyName, Quota, Rule, Timestamp, Tolerance};

const WINDOW: Duration = Duration::from_secs(10);
/// Where a window begins.
const START: Timestamp = Timestamp::from_secs(1_000_000);
const NODE: NodeId = NodeId::from_random(1);
const RIVAL: NodeId = NodeId::from_random(2);
const VIEW: View = View {
    nodes: 2,
    alone: false,
    mode: Mode::Connected,
    suspected: false,
};
const ALGORITHMS: [Algorithm; 3] = [
    Algorithm::FixedWindow,
    Algorithm::SlidingWindow,
    Algorithm::TokenBucket,
];

/// One node, and the store's record. The limit is 50 in ten seconds: a bucket takes in one every 200 ms.
struct World {
    rule: Rule,
    group: Group,
    record: Record,
    view: View,
}

impl World {
    fn new(algorithm: Algorithm) -> Self {
        let quota = Quota::new(50, WINDOW).unwrap().with_algorithm(algorithm);
        Self {
            rule: Rule::new(PolicyName::new("p").unwrap(), quota.unwrap()),
            group: Group::default(),
            record: Record::default(),
            view: VIEW,
        }
    }

    /// The node may admit 25 before it speaks to the store.
    fn loose(algorithm: Algorithm) -> Self {
        let mut world = Self::new(algorithm);
        let half = Tolerance::from_fraction(0.5).unwrap();
        world.rule = world.rule.with_tolerance(half);
        world
    }

    /// Decides a request without the store's help, if that can be.
    fn decide(&mut self, cost: u64, now: Timestamp) -> Option<Decision> {
        let intern = &mut |rule: &Rule| Arc::new(*rule);
        self.group
            .acquire(&[self.rule], cost, &self.view, now, intern)
    }

    /// Decides a request, with the store's help where that is needed.
    fn ask(&mut self, now: Timestamp) -> bool {
        let known = self.decide(1, now);
        known.map_or_else(
            || self.call(1, now),
            |decision| Decision::is_allowed(&decision),
        )
    }

    /// Tells the store what is untold, and hears how much of what is wanted it grants.
    fn call(&mut self, want: u64, now: Timestamp) -> bool {
        self.exchange(want, now).0 > 0
    }

    /// Tells the store what is untold, and hears what the window before was like, if that is final.
    fn hear(&mut self, now: Timestamp) -> Option<Finished> {
        self.exchange(0, now).1.finished.first().copied()
    }

    fn exchange(&mut self, want: u64, now: Timestamp) -> (u64, Heard) {
        let outgoing = self.compose(want, now).unwrap();
        let reply = self.carry(&outgoing, now);
        (reply.got, self.answer(&outgoing, reply, reply.got, now))
    }

    fn compose(&mut self, want: u64, now: Timestamp) -> Option<Outgoing> {
        let rules = [self.rule];
        let wanting = (want > 0).then_some((&rules[..], want));
        self.group.compose(wanting, now)
    }

    /// The store takes a call, and answers.
    fn carry(&mut self, outgoing: &Outgoing, now: Timestamp) -> Reply {
        self.serve(NODE, outgoing.reports[0].1, outgoing.want, now)
    }

    /// What a rival wants, and gets.
    fn rival(&mut self, want: u64, now: Timestamp) -> u64 {
        self.serve(RIVAL, Report::NOTHING, want, now).got
    }

    fn serve(&mut self, node: NodeId, report: Report, want: u64, now: Timestamp) -> Reply {
        let records = std::slice::from_mut(&mut self.record);
        sync(records, &[self.rule], &[report], node, want, now)[0]
    }

    /// The answer arrives; `used` of what was granted goes to requests.
    fn answer(&mut self, outgoing: &Outgoing, reply: Reply, used: u64, now: Timestamp) -> Heard {
        let timing = Timing::default();
        let heard = self.group.hear(outgoing, &[reply], used, &timing, now);
        heard.unwrap()
    }

    /// How much of the limit is used, as the store knows it.
    fn used(&self, now: Timestamp) -> u64 {
        let quota = self.rule.quota();
        let usage = quota.brought_forward(self.record.usage(), now);
        quota.capacity() - quota.remaining(usage, now)
    }

    /// How much is left, as the node knows it.
    fn left(&mut self, now: Timestamp) -> u64 {
        let intern = &mut |rule: &Rule| Arc::new(*rule);
        let look = self.group.look(&[self.rule], 1, now, intern);
        look.statuses()[0].remaining()
    }

    /// Moves on in time.
    fn roll(&mut self, now: Timestamp) {
        self.group.roll(now);
    }

    /// When something is due, as the driver sees it.
    fn due(&self) -> Option<Timestamp> {
        self.group.due(&self.view, &Timing::default())
    }
}
