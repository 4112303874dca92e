//! For tests: a node and its store, to which things happen, and the driver, which comes as it is told to.

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use proptest::prelude::*;

use super::{Front, Group, Outgoing, Rest, Timing, Visit};
use crate::shared::{NodeId, Record, Report, sync};
use crate::tiered::{Mode, View};
use crate::{Algorithm, Decision, PolicyName, Quota, Rule, Timestamp, Tolerance};

const NODE: NodeId = NodeId::from_random(1);
const NUMBER: u16 = 7;

/// What happens to a subject.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Ask {
        cost: u64,
    },
    /// The store is told, and answers.
    Call,
    /// The call is given up.
    Fail,
    /// The store is told, and perhaps asked, and has not answered yet.
    Send {
        want: u64,
    },
    /// Now it has.
    Answer,
    Pass {
        millis: u64,
    },
    /// Until the window ends, to the nanosecond.
    End,
    Back {
        millis: u64,
    },
    Mode(Mode),
    Nodes(u32),
    Limit(u64),
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let mode = prop_oneof![
        3 => Just(Mode::Connected),
        1 => Just(Mode::Returning),
        1 => Just(Mode::Out { lasted: Duration::from_secs(1) }),
    ];
    prop_oneof![
        20 => (0_u64..4).prop_map(|cost| Step::Ask { cost }),
        4 => Just(Step::Call),
        1 => Just(Step::Fail),
        2 => (0_u64..2).prop_map(|want| Step::Send { want }),
        2 => Just(Step::Answer),
        2 => (0_u64..1_100).prop_map(|millis| Step::Pass { millis }),
        1 => Just(Step::End),
        4 => (0_u64..30).prop_map(|millis| Step::Pass { millis }),
        1 => (0_u64..3_000).prop_map(|millis| Step::Back { millis }),
        2 => mode.prop_map(Step::Mode),
        1 => (1_u32..5).prop_map(Step::Nodes),
        1 => (1_u64..40).prop_map(Step::Limit),
    ]
}

/// A policy of a second's window, or one in which the view of a subject that is being denied is refreshed.
pub(super) fn rule() -> impl Strategy<Value = Rule> {
    let algorithm = prop_oneof![
        Just(Algorithm::FixedWindow),
        Just(Algorithm::SlidingWindow),
        Just(Algorithm::TokenBucket),
    ];
    let seconds = prop_oneof![Just(1), Just(5)];
    (1_u64..40, 0.0..=1.0, algorithm, seconds).prop_map(|(limit, tolerance, algorithm, seconds)| {
        let quota = Quota::new(limit, Duration::from_secs(seconds)).unwrap();
        let quota = quota.with_algorithm(algorithm).unwrap();
        let tolerance = Tolerance::from_fraction(tolerance).unwrap();
        Rule::new(PolicyName::new("p").unwrap(), quota).with_tolerance(tolerance)
    })
}

/// How requests are decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Always the long way.
    Long,
    /// The quick way, where that can be.
    Quick,
    /// By the front, where that can be; else the quick way.
    Apart,
}

pub(super) struct World {
    way: Way,
    /// Not what it is while it is [taken apart](Self::parts).
    pub(super) group: Group,
    pub(super) parts: Option<(Front, Rest, Arc<Rule>)>,
    pub(super) record: Record,
    pub(super) rule: Rule,
    pub(super) view: View,
    pub(super) now: Timestamp,
    /// When the driver comes.
    pub(super) visits: Vec<Visit>,
    sent: Option<Outgoing>,
    /// Whether anything happened to the subject.
    touched: bool,
    /// Whether the last decision said that no visit need be planned.
    covered: bool,
    /// How many requests the front decided: admitted and denied ones.
    pub(super) by_front: [u32; 2],
}

impl World {
    pub(super) fn new(way: Way, rule: Rule, nodes: u32) -> Self {
        Self {
            way,
            group: Group::default(),
            parts: None,
            record: Record::default(),
            rule,
            view: View {
                nodes,
                alone: nodes == 1,
                mode: Mode::Connected,
                suspected: false,
            },
            now: Timestamp::from_secs(1_000_000),
            visits: Vec::new(),
            sent: None,
            touched: false,
            covered: false,
            by_front: [0; 2],
        }
    }

    /// What the node knows, in one piece.
    pub(super) fn whole(&self) -> Group {
        let joined = self.parts.as_ref().map(|(front, rest, rule)| {
            let rule = Arc::clone(rule);
            rest.join(front, rule)
        });
        joined.unwrap_or_else(|| self.group.clone())
    }

    /// The same, in the form that it has after it was taken apart, if it can be.
    pub(super) fn compact(&self) -> Group {
        let whole = self.whole();
        let parts = whole.split(NUMBER, 1).zip(whole.only_rule());
        parts.map_or(whole.clone(), |((front, rest), rule)| {
            rest.join(&front, Arc::clone(rule))
        })
    }

