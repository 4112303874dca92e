//! Everything that a node holds for one subject, and what it does with it.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use smallvec::SmallVec;

use super::replica::Replica;
use super::{Mode, View};
use crate::shared::{Reply, Report};
use crate::{Decision, Fallback, Provenance, Quota, Rule, Status, Timestamp, Usage};

/// How long a node waits before it speaks to the store by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// T: how long a count may stay unreported.
    pub report: Duration,
    /// How often the view of a subject that is being denied is refreshed.
    pub refresh: Duration,
}

impl Default for Timing {
    /// Reports after 50 ms; denied subjects are looked at once a second.
    fn default() -> Self {
        Self {
            report: Duration::from_millis(50),
            refresh: Duration::from_secs(1),
        }
    }
}

/// Names a call to the store, so that the answer to another one is not taken for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(u32);

/// What goes to the store for a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The call that this is.
    pub call: CallId,
    /// The policies, and what this node has used under each.
    pub reports: Vec<(Rule, Report)>,
    /// How much is wanted under all of them.
    pub want: u64,
}

/// What a reply meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// What can no longer be reported, because its window is too long past.
    pub dropped: u64,
}

/// A node's replicas for one subject, under every policy that it was asked for, and its call to the store.
///
/// At most one call is listened to at a time: the answer to a call that was given up changes nothing.
#[derive(Clone, Debug, Default)]
pub struct Group {
    members: SmallVec<[Member; 1]>,
    call: Option<Call>,
    next_call: u32,
    /// When the first of what is untold was counted.
    untold_since: Option<Timestamp>,
    /// When the store was last heard of this subject.
    heard_at: Option<Timestamp>,
    /// Whether a request was denied since then.
    refused: bool,
    /// When a call that wanted something was last given up: it may still be carried out.
    doubted_at: Option<Timestamp>,
}

#[derive(Clone, Debug)]
struct Member {
    rule: Arc<Rule>,
    replica: Replica,
}

#[derive(Clone, Copy, Debug)]
struct Call {
    id: CallId,
    wants: bool,
}

impl Group {
    /// Decides a request locally, if that is safe. `None`: the store must be asked, and nothing was counted.
    ///
    /// `intern` turns a rule into a shared one; it is called when a rule is new here or has changed.
    pub fn acquire(
        &mut self,
        rules: &[Rule],
        cost: u64,
        view: &View,
        now: Timestamp,
        intern: &mut dyn FnMut(&Rule) -> Arc<Rule>,
    ) -> Option<Decision> {
        self.prepare(rules, now, intern);
        if let Mode::Out { lasted } = view.mode {
            return Some(self.decide_isolated(rules, cost, view, lasted, false, now));
        }
        if view.mode == Mode::Returning
            && let Some(denied) = self.denied_by_share(rules, cost, view, now)
        {
            return Some(denied);
        }
        let statuses = self.statuses(rules, cost, now);
        let refused = |status: &Status| status.is_violated() && !status.is_shadow();
        if statuses.iter().any(refused) {
            self.refused = true;
            return Some(self.local(now, cost, statuses));
        }
        if cost > 0 {
            if !self.within_slack(rules, cost, view) {
                let exact = |rule: &Rule| rule.tolerance().is_exact() && !rule.is_shadow();
                // Exact policies wait as long as there is hope.
                let waits = !view.suspected || rules.iter().any(exact);
                let lasted = Duration::ZERO;
                return (!waits)
                    .then(|| self.decide_isolated(rules, cost, view, lasted, false, now));
            }
            self.charge(rules, &statuses, cost, now);
        }
        let statuses = self.after(rules, &statuses, cost, now);
        Some(self.local(now, cost, statuses))
    }

    /// What [`acquire`](Self::acquire) would find, counting nothing.
    pub fn look(
        &mut self,
        rules: &[Rule],
        cost: u64,
        now: Timestamp,
        intern: &mut dyn FnMut(&Rule) -> Arc<Rule>,
    ) -> Decision {
        self.prepare(rules, now, intern);
        let statuses = self.statuses(rules, cost, now);
        self.local(now, cost, statuses)
    }

    /// Decides by the policies' outage settings. `unanswered`: the store was asked and may have granted the cost.
    pub fn decide_without_store(
        &mut self,
        rules: &[Rule],
        cost: u64,
        view: &View,
        unanswered: bool,
        now: Timestamp,
    ) -> Decision {
        let lasted = match view.mode {
            Mode::Out { lasted } => lasted,
            Mode::Connected | Mode::Returning => Duration::ZERO,
        };
        self.roll(now);
        self.decide_isolated(rules, cost, view, lasted, unanswered, now)
    }

