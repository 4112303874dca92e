//! Knows every request that was ever decided, what is true at every moment, and what was found out about nodes and store.

use std::collections::BTreeMap;

use tidegate_core::{Algorithm, Decision, Fallback, Provenance, Rule, Timestamp, Usage};

use crate::node::Final;

/// The most policies of one request that scenarios have.
pub const MOST_RULES: usize = 2;

/// One admitted request.
#[derive(Clone, Copy, Debug)]
pub struct Admission {
    /// True time.
    pub at: u64,
    /// When, on the clock of who decided.
    pub decided: Timestamp,
    pub node: usize,
    /// Which life of that node: a restarted node is another one.
    pub life: u32,
    pub subject: u32,
    pub cost: u64,
    /// Whether the node knew what the store's clock shows.
    pub in_step: bool,
    /// How often the store's clock had stepped: windows of different epochs are different ones.
    pub epoch: u32,
    /// The windows that it was charged to, by policy; token buckets have none.
    pub windows: [u64; MOST_RULES],
    pub provenance: Provenance,
    /// The limit that was enforced by the first policy: the whole one, or this node's share.
    pub limit: u64,
    /// Whether the node took itself for the only one.
    pub alone: bool,
    /// What that share follows: the last final counts that the node had heard, and the number of nodes.
    pub followed: (Option<Final>, u32),
}

impl Admission {
    /// Whether this node's share decided.
    pub fn by_share(&self) -> bool {
        self.provenance == Provenance::Outage(Fallback::Share)
    }

    /// The largest share that those final counts allow: 0.8 of this node's part of all that was admitted, and 0.2 / N;
    /// 1 / N without any.
    pub fn share_allowed(&self, limit: u64) -> f64 {
        let (last, nodes) = self.followed;
        let even = 1.0 / f64::from(nodes.max(1));
        let part = last.map_or(even, |last| {
            0.8 * last.own as f64 / last.total as f64 + 0.2 * even
        });
        (part * limit as f64).ceil()
    }
}

/// One denied request, unless it was denied by what is plainly true.
#[derive(Clone, Debug)]
pub struct Denial {
    pub at: u64,
    pub node: usize,
    pub subject: u32,
    /// Why it was wrong.
    pub truth: String,
    /// Whether it was wrong even if what a bucket holds was once counted too much, which stays missing until the bucket is full.
    /// What was heard before a step is no reason to deny, unless the store's clock has come to that moment again.
    pub plainly: bool,
}

/// A probe.
#[derive(Clone, Copy, Debug)]
pub struct Probe {
    pub at: u64,
    pub node: usize,
    /// How long after the breaker opened, or the probe before ended.
    pub rested: u64,
}

/// Something about one decision that must not be, whatever happens around it.
#[derive(Clone, Debug)]
pub struct Flaw {
    pub at: u64,
    pub what: String,
}

/// What a node's counts were a while after the store lost its data.
#[derive(Clone, Copy, Debug)]
pub struct Rebuilt {
    pub at: u64,
    pub node: usize,
    pub window: u64,
    /// What the node admitted in that window.
    pub admitted: u64,
    /// What the store knows of that, and what the node has yet to say.
    pub stored: u64,
    pub unsent: u64,
    /// Whether the node has heard of the subject since the loss, or must have told it again by now.
    pub heard: bool,
}

/// What the store counts of a node when both must agree, and do not.
#[derive(Clone, Copy, Debug)]
pub struct Mismatch {
    pub at: u64,
    pub node: usize,
    pub rule: usize,
    pub window: u64,
    pub stored: u64,
    pub admitted: u64,
}

/// What the store counts of a bucket at the end of a run, and what was admitted.
#[derive(Clone, Copy, Debug)]
pub struct Spent {
    pub subject: u32,
    pub rule: usize,
    pub stored: u64,
    pub admitted: u64,
}

/// What the store knows of a living node in a living window at the end of a run, everything being healed.
#[derive(Clone, Copy, Debug)]
pub struct Converged {
    pub node: usize,
    pub subject: u32,
    pub rule: usize,
    pub window: u64,
    pub stored: u64,
    pub admitted: u64,
    /// When the node last heard of the subject.
    pub heard: u64,
    /// Since when it knows what the store's clock shows.
    pub in_step_since: Option<u64>,
}

/// A life of a node, a policy, and a window of an epoch.
type Part = ((usize, u32), usize, (u32, u64));

