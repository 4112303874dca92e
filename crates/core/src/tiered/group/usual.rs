//! The common case of a decision: one policy, time that goes on, a store that answers, nothing unusual.
//!
//! It decides as [`Group::acquire`] does, on the replica as it is kept. Whatever is not usual goes the long way.

use core::time::Duration;

use super::Group;
use super::call::Call;
use super::marks::{Mark, Marks};
use super::pace::Pace;
use super::visit::Timing;
use crate::tiered::members::Members;
use crate::tiered::moment::Moment;
use crate::tiered::replica::Replica;
use crate::tiered::usual::Usual;
use crate::tiered::{Mode, View};
use crate::{Decision, Provenance, Rule, Timestamp, Usage};

/// What was decided, before it is written out as a [`Decision`]: that can be done when nobody is kept waiting any more.
#[derive(Clone, Copy, Debug)]
pub struct Verdict {
    pub(super) usage: Usage,
    pub(super) violated: bool,
    pub(super) age: Duration,
    pub(super) covered: bool,
}

impl Verdict {
    /// Whether no visit need be [planned](Group::plan) after this decision: the driver is known to come in time.
    #[inline]
    pub fn is_covered(self) -> bool {
        self.covered
    }

    /// The decision on that request.
    #[inline]
    pub fn decision(self, rule: &Rule, cost: u64, now: Timestamp) -> Decision {
        let provenance = Provenance::Local { age: self.age };
        Decision::reached(rule, self.usage, cost, now, self.violated, provenance)
    }
}

/// What a decision needs beside the replica.
struct Around<'a> {
    marks: &'a mut Marks,
    untold_since: &'a mut Moment,
    /// Whether what was heard is of an age that can be told.
    heard: bool,
    age: Duration,
    nodes: u32,
    /// Whether the driver comes within T: nothing but a report that is due early could be due before that.
    soon: bool,
    pace: Pace,
}

impl Group {
    /// Decides a request under one policy as [`acquire`](Self::acquire) does, if that is quickly done. `None`: it is to be
    /// asked instead, and nothing was counted.
    #[inline]
    pub fn acquire_usual(
        &mut self,
        rule: &Rule,
        cost: u64,
        view: &View,
        now: Timestamp,
    ) -> Option<Verdict> {
        if view.mode != Mode::Connected || self.call == Call::Wants || self.is_ahead_of(now) {
            return None;
        }
        let around = Around {
            heard: self.heard_at.known().is_some(),
            age: self.age(now),
            nodes: view.slack_nodes(),
            soon: self.planned.is_soon(),
            pace: self.pace,
            marks: &mut self.marks,
            untold_since: &mut self.untold_since,
        };
        match self.members.only_mut(rule)? {
            Replica::Compact(replica) => around.decide(replica, rule, cost, now),
            Replica::CompactBucket(replica) => around.decide(replica, rule, cost, now),
            Replica::Bucket(replica) => around.decide(&mut **replica, rule, cost, now),
            Replica::Window(_) => None,
        }
    }

    /// Whether the driver is known to come in time for whatever is due, by a quick look: no where that takes a closer one.
    #[inline]
    pub(super) fn is_covered(&self, view: &View, timing: &Timing, now: Timestamp) -> bool {
        let Members::One(member) = &self.members else {
            return false;
        };
        let replica = &member.replica;
        if self.call != Call::None || self.is_cut_off() || replica.doubted_until().is_some() {
            return false;
        }
        if !self.planned.is_soon() {
            return self.needs_no_visit_soon(replica, timing, now);
        }
        let (tolerance, limit) = (member.rule.tolerance(), member.rule.quota().limit());
        let early = self
            .pace
            .early_at(tolerance.slack(limit, view.slack_nodes()));
        self.heard_at.known().is_some() && replica.unsent() < early
    }

    /// Whether there is nothing to tell, and the view is refreshed in time, if that is wanted.
    #[inline]
    fn needs_no_visit_soon(&self, replica: &Replica, timing: &Timing, now: Timestamp) -> bool {
        if !self.has_nothing_to_tell(replica) {
            return false;
        }
        let in_time = || !self.planned.is_none() && self.refresh_due(timing) > now + timing.report;
        !self.marks.has(Mark::Refused) || in_time()
    }

    /// Whether the store need not be spoken to, but for a look at what others used.
    #[inline]
    pub(super) fn has_nothing_to_tell(&self, replica: &Replica) -> bool {
        let lost = self.marks.has(Mark::Lost);
        !lost && !replica.is_untold() && replica.window_to_close().is_none()
    }
}