    /// Says what a waiting request is told to whom the store granted its cost (it is counted already), or not: then
    /// it is denied, even if a moment later there is room again.
    pub fn answered(
        &mut self,
        rules: &[Rule],
        replies: &[Reply],
        cost: u64,
        granted: bool,
    ) -> Decision {
        self.refused |= !granted;
        let now = replies.first().map_or(Timestamp::EPOCH, |reply| reply.now);
        let full =
            |(rule, reply): (&Rule, &Reply)| !rule.quota().admits(reply.usage, cost, reply.now);
        let answers = || rules.iter().zip(replies);
        let none_full = !answers().any(|(rule, reply)| !rule.is_shadow() && full((rule, reply)));
        let statuses = answers().map(|(rule, reply)| {
            let violated = if granted || rule.is_shadow() {
                rule.is_shadow() && reply.usage.current() > rule.quota().limit()
            } else {
                none_full || full((rule, reply))
            };
            Status::new(rule, reply.usage, reply.now, cost, violated)
        });
        Decision::new(now, cost, statuses.collect())
    }

    /// Composes a call: what is untold under all policies, or under those of the requests that wait, and what
    /// they want. `None` while a call is in flight.
    pub fn compose(&mut self, wanting: Option<(&[Rule], u64)>, now: Timestamp) -> Option<Outgoing> {
        if self.call.is_some() {
            return None;
        }
        self.roll(now);
        let part = |member: &Member| (*member.rule, member.replica.report(member.rule.quota()));
        let (reports, want): (Vec<(Rule, Report)>, u64) = match wanting {
            // In the order of the requests' policies, which is the order of the replies.
            Some((rules, want)) => (
                rules
                    .iter()
                    .filter_map(|rule| self.member(rule))
                    .map(part)
                    .collect(),
                want,
            ),
            None => (self.members.iter().map(part).collect(), 0),
        };
        if reports.is_empty() {
            return None;
        }
        let call = CallId(self.next_call);
        self.next_call = self.next_call.wrapping_add(1);
        self.call = Some(Call {
            id: call,
            wants: want > 0,
        });
        self.untold_since = None;
        Some(Outgoing {
            call,
            reports,
            want,
        })
    }

    /// Takes the answer to a call into account: one reply per policy of the call. `used` is how much of what was
    /// granted went to requests. The answer to a call that was given up is not listened to (`None`).
    pub fn hear(
        &mut self,
        outgoing: &Outgoing,
        replies: &[Reply],
        used: u64,
        now: Timestamp,
    ) -> Option<Heard> {
        self.call.take_if(|call| call.id == outgoing.call)?;
        let mut heard = Heard::default();
        for ((rule, _), reply) in outgoing.reports.iter().zip(replies) {
            if let Some(member) = self.member_mut(rule) {
                let quota = *rule.quota();
                // A policy in shadow mode has room for everything; what passes its limit is not counted.
                let over = rule.is_shadow() && reply.usage.current() > quota.limit();
                let used = if over { 0 } else { used };
                heard.dropped += member.replica.hear(&quota, reply, used, now);
            }
        }
        (self.heard_at, self.refused) = (Some(now), false);
        self.untold_since = self.is_untold().then_some(now);
        Some(heard)
    }

    /// The call failed, or was given up. Says whether it was this group's.
    pub fn give_up(&mut self, call: CallId, now: Timestamp) -> bool {
        let Some(given_up) = self.call.take_if(|current| current.id == call) else {
            return false;
        };
        self.untold_since = Some(now);
        if given_up.wants {
            self.doubted_at = Some(now);
        }
        true
    }

    /// When this subject should be reported or looked at next; `None` while a call is in flight, or if nothing
    /// calls for it.
    pub fn due(&self, view: &View, timing: &Timing) -> Option<Timestamp> {
        if self.call.is_some() {
            return None;
        }
        let members = self.members.iter().filter_map(|member| {
            let replica = &member.replica;
            let slack = member
                .rule
                .tolerance()
                .slack(member.rule.quota().limit(), view.nodes);
            if replica.is_untold() {
                let early = !replica.is_informed() || replica.unsent() >= slack.div_ceil(2).max(1);
                let since = self.untold_since.unwrap_or(Timestamp::EPOCH);
                // After a call that failed, even what is urgent waits for T.
                let at_once = early
                    && self
                        .untold_since
                        .is_none_or(|_| view.mode == Mode::Connected);
                return Some(if at_once {
                    since
                } else {
                    since + timing.report
                });
            }
            // A little later than the others' last reports of that window.
            replica
                .final_counts_from()
                .map(|start| start + timing.report * 2)
        });
        let refresh = self
            .heard_at
            .filter(|_| self.refused)
            .map(|at| at + timing.refresh);
        members.chain(refresh).chain(self.doubt_due(timing)).min()
    }