    /// The driver comes, if it is time.
    pub(super) fn drive(&mut self) {
        let now = self.now;
        let due: Vec<Visit> = self
            .visits
            .extract_if(.., |visit| visit.at <= now)
            .collect();
        if !due.is_empty() {
            self.join();
            for visit in due {
                self.group.visited(visit.urgency, now);
            }
            self.covered = false;
            self.plan();
        }
    }

    /// What production does after whatever happened to a subject.
    pub(super) fn plan(&mut self) {
        if !self.covered {
            self.join();
            let visit = self
                .group
                .plan(None, &self.view, &Timing::default(), self.now);
            self.visits.extend(visit);
        }
        if self.way == Way::Apart && self.parts.is_none() {
            self.split();
        }
    }

    fn split(&mut self) {
        let parts = self.group.split(NUMBER, self.view.slack_nodes());
        let rule = self.group.only_rule().map(Arc::clone);
        self.parts = parts
            .zip(rule)
            .map(|((front, rest), rule)| (front, rest, rule));
    }

    fn join(&mut self) {
        self.group = self.whole();
        self.parts = None;
    }

    /// What production does after whatever happened to a subject, if anything did: time goes on without it.
    pub(super) fn plan_if_touched(&mut self) {
        if self.touched {
            self.plan();
        }
    }

    pub(super) fn take(&mut self, step: &Step) -> Option<Decision> {
        (self.covered, self.touched) = (false, true);
        match *step {
            Step::Ask { cost } => return self.ask(cost),
            Step::Call | Step::Fail | Step::Send { .. } | Step::Answer => self.call(step),
            _ => self.change(step),
        }
        None
    }

    /// What is not about the subject.
    fn change(&mut self, step: &Step) {
        self.touched = false;
        match *step {
            Step::Pass { millis } => self.now = self.now + Duration::from_millis(millis),
            Step::End => {
                let window = self.rule.quota().window_nanos();
                let number = self.now.as_nanos() / window + 1;
                self.now = Timestamp::from_nanos(number * window);
            }
            Step::Back { millis } => self.now = self.now - Duration::from_millis(millis),
            Step::Mode(mode) => self.view.mode = mode,
            Step::Nodes(nodes) => (self.view.nodes, self.view.alone) = (nodes, nodes == 1),
            Step::Limit(limit) => {
                let quota = *self.rule.quota();
                let changed = Quota::new(limit, quota.window()).unwrap();
                let changed = changed.with_algorithm(quota.algorithm()).unwrap();
                self.rule = self.rule.with_quota(changed);
            }
            _ => {}
        }
    }

    fn call(&mut self, step: &Step) {
        self.join();
        let (rules, now) = ([self.rule], self.now);
        let wanting = match *step {
            Step::Send { want: 0 } => None,
            _ => Some((&rules[..], 1)),
        };
        if !matches!(step, Step::Answer)
            && let Some(outgoing) = self.group.compose(wanting, now)
        {
            self.sent = Some(outgoing);
        }
        match *step {
            Step::Call | Step::Answer => self.answer(),
            Step::Fail => {
                if let Some(outgoing) = self.sent.take() {
                    self.group.give_up(outgoing.call, &Timing::default(), now);
                }
            }
            _ => {}
        }
    }

    fn ask(&mut self, cost: u64) -> Option<Decision> {
        let (view, now, rule) = (self.view, self.now, self.rule);
        if let Some((front, _, known)) = &mut self.parts
            && let Some(nodes) = view.connected()
            && let Some(verdict) =
                front.decide(known, (&rule, cost), nodes, &Timing::default(), now)
        {
            // Nothing else is planned.
            self.covered = true;
            if !verdict.is_covered() {
                self.visits.push(Visit::soon(&Timing::default(), now));
            }
            let decision = verdict.decision(&rule, cost, now);
            self.by_front[usize::from(!decision.is_allowed())] += 1;
            return Some(decision);
        }
        self.join();
        if self.way != Way::Long
            && let Some(verdict) = self.group.acquire_usual(&rule, cost, &view, now)
        {
            self.covered = verdict.is_covered();
            return Some(verdict.decision(&rule, cost, now));
        }
        let intern = &mut |rule: &Rule| Arc::new(*rule);
        self.group.acquire_any(&[rule], cost, &view, now, intern)
    }

    /// The store answers the call that is under way.
    fn answer(&mut self) {
        let Some(outgoing) = self.sent.take() else {
            return;
        };
        let (rules, timing, now) = ([self.rule], Timing::default(), self.now);
        let reports = outgoing.reports.iter().map(|(_, report)| *report);
        let reports: Vec<Report> = reports.collect();
        let records = core::slice::from_mut(&mut self.record);
        let replies = sync(records, &rules, &reports, NODE, outgoing.want, now);
        let used = replies[0].got;
        self.group.hear(&outgoing, &replies, used, &timing, now);
    }
}