impl Around<'_> {
    // Always inlined, or else the verdict goes through memory, in pieces that the processor cannot read together until
    // they have got there: that makes a fifth of a decision's time.
    #[inline(always)]
    fn decide(
        self,
        replica: &mut impl Usual,
        rule: &Rule,
        cost: u64,
        now: Timestamp,
    ) -> Option<Verdict> {
        let quota = rule.quota();
        if !replica.is_at(quota, now) {
            return None;
        }
        let mut covered = false;
        let usage = replica.usage(quota);
        let violated = cost > 0 && !quota.admits(usage, cost, now);
        if violated {
            if !self.heard && replica.is_informed() {
                return None;
            }
            // Seldom written, so that other threads may keep their copies of its cache line.
            if !self.marks.has(Mark::Refused) {
                self.marks.set(Mark::Refused, true);
            }
        } else if cost > 0 {
            let slack = rule.tolerance().slack(quota.limit(), self.nodes);
            let unsent = replica.unsent().saturating_add(cost);
            if unsent > slack || !replica.admit(quota, cost, now) {
                return None;
            }
            self.untold_since.set_once(now);
            covered = self.soon && self.heard && unsent < self.pace.early_at(slack);
        }
        Some(Verdict {
            usage: replica.usage(quota),
            violated,
            age: self.age,
            covered,
        })
    }
}

impl Members {
    /// The replica under that very rule, if it is the only one.
    #[inline]
    fn only_mut(&mut self, rule: &Rule) -> Option<&mut Replica> {
        let Self::One(member) = self else {
            return None;
        };
        let same = !rule.is_shadow() && member.rule.is_same(rule);
        same.then_some(&mut member.replica)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tiered::group::world::{Step, Way, World, rule, step};
    use crate::{Algorithm, PolicyName, Quota};

    proptest! {
        /// The quick way decides as the long way does, and leaves the same behind.
        #[test]
        fn it_decides_as_the_long_way_does(
            steps in proptest::collection::vec(step(), 1..80),
            (rule, nodes) in (rule(), 1_u32..5),
            shadow in any::<bool>(),
        ) {
            decides_alike(rule.with_shadow(shadow), nodes, &steps)?;
        }

        /// Where no visit is planned because the driver comes soon enough, it does. (While the store's clock does not step
        /// back: visits are late then by as much.)
        #[test]
        fn r3_whatever_is_not_planned_is_covered(
            steps in proptest::collection::vec(step(), 1..80),
            (rule, nodes) in (rule(), 1_u32..5),
        ) {
            let mut world = World::new(Way::Quick, rule, nodes);
            let timing = Timing::default();
            for step in steps.iter().filter(|step| !matches!(step, Step::Back { .. })) {
                world.drive();
                world.take(step);
                world.plan();
                // A look at the counts may come with another one, and one that has long been due, but was wanted by nobody, with a
                // report that is due within T; a report never waits for longer than that.
                let (group, visits, now) = (&world.group, &world.visits, world.now);
                let refused = group.marks.has(Mark::Refused);
                let looks = refused || !group.is_untold() || group.doubt_due(&timing).is_some();
                let (patience, within) = if looks { (timing.refresh, timing.report) } else { Default::default() };
                if let Some(due) = group.due(&world.view, &timing) {
                    let latest = (now + within).max(due + patience);
                    prop_assert!(
                        visits.iter().any(|visit| visit.at <= latest),
                        "{:?}: due at {:?}, the driver comes {:?}", step, due, visits
                    );
                }
            }
        }
    }

    fn decides_alike(rule: Rule, nodes: u32, steps: &[Step]) -> Result<(), TestCaseError> {
        let mut quick = World::new(Way::Quick, rule, nodes);
        let mut long = World::new(Way::Long, rule, nodes);
        let timing = Timing::default();
        for step in steps {
            prop_assert_eq!(quick.take(step), long.take(step), "{:?}", step);
            let [one, other] = [&quick, &long].map(|world| {
                (
                    world.group.due(&world.view, &timing),
                    world.group.unsent(),
                    world.group.is_untold(),
                    world.record.usage(),
                )
            });
            prop_assert_eq!(one, other, "{:?}", step);
        }
        Ok(())
    }

    /// What was heard before the clock stepped back is no reason to deny, also where the bucket is not kept in the usual form,
    /// since some of it was admitted without the store.
    #[test]
    fn g7_a_bucket_that_is_not_usual_is_asked_about_when_the_clock_stepped_back() {
        let quota = Quota::new(4, Duration::from_secs(5)).unwrap();
        let quota = quota.with_algorithm(Algorithm::TokenBucket).unwrap();
        let rule = Rule::new(PolicyName::new("p").unwrap(), quota);
        let lasted = Duration::from_secs(1);
        let [out, connected] = [Mode::Out { lasted }, Mode::Connected].map(Step::Mode);
        let ask = |cost| Step::Ask { cost };
        let mut steps = alloc::vec![ask(0), Step::Call, out, ask(3), connected];
        steps.extend([Step::Back { millis: 3 }, ask(1), ask(1), ask(2)]);
        decides_alike(rule, 1, &steps).unwrap();
    }
}