    /// A call that was given up may have been granted, now or a little later, and nobody would give that back:
    /// the store is asked soon, and once more when nothing can be on its way any longer.
    fn doubt_due(&self, timing: &Timing) -> Option<Timestamp> {
        let doubted = self.doubted_at?;
        let checks = [doubted + timing.report, doubted + timing.refresh];
        checks
            .into_iter()
            .find(|check| self.heard_at.is_none_or(|heard| heard < *check))
    }

    /// Whether the store lacks anything that this node knows of the subject.
    pub fn is_untold(&self) -> bool {
        self.members.iter().any(|member| member.replica.is_untold())
    }

    /// What this node admitted by itself and the store does not know yet, over all policies.
    pub fn unsent(&self) -> u64 {
        self.members
            .iter()
            .map(|member| member.replica.unsent())
            .sum()
    }

    /// Whether it may be forgotten: nothing that it knows matters any more, or could still be reported.
    pub fn is_idle(&self, now: Timestamp) -> bool {
        let idle = |member: &Member| member.replica.idle_at(member.rule.quota()) <= now;
        self.call.is_none() && self.members.iter().all(idle)
    }

    /// Whether a call is under way for which requests wait.
    pub fn is_asking(&self) -> bool {
        self.call.is_some_and(|call| call.wants)
    }

    /// How old the knowledge of this subject is; zero if nothing has been heard, since then it is this node's own.
    pub fn age(&self, now: Timestamp) -> Duration {
        self.heard_at.map_or(Duration::ZERO, |at| now.since(at))
    }

    /// Gives back what `decision` charged, into the windows that it was charged to.
    pub fn give_back(&mut self, rules: &[Rule], decision: &Decision, now: Timestamp) {
        if !decision.is_allowed() {
            return;
        }
        for (rule, status) in rules.iter().zip(decision.statuses()) {
            if status.counts_admitted()
                && let Some(member) = self.member_mut(rule)
            {
                member
                    .replica
                    .give_back(rule.quota(), decision.cost(), status.usage(), now);
                self.untold_since.get_or_insert(now);
            }
        }
    }

    /// Forgets what was used under these policies, as the store has just done.
    pub fn forget(&mut self, rules: &[Rule], now: Timestamp) {
        for rule in rules {
            if let Some(member) = self.member_mut(rule) {
                member.replica.forget(now);
            }
        }
    }

    /// Gives up what can no longer be reported; says how much that was.
    pub fn roll(&mut self, now: Timestamp) -> u64 {
        self.members
            .iter_mut()
            .map(|member| member.replica.roll(member.rule.quota(), now))
            .sum()
    }

    fn member(&self, rule: &Rule) -> Option<&Member> {
        self.members
            .iter()
            .find(|member| member.rule.id() == rule.id())
    }

    fn member_mut(&mut self, rule: &Rule) -> Option<&mut Member> {
        self.members
            .iter_mut()
            .find(|member| member.rule.id() == rule.id())
    }

    /// Sees to it that there is a replica for every rule, at `now`.
    fn prepare(
        &mut self,
        rules: &[Rule],
        now: Timestamp,
        intern: &mut dyn FnMut(&Rule) -> Arc<Rule>,
    ) {
        for rule in rules {
            let member = match self
                .members
                .iter()
                .position(|member| member.rule.id() == rule.id())
            {
                Some(index) => &mut self.members[index],
                None => {
                    let replica = Replica::new(rule.quota());
                    self.members.push(Member {
                        rule: intern(rule),
                        replica,
                    });
                    let last = self.members.len() - 1;
                    &mut self.members[last]
                }
            };
            if *member.rule != *rule {
                member.rule = intern(rule);
            }
            member.replica.roll(rule.quota(), now);
        }
    }

    /// Each policy's view of a request, before it is counted.
    fn statuses(&self, rules: &[Rule], cost: u64, now: Timestamp) -> SmallVec<[Status; 2]> {
        let parts = rules.iter().filter_map(|rule| {
            let usage = rule
                .quota()
                .brought_forward(self.member(rule)?.replica.estimate(), now);
            let violated = cost > 0 && !rule.quota().admits(usage, cost, now);
            Some(Status::new(rule, usage, now, cost, violated))
        });
        parts.collect()
    }

    /// The same after it was counted.
    fn after(
        &self,
        rules: &[Rule],
        before: &[Status],
        cost: u64,
        now: Timestamp,
    ) -> SmallVec<[Status; 2]> {
        let parts = rules.iter().zip(before).filter_map(|(rule, status)| {
            let usage = rule
                .quota()
                .brought_forward(self.member(rule)?.replica.estimate(), now);
            Some(Status::new(rule, usage, now, cost, status.is_violated()))
        });
        parts.collect()
    }

    fn local(&self, now: Timestamp, cost: u64, statuses: SmallVec<[Status; 2]>) -> Decision {
        Decision::new(now, cost, statuses).with_provenance(Provenance::Local { age: self.age(now) })
    }

