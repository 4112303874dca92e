//! A simulated node: the driver that production has in tasks and timers, as plain data.

mod calls;
mod history;
mod known;
mod membership;
mod requests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use tidegate_core::shared::NodeId;
use tidegate_core::tiered::{
    CallId, Link, LinkConfig, Outgoing, StoreClock, Timing, Urgency, View, Visit,
};
use tidegate_core::{Breaker, BreakerConfig, Decision, ProbeId, Rule, Timestamp};

pub use history::{Final, History};
pub use known::Known;

use crate::world::UnderWay;

/// A request that waits for the store.
#[derive(Clone, Debug)]
pub struct Waiter {
    /// Tells it from others on this node.
    pub ticket: u64,
    /// When it came, in true time.
    pub came: u64,
    /// What it costs.
    pub cost: u64,
    /// The call that carries its wish, once there is one.
    pub call: Option<CallId>,
}

/// A call that was sent.
#[derive(Clone, Debug)]
pub struct Sent {
    /// What was sent.
    pub outgoing: Outgoing,
    /// When, on this node's clock.
    pub at: Timestamp,
}

/// One subject on one node.
#[derive(Default)]
pub struct Held {
    /// What the node knows.
    pub known: Known,
    /// Who waits.
    pub waiters: VecDeque<Waiter>,
    /// The last calls.
    pub sent: VecDeque<Sent>,
    /// The one whose answer is waited for.
    pub awaited: Option<CallId>,
    /// Whether the decision that was just taken says that no visit need be planned.
    pub covered: bool,
    /// The visit that it says has to be.
    pub opened: Option<Visit>,
}

/// What became of a request.
pub struct Settled {
    /// The request.
    pub waiter: Waiter,
    /// The decision that it got.
    pub decision: Decision,
}

/// One process that limits.
pub struct Node {
    /// Its id, new at each start.
    pub id: NodeId,
    /// Which life this is.
    pub life: u32,
    /// What this machine's wall clock shows minus true time, in nanoseconds. A process reads it once, at its start.
    pub wall_clock: i64,
    /// By how many millionths its clock is fast.
    pub drift: i64,
    /// Until when its process is stopped, in true time.
    pub paused_until: u64,
    /// Whether it runs at all.
    pub away: bool,
    /// When it last heard of each subject, in true time.
    pub heard_at: BTreeMap<u32, u64>,
    /// Since when, in true time, it knows what the store's clock shows; `None` since that stepped.
    pub in_step_since: Option<u64>,
    /// What it heard of windows that are over.
    pub history: History,
    /// The registrations and probes that it waits for.
    pub asked: BTreeSet<u64>,
    /// The last probe, whether it has ended or not.
    pub probing: Option<ProbeId>,
    /// What is under way about the first subject.
    pub under_way: UnderWay,
    /// The visits that are put off until the store is asked again.
    pub put_off: BTreeSet<(u32, Urgency)>,
    /// When the breaker opened, or the last probe ended, in true time.
    pub rests_since: u64,
    /// For when a probe is scheduled.
    pub probe_at: Option<u64>,
    /// Its clock minus true time when it started.
    offset: i64,
    started: u64,
    /// The policies of every request.
    pub rules: Vec<Rule>,
    /// The subjects that it holds.
    pub held: BTreeMap<u32, Held>,
    /// Whether it is to ask at once how many nodes there are.
    pub asks_at_once: bool,
    /// Whether it asks the store.
    pub breaker: Breaker,
    link: Link,
    clock: StoreClock,
    /// T, and how often a denied subject is looked at.
    pub timing: Timing,
    next_ticket: u64,
}

impl Node {
    /// A node that has just started.
    pub fn new(id: u64, life: u32, rules: Vec<Rule>, expected_nodes: u32) -> Self {
        Self {
            id: NodeId::from_random(id),
            life,
            wall_clock: 0,
            drift: 0,
            paused_until: 0,
            away: false,
            heard_at: BTreeMap::new(),
            in_step_since: None,
            history: History::default(),
            asked: BTreeSet::new(),
            probing: None,
            under_way: UnderWay::default(),
            put_off: BTreeSet::new(),
            rests_since: 0,
            probe_at: None,
            offset: 0,
            started: 0,
            rules,
            held: BTreeMap::new(),
            asks_at_once: false,
            breaker: Breaker::new(BreakerConfig::default()),
            link: Link::new(LinkConfig {
                expected_nodes,
                ..LinkConfig::default()
            }),
            clock: StoreClock::default(),
            timing: Timing::default(),
            next_ticket: 0,
        }
    }

    /// Starts its clock: the wall clock's time now, and monotonic from here on.
    pub fn start_clock(&mut self, (wall_clock, drift): (i64, i64), now: u64) {
        (self.wall_clock, self.offset) = (wall_clock, wall_clock);
        (self.drift, self.started) = (drift, now);
    }

    /// What its own clock shows.
    pub fn local(&self, now: u64) -> Timestamp {
        let lived = i64::try_from(now - self.started).unwrap_or(0);
        let error = self.offset + lived / 1_000_000 * self.drift;
        Timestamp::from_nanos(now.saturating_add_signed(error))
    }

    /// What it would not have reported of a subject, had it moved to `now`.
    pub fn unsent(&self, subject: u32, now: u64) -> u64 {
        let at = self.store_time(now);
        self.held.get(&subject).map_or(0, |held| {
            let mut group = held.known.seen();
            group.roll(at);
            group.unsent()
        })
    }

    /// Whether it waits for the answer to this call.
    pub fn awaits(&self, subject: u32, call: CallId) -> bool {
        let held = self.held.get(&subject);
        held.is_some_and(|held| held.awaited == Some(call))
    }

    /// Whether all is told and no answer is waited for.
    pub fn is_quiet(&self, subject: u32) -> bool {
        let held = self.held.get(&subject);
        held.is_some_and(|held| held.awaited.is_none() && !held.known.seen().is_untold())
    }

    /// Whether the store has told it the time.
    pub fn has_heard_time(&self) -> bool {
        self.clock.is_known()
    }

    /// What it believes the store's clock to show.
    pub fn store_time(&self, now: u64) -> Timestamp {
        self.clock.store_time(self.local(now))
    }

    /// What a subject sees of that: the store is out for one that is cut off.
    pub fn view_of(&self, subject: u32, now: u64) -> View {
        let (view, local) = (self.view(now), self.local(now));
        let held = self.held.get(&subject);
        if !held.is_some_and(|held| held.known.seen().is_cut_off()) {
            return view;
        }
        let since = self.link.part_lost_since(local).unwrap_or(local);
        view.cut_off(local.since(since))
    }

    /// What it knows beyond one subject.
    pub fn view(&self, now: u64) -> View {
        self.link.view(self.local(now))
    }
}
