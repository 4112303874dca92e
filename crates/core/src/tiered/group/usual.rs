//! The common case of a decision: one policy, time that goes on, a store that answers, nothing unusual.
//!
//! It decides as [`Group::acquire`] does, on the replica as it is kept. Whatever is not usual goes the long way.

use core::time::Duration;

use super::Group;
use super::call::Call;
use super::marks::{Mark, Marks};
use super::visit::{Pace, Timing};
use crate::tiered::members::Members;
use crate::tiered::moment::Moment;
use crate::tiered::replica::Replica;
use crate::tiered::usual::Usual;
use crate::tiered::{Mode, View};
use crate::{Decision, Provenance, Rule, Timestamp, Usage};

/// What was decided, before it is written out as a [`Decision`]: that can be done when nobody is kept waiting any more.
#[derive(Clone, Copy, Debug)]
pub struct Verdict {
    usage: Usage,
    violated: bool,
    age: Duration,
    covered: bool,
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
        if self.call != Call::None || replica.doubted_until().is_some() {
            return false;
        }
        if !self.planned.is_soon() {
            return self.needs_no_visit_soon(replica, timing, now);
        }
        let (tolerance, limit) = (member.rule.tolerance(), member.rule.quota().limit());
        let early = self
            .pace
            .early_at(tolerance.slack(limit, view.slack_nodes()));
        replica.is_informed() && replica.unsent() < early
    }

    /// Whether there is nothing to tell, and the view is refreshed in time, if that is wanted.
    #[inline]
    fn needs_no_visit_soon(&self, replica: &Replica, timing: &Timing, now: Timestamp) -> bool {
        let lost = self.marks.has(Mark::Lost);
        if lost || replica.is_untold() || replica.window_to_close().is_some() {
            return false;
        }
        let in_time = || !self.planned.is_none() && self.refresh_due(timing) > now + timing.report;
        !self.marks.has(Mark::Refused) || in_time()
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
            covered = self.soon && replica.is_informed() && unsent < self.pace.early_at(slack);
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
    use alloc::sync::Arc;
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;
    use crate::shared::{NodeId, Record, Report, sync};
    use crate::tiered::Visit;
    use crate::{Algorithm, PolicyName, Quota, Tolerance};

    const NODE: NodeId = NodeId::from_random(1);

    /// What happens to a subject.
    #[derive(Clone, Debug)]
    enum Step {
        Ask {
            cost: u64,
        },
        /// The store is told, and answers.
        Call,
        /// The call is given up.
        Fail,
        Pass {
            millis: u64,
        },
        Back {
            millis: u64,
        },
        Mode(Mode),
        Limit(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        let mode = prop_oneof![
            3 => Just(Mode::Connected),
            1 => Just(Mode::Returning),
            1 => Just(Mode::Out { lasted: Duration::from_secs(1) }),
        ];
        prop_oneof![
            12 => (0_u64..4).prop_map(|cost| Step::Ask { cost }),
            4 => Just(Step::Call),
            1 => Just(Step::Fail),
            4 => (0_u64..700).prop_map(|millis| Step::Pass { millis }),
            1 => (0_u64..3_000).prop_map(|millis| Step::Back { millis }),
            2 => mode.prop_map(Step::Mode),
            1 => (1_u64..40).prop_map(Step::Limit),
        ]
    }

    fn algorithm() -> impl Strategy<Value = Algorithm> {
        prop_oneof![
            Just(Algorithm::FixedWindow),
            Just(Algorithm::SlidingWindow),
            Just(Algorithm::TokenBucket),
        ]
    }

    /// A node and its store, decided the quick way where that can be, or always the long way.
    struct World {
        quick: bool,
        group: Group,
        record: Record,
        rule: Rule,
        view: View,
        now: Timestamp,
        /// Whether the last decision said that no visit need be planned.
        covered: bool,
    }

    impl World {
        fn new(quick: bool, rule: Rule, nodes: u32) -> Self {
            Self {
                quick,
                group: Group::default(),
                record: Record::default(),
                rule,
                view: View {
                    nodes,
                    alone: nodes == 1,
                    mode: Mode::Connected,
                    suspected: false,
                },
                now: Timestamp::from_secs(1_000_000),
                covered: false,
            }
        }

        fn take(&mut self, step: &Step) -> Option<Decision> {
            let (rules, timing) = ([self.rule], Timing::default());
            self.covered = false;
            match *step {
                Step::Ask { cost } => {
                    let (view, now) = (self.view, self.now);
                    let intern = &mut |rule: &Rule| Arc::new(*rule);
                    let [rule] = &rules;
                    let usual = self
                        .quick
                        .then(|| self.group.acquire_usual(rule, cost, &view, now));
                    if let Some(verdict) = usual.flatten() {
                        self.covered = verdict.is_covered();
                        return Some(verdict.decision(rule, cost, now));
                    }
                    return self.group.acquire_any(&rules, cost, &view, now, intern);
                }
                Step::Call => {
                    let outgoing = self.group.compose(Some((&rules, 1)), self.now)?;
                    let reports = outgoing.reports.iter().map(|(_, report)| *report);
                    let reports: Vec<Report> = reports.collect();
                    let records = core::slice::from_mut(&mut self.record);
                    let replies = sync(records, &rules, &reports, NODE, 1, self.now);
                    self.group
                        .hear(&outgoing, &replies, replies[0].got, &timing, self.now);
                }
                Step::Fail => {
                    let outgoing = self.group.compose(Some((&rules, 1)), self.now)?;
                    self.group.give_up(outgoing.call, &timing, self.now);
                }
                Step::Pass { millis } => self.now = self.now + Duration::from_millis(millis),
                Step::Back { millis } => self.now = self.now - Duration::from_millis(millis),
                Step::Mode(mode) => self.view.mode = mode,
                Step::Limit(limit) => {
                    let (window, algorithm) =
                        (self.rule.quota().window(), self.rule.quota().algorithm());
                    let quota = Quota::new(limit, window).unwrap();
                    let quota = quota.with_algorithm(algorithm).unwrap();
                    self.rule = self.rule.with_quota(quota);
                }
            }
            None
        }
    }

    proptest! {
        /// The quick way decides as the long way does, and leaves the same behind.
        #[test]
        fn it_decides_as_the_long_way_does(
            steps in proptest::collection::vec(step(), 1..80),
            (limit, nodes, tolerance) in (1_u64..40, 1_u32..5, 0.0..=1.0),
            algorithm in algorithm(),
            shadow in any::<bool>(),
        ) {
            let quota = Quota::new(limit, Duration::from_secs(1)).unwrap();
            let rule = Rule::new(
                PolicyName::new("p").unwrap(),
                quota.with_algorithm(algorithm).unwrap(),
            );
            let rule = rule
                .with_tolerance(Tolerance::from_fraction(tolerance).unwrap())
                .with_shadow(shadow);
            let mut quick = World::new(true, rule, nodes);
            let mut long = World::new(false, rule, nodes);
            let timing = Timing::default();
            for step in &steps {
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
        }

        /// Where no visit is planned because the driver comes soon enough, it does. (While the store's clock does not step
        /// back: visits are late then by as much.)
        #[test]
        fn r3_whatever_is_not_planned_is_covered(
            steps in proptest::collection::vec(step(), 1..80),
            (limit, nodes, tolerance) in (1_u64..40, 1_u32..5, 0.0..=1.0),
            algorithm in algorithm(),
        ) {
            let quota = Quota::new(limit, Duration::from_secs(1)).unwrap();
            let quota = quota.with_algorithm(algorithm).unwrap();
            let tolerance = Tolerance::from_fraction(tolerance).unwrap();
            let rule = Rule::new(PolicyName::new("p").unwrap(), quota).with_tolerance(tolerance);
            let mut world = World::new(true, rule, nodes);
            let timing = Timing::default();
            let mut visits: Vec<Visit> = Vec::new();
            for step in steps.iter().filter(|step| !matches!(step, Step::Back { .. })) {
                // The driver comes, and plans anew.
                let (view, now) = (world.view, world.now);
                for visit in visits.extract_if(.., |visit| visit.at <= now) {
                    world.group.visited(visit.urgency, now);
                }
                visits.extend(world.group.plan(None, &view, &timing, now));
                world.take(step);
                let (view, now) = (world.view, world.now);
                if !world.covered {
                    visits.extend(world.group.plan(None, &view, &timing, now));
                }
                // A look at the counts may come with another one; a report never waits for longer than T.
                let group = &world.group;
                let refused = group.marks.has(Mark::Refused);
                let looks = refused || !group.is_untold() || group.doubt_due(&timing).is_some();
                let patience = if looks { timing.refresh } else { Duration::ZERO };
                if let Some(due) = world.group.due(&view, &timing) {
                    let latest = now.max(due + patience);
                    prop_assert!(
                        visits.iter().any(|visit| visit.at <= latest),
                        "{:?}: due at {:?}, the driver comes {:?}", step, due, visits
                    );
                }
            }
        }
    }
}