/// Everything that an invariant may look at.
#[derive(Default)]
pub struct Oracle {
    /// Everything that was admitted, in order of time.
    pub admitted: Vec<Admission>,
    /// What was denied although there was room.
    pub unjustified: Vec<Denial>,
    pub denied: u64,
    pub decisions: u64,
    /// The longest that a decision took, and when.
    pub slowest: (u64, u64),
    pub probes: Vec<Probe>,
    /// Calls and registrations that were sent, by node.
    pub sent: Vec<(u64, usize)>,
    pub flaws: Vec<Flaw>,
    pub rebuilt: Vec<Rebuilt>,
    pub converged: Vec<Converged>,
    /// What the store counts of buckets at the end of a run, everything being healed.
    pub spent: Vec<Spent>,
    /// How often a node forgot a subject.
    pub forgotten: u64,
    pub mismatches: Vec<Mismatch>,
    /// Nodes that still do not ask the store when they must have healed.
    pub not_healed: Vec<(u64, usize)>,
    /// Nodes that do not ask the store although it has answered their last probe in time.
    pub not_heeded: Vec<(u64, usize)>,
    /// When an answer set a node's clock back, although the store's had never stepped, and whose.
    pub set_back: Vec<(u64, usize)>,
    /// What an idle subject was told at the very end: when, by which node, and whether it was admitted.
    pub after_rest: Vec<(u64, usize, bool)>,
    /// What was admitted, by subject, policy, epoch and window.
    counts: BTreeMap<(u32, usize, u32, u64), u64>,
    /// What each life of a node admitted of the first subject, by policy and window.
    parts: BTreeMap<Part, u64>,
    /// What was taken from token buckets, by subject and policy.
    buckets: BTreeMap<(u32, usize), Usage>,
}

impl Oracle {
    /// Notes a request that was admitted.
    pub fn admit(&mut self, admission: Admission, rules: &[Rule]) {
        for (index, rule) in rules.iter().enumerate() {
            let (subject, cost, at) = (admission.subject, admission.cost, admission.decided);
            if rule.quota().algorithm() == Algorithm::TokenBucket {
                let usage = self.buckets.entry((subject, index)).or_default();
                let now = rule.quota().brought_forward(*usage, at);
                *usage = rule.quota().charged(now, cost, at);
            } else {
                let window = admission.windows[index];
                let key = (subject, index, admission.epoch, window);
                *self.counts.entry(key).or_default() += cost;
                if subject == 0 && admission.in_step {
                    let who = (admission.node, admission.life);
                    let key = (who, index, (admission.epoch, window));
                    *self.parts.entry(key).or_default() += cost;
                }
            }
        }
        self.admitted.push(admission);
    }

    /// What a life of a node admitted of the first subject under a policy in a window of an epoch.
    pub fn admitted_in(&self, who: (usize, u32), rule: usize, window: (u32, u64)) -> u64 {
        self.parts.get(&(who, rule, window)).copied().unwrap_or(0)
    }

    /// What was truly used of a subject's policy, as a node sees time; `promised` was granted, and the answer is on
    /// its way.
    pub fn truth(
        &self,
        (subject, index): (u32, usize),
        rule: &Rule,
        epoch: u32,
        (at, promised): (Timestamp, u64),
    ) -> Usage {
        let quota = rule.quota();
        if quota.algorithm() == Algorithm::TokenBucket {
            let used = self.buckets.get(&(subject, index)).copied();
            let usage = quota.brought_forward(used.unwrap_or_default(), at);
            return quota.charged(usage, promised, at);
        }
        let start = quota.brought_forward(Usage::default(), at).at();
        let window = u64::try_from(quota.window().as_nanos()).unwrap_or(u64::MAX);
        // When a clock steps back, windows come twice. What a node counted in the first that has not heard of the subject
        // since counts in the second too: it cannot know.
        let count = |start: u64| {
            let passes = 0..=epoch;
            let counted = |epoch| self.counts.get(&(subject, index, epoch, start));
            passes.filter_map(counted).sum::<u64>()
        };
        let current = count(start.as_nanos()) + promised;
        Usage::window(
            start,
            current,
            count(start.as_nanos().saturating_sub(window)),
        )
    }

    /// Notes whatever is wrong with a decision by itself (G8).
    pub fn examine(&mut self, at: u64, decision: &Decision, rules: usize) {
        for status in decision.statuses() {
            if status.remaining() > status.limit() {
                let what = format!("{} remain of {}", status.remaining(), status.limit());
                self.flaws.push(Flaw { at, what });
            }
        }
        if decision.is_allowed() && decision.statuses().len() != rules {
            let what = format!("admitted under {} policies", decision.statuses().len());
            self.flaws.push(Flaw { at, what });
        }
    }
}
