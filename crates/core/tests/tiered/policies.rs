//! Requests under several policies: charged to all or to none, and what each of them is told.

use std::sync::Arc;

use tidegate_core::shared::{Record, Reply, Report, sync};
use tidegate_core::tiered::{Group, Mode, Outgoing, Timing, View};
use tidegate_core::{
    Algorithm, Decision, Fallback, Outage, PolicyName, Provenance, Quota, Rule, Timestamp,
    Tolerance,
};

use crate::{NODE, START, VIEW, WINDOW};

const OUT: Mode = Mode::Out { lasted: WINDOW };

fn rule(name: &'static str, limit: u64) -> Rule {
    let quota = Quota::new(limit, WINDOW).unwrap();
    let quota = quota.with_algorithm(Algorithm::FixedWindow).unwrap();
    Rule::new(PolicyName::new(name).unwrap(), quota).with_tolerance(Tolerance::EXACT)
}

/// A node under two policies, and their records.
struct Two {
    rules: [Rule; 2],
    group: Group,
    records: [Record; 2],
}

impl Two {
    fn new(first: Rule, second: Rule) -> Self {
        Self {
            rules: [first, second],
            group: Group::default(),
            records: Default::default(),
        }
    }

    fn decide(&mut self, cost: u64, mode: Mode) -> Option<Decision> {
        let intern = &mut |rule: &Rule| Arc::new(*rule);
        let view = View { mode, ..VIEW };
        self.group.acquire(&self.rules, cost, &view, START, intern)
    }

    /// Asks the store for `want` under both.
    fn carry(&mut self, want: u64) -> (Outgoing, Vec<Reply>) {
        let wanting = (want > 0).then_some((&self.rules[..], want));
        let outgoing = self.group.compose(wanting, START).unwrap();
        let reports = outgoing.reports.iter().map(|(_, report)| *report);
        let reports: Vec<Report> = reports.collect();
        let replies = sync(&mut self.records, &self.rules, &reports, NODE, want, START);
        (outgoing, replies)
    }

    /// The same, and takes the answer: the decision of a request that waits for it.
    fn ask(&mut self, cost: u64) -> Decision {
        let (outgoing, replies) = self.carry(cost);
        let got = replies.iter().map(|reply| reply.got).min().unwrap();
        let granted = got == cost;
        let used = if granted { cost } else { 0 };
        let timing = Timing::default();
        let heard = self.group.hear(&outgoing, &replies, used, &timing, START);
        assert!(heard.is_some());
        self.group.answered(&self.rules, &replies, cost, granted)
    }

    fn tell(&mut self) {
        let (outgoing, replies) = self.carry(0);
        let timing = Timing::default();
        let heard = self.group.hear(&outgoing, &replies, 0, &timing, START);
        assert!(heard.is_some());
    }

    fn used(&self) -> [u64; 2] {
        [0, 1].map(|index| self.records[index].usage().current())
    }

    fn refresh_due(&self) -> Option<Timestamp> {
        self.group.due(&VIEW, &Timing::default())
    }
}

fn violated(decision: &Decision) -> [bool; 2] {
    [0, 1].map(|index| decision.statuses()[index].is_violated())
}

#[test]
fn g8_a_request_is_granted_under_all_of_its_policies_or_under_none() {
    let mut two = Two::new(rule("wide", 10), rule("narrow", 3));
    assert_eq!(two.decide(2, VIEW.mode), None);
    let granted = two.ask(2);
    assert!(granted.is_allowed());
    assert_eq!(violated(&granted), [false, false]);
    assert_eq!(two.refresh_due(), None);

    let denied = two.ask(2);
    assert!(!denied.is_allowed());
    assert_eq!(violated(&denied), [false, true], "the one that has no room");
    two.tell();
    assert_eq!(two.used(), [2, 2]);
    let refresh = START + Timing::default().refresh;
    assert_eq!(two.refresh_due(), None, "since it was heard");

    assert!(!two.ask(2).is_allowed());
    // What was granted in part is given back first.
    let due = two.refresh_due().unwrap();
    assert!(due <= refresh);
}

#[test]
fn a_request_that_was_not_granted_is_denied_even_if_there_is_room_a_moment_later() {
    let mut two = Two::new(rule("wide", 10), rule("narrow", 3));
    assert_eq!(two.decide(1, VIEW.mode), None);
    let (outgoing, replies) = two.carry(1);
    two.group
        .hear(&outgoing, &replies, 1, &Timing::default(), START);
    let denied = two.group.answered(&two.rules, &replies, 1, false);
    assert!(!denied.is_allowed());
    assert_eq!(violated(&denied), [true, true], "nobody knows which it was");
    let refresh = START + Timing::default().refresh;
    assert_eq!(
        two.refresh_due(),
        Some(refresh),
        "and it is looked at again"
    );
}

