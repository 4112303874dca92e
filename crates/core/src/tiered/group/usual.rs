//! The common case of a decision: one policy, a window that goes on, a store that answers, nothing unusual.
//!
//! It decides as [`Group::acquire`] does, on the replica's compact form as it is. Whatever is not usual goes the long way.

use core::time::Duration;

use super::Group;
use super::call::Call;
use crate::tiered::compact::Compact;
use crate::tiered::members::Members;
use crate::tiered::{Mode, View};
use crate::{Decision, Provenance, Rule, Timestamp, Usage};

/// What was decided, before it is written out as a [`Decision`]: that can be done when nobody is kept waiting any more.
#[derive(Clone, Copy, Debug)]
pub struct Verdict {
    usage: Usage,
    violated: bool,
    age: Duration,
}

impl Verdict {
    /// The decision on that request.
    #[inline]
    pub fn decision(self, rule: &Rule, cost: u64, now: Timestamp) -> Decision {
        let provenance = Provenance::Local { age: self.age };
        Decision::reached(rule, self.usage, cost, now, self.violated, provenance)
    }
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
        let age = self.age(now);
        let replica = self.members.usual_mut(rule, now)?;
        let usage = replica.usage();
        let violated = cost > 0 && !rule.quota().admits(usage, cost, now);
        if violated {
            if self.heard_at.known().is_none() && replica.is_informed() {
                return None;
            }
            // Seldom written, so that other threads may keep their copies of its cache line.
            if !self.refused {
                self.refused = true;
            }
        } else if cost > 0 {
            let slack = rule.tolerance().slack(rule.quota().limit(), view.nodes);
            if replica.unsent().saturating_add(cost) > slack || !replica.admit(cost) {
                return None;
            }
            self.untold_since.set_once(now);
        }
        let usage = replica.usage();
        Some(Verdict {
            usage,
            violated,
            age,
        })
    }

    /// Whether the driver is known to come in time for whatever is due, by a quick look: no where that takes a closer one.
    #[inline]
    pub(super) fn is_covered(&self, view: &View) -> bool {
        let Members::One(member) = &self.members else {
            return false;
        };
        let Some(replica) = member.replica.compact() else {
            return false;
        };
        if self.call != Call::None || !self.planned.is_soon() || !replica.is_informed() {
            return false;
        }
        let slack = member
            .rule
            .tolerance()
            .slack(member.rule.quota().limit(), view.nodes);
        replica.unsent() < self.early_at(slack)
    }
}

impl Members {
    /// The replica under that very rule, if it is the only one, usual, and shows the window that holds `now`.
    #[inline]
    fn usual_mut(&mut self, rule: &Rule, now: Timestamp) -> Option<&mut Compact> {
        let Self::One(member) = self else {
            return None;
        };
        if rule.is_shadow() || !member.rule.is_same(rule) {
            return None;
        }
        let compact = member.replica.compact_mut()?;
        let into = now.as_nanos().checked_sub(compact.start().as_nanos())?;
        (into < rule.quota().window_nanos()).then_some(compact)
    }
}

#[cfg(test)]
mod tests {
    use alloc::sync::Arc;
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;
    use crate::shared::{NodeId, Record, Report, sync};
    use crate::tiered::{Timing, Visit};
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

    /// A node and its store, decided the quick way where that can be, or always the long way.
    struct World {
        quick: bool,
        group: Group,
        record: Record,
        rule: Rule,
        view: View,
        now: Timestamp,
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
                    mode: Mode::Connected,
                    suspected: false,
                },
                now: Timestamp::from_secs(1_000_000),
            }
        }

        fn take(&mut self, step: &Step) -> Option<Decision> {
            let (rules, timing) = ([self.rule], Timing::default());
            match *step {
                Step::Ask { cost } => {
                    let (view, now) = (self.view, self.now);
                    let intern = &mut |rule: &Rule| Arc::new(*rule);
                    return if self.quick {
                        self.group.acquire(&rules, cost, &view, now, intern)
                    } else {
                        self.group.acquire_any(&rules, cost, &view, now, intern)
                    };
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
            algorithm in prop_oneof![
                Just(Algorithm::FixedWindow),
                Just(Algorithm::SlidingWindow),
                Just(Algorithm::TokenBucket),
            ],
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
        ) {
            let quota = Quota::new(limit, Duration::from_secs(1)).unwrap();
            let tolerance = Tolerance::from_fraction(tolerance).unwrap();
            let rule = Rule::new(PolicyName::new("p").unwrap(), quota).with_tolerance(tolerance);
            let mut world = World::new(true, rule, nodes);
            let timing = Timing::default();
            let mut visits: Vec<Visit> = Vec::new();
            for step in steps.iter().filter(|step| !matches!(step, Step::Back { .. })) {
                world.take(step);
                let (view, now) = (world.view, world.now);
                for visit in visits.extract_if(.., |visit| visit.at <= now) {
                    world.group.visited(visit.urgency, now);
                }
                visits.extend(world.group.plan(None, &view, &timing, now));
                // A look at the counts may come with another one; a report never waits for longer than T.
                let group = &world.group;
                let looks =
                    group.refused || !group.is_untold() || group.doubt_due(&timing).is_some();
                let patience = if looks { timing.refresh } else { Duration::ZERO };
                if let Some(due) = world.group.due(&view, &timing) {
                    prop_assert!(
                        visits.iter().any(|visit| visit.at <= due + patience),
                        "{:?}: due at {:?}, the driver comes {:?}", step, due, visits
                    );
                }
            }
        }
    }
}
