//! Everything that a node holds for one subject, and what it decides by that.

mod call;
mod cut_off;
mod front;
mod isolated;
mod marks;
mod pace;
mod rest;
mod sit_out;
mod usual;
mod visit;
#[cfg(test)]
mod world;

pub use call::{CallId, Heard, Outgoing};
pub use front::Front;
pub use rest::Rest;
pub use usual::Verdict;
pub use visit::{Timing, Urgency, Visit};

use alloc::sync::Arc;
use core::time::Duration;

use call::Call;
use marks::{Mark, Marks};
use pace::Pace;
use smallvec::SmallVec;
use visit::Planned;

use super::members::{Member, Members};
use super::moment::Moment;
use super::{Mode, View};
use crate::{Decision, Provenance, Rule, Status, Timestamp};

/// A node's replicas for one subject, under every policy that it was asked for, and its call to the store.
///
/// At most one call is listened to at a time: the answer to a call that was given up changes nothing.
#[derive(Clone, Debug, Default)]
pub struct Group {
    members: Members,
    /// When the first of what is untold was counted.
    untold_since: Moment,
    /// When the store was last heard of this subject.
    heard_at: Moment,
    next_call: u32,
    call: Call,
    marks: Marks,
    planned: Planned,
    pace: Pace,
}

// It is kept for every subject: what this grows by is paid for a million times.
#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<Group>() == 80);

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
        if let [rule] = rules
            && let Some(verdict) = self.acquire_usual(rule, cost, view, now)
        {
            return Some(verdict.decision(rule, cost, now));
        }
        self.acquire_any(rules, cost, view, now, intern)
    }

    /// Decides whatever there is to decide.
    fn acquire_any(
        &mut self,
        rules: &[Rule],
        cost: u64,
        view: &View,
        now: Timestamp,
        intern: &mut dyn FnMut(&Rule) -> Arc<Rule>,
    ) -> Option<Decision> {
        self.prepare(rules, now, intern);
        match view.mode {
            Mode::Connected => self.follow(rules),
            Mode::Out { lasted } => {
                return Some(self.decide_isolated(rules, cost, view, lasted, false, now));
            }
            Mode::Returning => {
                if let Some(denied) = self.denied_by_share(rules, cost, view, now) {
                    return Some(denied);
                }
            }
        }
        let statuses = self.statuses(rules, cost, now);
        let refused = |status: &Status| status.is_violated() && !status.is_shadow();
        let refused = statuses.iter().any(refused);
        if refused && !self.is_outdated(rules) {
            self.marks.set(Mark::Refused, true);
            return Some(self.local(now, cost, statuses));
        }
        if cost > 0 {
            if refused || !self.within_slack(rules, cost, view) {
                let exact = |rule: &Rule| rule.tolerance().is_exact() && !rule.is_shadow();
                // Exact policies wait as long as there is hope.
                let waits = !view.suspected || rules.iter().any(exact);
                if waits && self.waits_for_report(rules, cost, view) {
                    self.pace.waits();
                }
                let lasted = Duration::ZERO;
                return (!waits)
                    .then(|| self.decide_isolated(rules, cost, view, lasted, false, now));
            }
            self.charge(rules, &statuses, cost, view.mode, now);
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

    /// Gives back what `decision` charged, into the windows that it was charged to.
    pub fn give_back(&mut self, rules: &[Rule], decision: &Decision, now: Timestamp) {
        if !decision.is_allowed() {
            return;
        }
        for (rule, status) in rules.iter().zip(decision.statuses()) {
            if status.counts_admitted()
                && let Some(member) = self.members.find_mut(rule)
            {
                let (cost, charged) = (decision.cost(), status.usage());
                let quota = member.rule.quota();
                member.replica.give_back(quota, cost, charged, now);
                self.untold_since.set_once(now);
            }
        }
    }

    /// Forgets what was used under these policies, as the store has just done.
    pub fn forget(&mut self, rules: &[Rule], now: Timestamp) {
        for rule in rules {
            if let Some(member) = self.members.find_mut(rule) {
                member.replica.forget(member.rule.quota(), now);
            }
        }
    }

    /// The store has lost its data, or may have: what it was told of windows that still matter is to be told again, although it
    /// was acknowledged (G6). Says whether there is anything to tell.
    pub fn tell_again(&mut self, now: Timestamp) -> bool {
        self.roll(now);
        let told = |member: &Member| member.replica.is_told(member.rule.quota(), now);
        // A call that is under way may have told it before the loss; its answer says that all is known.
        let lost = self.call != Call::None || self.members.iter().any(told);
        if lost {
            self.marks.set(Mark::Lost, true);
            self.members.tell_again();
            self.untold_since.set_once(now);
        }
        lost
    }

    /// Forgets the policies under which the subject is not asked for any more, as soon as nothing about them matters: policies
    /// come and go, and each would be reported for ever. Not while requests wait under them.
    pub fn forget_idle(&mut self, now: Timestamp) {
        if self.call == Call::None {
            self.members.forget_idle(now);
        }
    }

    /// Moves to `now`, and gives up what can no longer be reported: the next answer [says](Heard::dropped) how much that was, if
    /// nobody [takes](Self::take_dropped) it before.
    pub fn roll(&mut self, now: Timestamp) {
        self.keep_time(now);
        for member in self.members.iter_mut() {
            member.replica.roll(member.rule.quota(), now);
        }
    }

    /// What was given up, by whatever happened, and was not said before.
    pub fn take_dropped(&mut self) -> u64 {
        self.members.iter_mut().fold(0, |sum: u64, member| {
            sum.saturating_add(member.replica.take_dropped())
        })
    }

    /// Whether the store lacks anything that this node knows of the subject, or may lack it.
    pub fn is_untold(&self) -> bool {
        let again = self.marks.has(Mark::Lost) || self.marks.has(Mark::TellsAgain);
        again || self.members.iter().any(|member| member.replica.is_untold())
    }

    /// What this node admitted by itself and the store does not know yet: in the current windows, and over all policies, so that
    /// one request counts under each.
    pub fn unsent(&self) -> u64 {
        self.members
            .iter()
            .map(|member| member.replica.unsent())
            .sum()
    }

    /// How much was admitted at `now` of which the store could still be told and does not know: under the policy under which that
    /// is most, so that every request counts once, and in the window before the current one too.
    pub fn unsent_requests(&self, now: Timestamp) -> u64 {
        let mut then = self.clone();
        then.roll(now);
        let of = |member: &Member| member.replica.unsent_in_all(member.rule.quota());
        then.members.iter().map(of).max().unwrap_or(0)
    }

    /// Whether it may be forgotten: nothing that it knows matters any more, or could still be reported, and no visit is
    /// planned.
    pub fn is_idle(&self, now: Timestamp) -> bool {
        let idle = |member: &Member| member.replica.idle_at(member.rule.quota()) <= now;
        self.call == Call::None && self.planned.is_none() && self.members.iter().all(idle)
    }

    /// How old the knowledge of this subject is; zero if nothing has been heard, since then it is this node's own.
    #[inline]
    pub fn age(&self, now: Timestamp) -> Duration {
        self.heard_at
            .known()
            .map_or(Duration::ZERO, |at| now.since(at))
    }

    /// Sees to it that there is a replica for every rule, at `now`.
    #[inline]
    fn prepare(
        &mut self,
        rules: &[Rule],
        now: Timestamp,
        intern: &mut dyn FnMut(&Rule) -> Arc<Rule>,
    ) {
        self.keep_time(now);
        for rule in rules {
            self.members.prepare(rule, now, intern);
        }
    }

    /// After the store's clock stepped back nothing that is due may wait until it has caught up (G7): what was heard is of
    /// no age that could be told, and what is untold is so since now.
    #[inline]
    fn keep_time(&mut self, now: Timestamp) {
        if self.is_ahead_of(now) {
            self.step_back(now);
        }
    }

    #[inline]
    fn is_ahead_of(&self, now: Timestamp) -> bool {
        let ahead = |moment: Moment| moment.known().is_some_and(|at| at > now);
        ahead(self.heard_at) || ahead(self.untold_since)
    }

    #[cold]
    fn step_back(&mut self, now: Timestamp) {
        if self.heard_at.known().is_some_and(|heard| heard > now) {
            self.heard_at = Moment::NEVER;
        }
        if self.untold_since.known().is_some_and(|since| since > now) {
            self.untold_since = now.into();
        }
        for member in self.members.iter_mut() {
            member.replica.step_back(member.rule.quota(), now);
        }
    }

    /// Whether what was heard is of no age that could be told, since the store's clock stepped back: that is no reason to
    /// deny, but to ask (G7).
    fn is_outdated(&self, rules: &[Rule]) -> bool {
        let informed = |rule| {
            let member = self.members.find(rule);
            member.is_some_and(|member| member.replica.is_informed())
        };
        self.heard_at.known().is_none() && rules.iter().any(informed)
    }

    /// Each policy's view of a request, before it is counted.
    fn statuses(&self, rules: &[Rule], cost: u64, now: Timestamp) -> SmallVec<[Status; 2]> {
        let parts = rules.iter().filter_map(|rule| {
            let (quota, member) = (rule.quota(), self.members.find(rule)?);
            let usage = quota.brought_forward(member.replica.estimate(quota), now);
            let violated = cost > 0 && !quota.admits(usage, cost, now);
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
            let (quota, member) = (rule.quota(), self.members.find(rule)?);
            let usage = quota.brought_forward(member.replica.estimate(quota), now);
            Some(Status::new(rule, usage, now, cost, status.is_violated()))
        });
        parts.collect()
    }

    fn local(&self, now: Timestamp, cost: u64, statuses: SmallVec<[Status; 2]>) -> Decision {
        Decision::new(now, cost, statuses).with_provenance(Provenance::Local { age: self.age(now) })
    }

    /// Whether every policy that enforces lets this node take `cost` more before it speaks to the store.
    fn within_slack(&self, rules: &[Rule], cost: u64, view: &View) -> bool {
        let unsent = |rule: &Rule| {
            let member = self.members.find(rule);
            member.map_or(0, |member| member.replica.unsent())
        };
        let fits = |rule: &Rule| unsent(rule).saturating_add(cost) <= slack(rule, view);
        !self.is_asking() && enforcing(rules).all(fits)
    }

    /// Whether a request that has to wait would not have to, if the report that is under way had been answered by now.
    fn waits_for_report(&self, rules: &[Rule], cost: u64, view: &View) -> bool {
        self.call == Call::Reports && enforcing(rules).all(|rule| cost <= slack(rule, view))
    }

    fn charge(
        &mut self,
        rules: &[Rule],
        statuses: &[Status],
        cost: u64,
        mode: Mode,
        now: Timestamp,
    ) {
        for (rule, status) in rules.iter().zip(statuses) {
            if status.counts_admitted()
                && let Some(member) = self.members.find_mut(rule)
            {
                let shares = mode != Mode::Connected;
                member.replica.admit(rule.quota(), cost, shares, now);
            }
        }
        self.untold_since.set_once(now);
    }
}

fn enforcing(rules: &[Rule]) -> impl Iterator<Item = &Rule> {
    rules.iter().filter(|rule| !rule.is_shadow())
}

/// How much of a policy's limit this node may keep to itself.
fn slack(rule: &Rule, view: &View) -> u64 {
    let limit = rule.quota().limit();
    rule.tolerance().slack(limit, view.slack_nodes())
}