#[test]
fn what_passes_the_limit_of_a_shadow_policy_is_admitted_and_not_counted_there() {
    let shadow = rule("shadow", 3).with_shadow(true);
    let mut two = Two::new(rule("wide", 10), shadow);
    assert_eq!(two.decide(3, VIEW.mode), None);
    let exactly = two.ask(3);
    assert!(exactly.is_allowed());
    assert_eq!(violated(&exactly), [false, false]);
    two.tell();
    assert_eq!(two.used(), [3, 3]);

    let over = two.ask(1);
    assert!(over.is_allowed());
    assert_eq!(violated(&over), [false, true], "it is reported");
    two.tell();
    assert_eq!(two.used(), [4, 3]);

    let denied = two.ask(7);
    assert!(!denied.is_allowed());
    assert!(violated(&denied)[0], "a shadow denies nothing");
    two.tell();
    assert_eq!(two.used(), [4, 3]);
}

#[test]
fn an_outage_decision_names_the_setting_of_the_policy_that_denied() {
    let open = rule("open", 10).with_outage(Outage::OPEN);
    let full = rule("full", 3).with_outage(Outage::FULL);
    let decide = |first, second, cost| {
        let decision = Two::new(first, second).decide(cost, OUT).unwrap();
        (decision.is_allowed(), decision.provenance())
    };
    let by = Provenance::Outage;
    assert_eq!(
        decide(open, full, 3),
        (true, by(Fallback::Open)),
        "the first"
    );
    assert_eq!(decide(full, open, 3), (true, by(Fallback::Full)));
    assert_eq!(decide(open, full, 4), (false, by(Fallback::Full)));
    assert_eq!(decide(full, open, 4), (false, by(Fallback::Full)));
    let shadow = full.with_shadow(true);
    assert_eq!(decide(open, shadow, 4), (true, by(Fallback::Open)));
    let closed = rule("closed", 3).with_outage(Outage::CLOSED);
    assert_eq!(decide(open, closed, 1), (false, by(Fallback::Closed)));
}

#[test]
fn g8_what_one_policy_denies_without_the_store_is_charged_to_none() {
    let full = |name, limit| rule(name, limit).with_outage(Outage::FULL);
    let mut two = Two::new(full("wide", 10), full("narrow", 3));
    assert!(two.decide(2, OUT).unwrap().is_allowed());
    assert!(!two.decide(2, OUT).unwrap().is_allowed());
    two.tell();
    assert_eq!(two.used(), [2, 2]);
}

/// A call for some of a subject's policies tells of those alone.
#[test]
fn policies_are_told_apart() {
    let full = |name, limit| rule(name, limit).with_outage(Outage::FULL);
    let mut two = Two::new(full("wide", 10), full("narrow", 3));
    assert!(two.decide(2, OUT).unwrap().is_allowed());
    two.rules = [two.rules[1], full("new", 5)];
    assert!(two.decide(1, OUT).is_some());
    let outgoing = two.group.compose(Some((&two.rules, 1)), START).unwrap();
    let names: Vec<&str> = outgoing
        .reports
        .iter()
        .map(|(rule, _)| rule.name().as_str())
        .collect();
    assert_eq!(names, ["narrow", "new"]);
    assert_eq!(two.group.unsent(), 2 + 3 + 1, "of three policies");
    let unknown = [rule("unknown", 1)];
    assert!(two.group.give_up(outgoing.call, &Timing::default(), START));
    assert_eq!(two.group.compose(Some((&unknown, 1)), START), None);
}

/// Both are buckets: 20 of their 50 were granted while the store answered. That leaves three fifths of a share, and the
/// share itself is none the smaller for what was used before it came to hold.
#[test]
fn g4_what_was_granted_before_shares_came_to_hold_is_not_taken_out_of_them() {
    let bucket = |name| {
        let quota = rule(name, 50)
            .quota()
            .with_algorithm(Algorithm::TokenBucket);
        rule(name, 50)
            .with_quota(quota.unwrap())
            .with_outage(Outage::SHARE)
    };
    let mut two = Two::new(bucket("one"), bucket("other"));
    assert_eq!(two.decide(20, VIEW.mode), None);
    assert!(two.ask(20).is_allowed());
    let _ = two.decide(0, VIEW.mode);
    assert_eq!(two.decide(15, Mode::Returning), None, "the store is asked");
    let denied = two.decide(16, Mode::Returning).unwrap();
    assert_eq!(denied.provenance(), Provenance::Outage(Fallback::Share));
}