    /// Whether every policy that enforces lets this node take `cost` more before it speaks to the store.
    fn within_slack(&self, rules: &[Rule], cost: u64, view: &View) -> bool {
        let waiting = self.call.is_some_and(|call| call.wants);
        rules.iter().filter(|rule| !rule.is_shadow()).all(|rule| {
            let slack = rule.tolerance().slack(rule.quota().limit(), view.nodes);
            let unsent = self
                .member(rule)
                .map_or(0, |member| member.replica.unsent());
            !waiting && unsent.saturating_add(cost) <= slack
        })
    }

    fn charge(&mut self, rules: &[Rule], statuses: &[Status], cost: u64, now: Timestamp) {
        for (rule, status) in rules.iter().zip(statuses) {
            if status.counts_admitted()
                && let Some(member) = self.member_mut(rule)
            {
                member.replica.admit(rule.quota(), cost, now);
            }
        }
        self.untold_since.get_or_insert(now);
    }

    /// What each policy enforces here and now, and the usage that counts against it.
    fn enforced(&self, rule: &Rule, fallback: Fallback, view: &View) -> Option<(Quota, Usage)> {
        let replica = &self.member(rule)?.replica;
        Some(match fallback {
            Fallback::Share => {
                let share = replica.share(view);
                (rule.quota().share(share), replica.estimate_within(share))
            }
            Fallback::Full | Fallback::Open | Fallback::Closed => {
                (*rule.quota(), replica.estimate())
            }
        })
    }

    fn decide_isolated(
        &mut self,
        rules: &[Rule],
        cost: u64,
        view: &View,
        lasted: Duration,
        unanswered: bool,
        now: Timestamp,
    ) -> Decision {
        let mut statuses: SmallVec<[Status; 2]> = SmallVec::new();
        let mut provenance = None;
        for rule in rules {
            let fallback = rule.outage().after(lasted);
            let Some((quota, usage)) = self.enforced(rule, fallback, view) else {
                continue;
            };
            let usage = quota.brought_forward(usage, now);
            let violated = match fallback {
                Fallback::Open => false,
                Fallback::Closed => true,
                Fallback::Share | Fallback::Full => cost > 0 && !quota.admits(usage, cost, now),
            };
            if violated && fallback == Fallback::Closed && !rule.is_shadow() {
                return Decision::uncounted(false, cost, now, Provenance::Outage(Fallback::Closed));
            }
            if provenance.is_none() || (violated && !rule.is_shadow()) {
                provenance = Some(fallback);
            }
            let part = rule.with_part(quota);
            statuses.push(Status::new(&part, usage, now, cost, violated));
        }
        let decision = Decision::new(now, cost, statuses);
        self.isolate(rules);
        let decision = if decision.is_allowed() && cost > 0 {
            self.charge_isolated(rules, &decision, unanswered, now)
        } else {
            decision
        };
        decision.with_provenance(Provenance::Outage(provenance.unwrap_or(Fallback::Open)))
    }

    fn isolate(&mut self, rules: &[Rule]) {
        for rule in rules {
            if let Some(member) = self.member_mut(rule) {
                member.replica.isolate();
            }
        }
    }

    fn charge_isolated(
        &mut self,
        rules: &[Rule],
        decision: &Decision,
        unanswered: bool,
        now: Timestamp,
    ) -> Decision {
        let mut statuses: SmallVec<[Status; 2]> = SmallVec::new();
        for (rule, status) in rules.iter().zip(decision.statuses()) {
            let mut usage = status.usage();
            if status.counts_admitted()
                && let Some(member) = self.member_mut(rule)
            {
                member
                    .replica
                    .admit_isolated(status.quota(), decision.cost(), unanswered, now);
                usage = status.quota().charged(usage, decision.cost(), now);
            }
            let part = rule.with_part(*status.quota());
            statuses.push(Status::new(
                &part,
                usage,
                now,
                decision.cost(),
                status.is_violated(),
            ));
        }
        self.untold_since.get_or_insert(now);
        Decision::new(now, decision.cost(), statuses)
    }

    /// While returning, what the shares of the policies that fall back on them deny.
    fn denied_by_share(
        &mut self,
        rules: &[Rule],
        cost: u64,
        view: &View,
        now: Timestamp,
    ) -> Option<Decision> {
        let denied = rules.iter().any(|rule| {
            let shares =
                rule.outage().after(Duration::ZERO) == Fallback::Share && !rule.is_shadow();
            shares
                && self
                    .enforced(rule, Fallback::Share, view)
                    .is_some_and(|(quota, usage)| {
                        !quota.admits(quota.brought_forward(usage, now), cost, now)
                    })
        });
        denied.then(|| self.decide_isolated(rules, cost, view, Duration::ZERO, false, now))
    }
}
