//! The suite itself: a correct store passes, and every wrong one is caught under the guarantee that it breaks.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

mod caught;

use std::collections::HashMap;
use std::sync::Mutex;
use std::task::Poll;
use std::time::Duration;

use caught::assert_each_is_caught;
use tidegate_clock::{Clock, ManualClock};
use tidegate_core::{Decision, PolicyId, Provenance, Timestamp, Usage, decide, give_back, look};
use tidegate_store::conformance::{self, Fixture, Report};
use tidegate_store::{Capabilities, ErrorKind, Request, Store, StoreError, async_trait};

/// What is wrong with a store, on purpose.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    ForgetsTheCost,
    LosesAKey,
    AdmitsOneTooMany,
    ChargesOnDenial,
    ChargesOnPeek,
    ForgetsSecondPolicy,
    SharesTrimmedSubjects,
    IgnoresPolicyName,
    NeverRollsOn,
    RefundsNothing,
    RefundsDenials,
    ResetsEverybody,
    ChargesWhenDropped,
    LiesAboutProvenance,
    Fails,
}

type Key = (Vec<u8>, Option<PolicyId>);

struct MapStore {
    clock: ManualClock,
    fault: Fault,
    usages: Mutex<HashMap<Key, Usage>>,
}

impl MapStore {
    fn key(&self, request: &Request<'_>, id: PolicyId) -> Key {
        let subject = request.subject.as_bytes();
        let subject = if self.fault == Fault::SharesTrimmedSubjects {
            subject.trim_ascii()
        } else {
            subject
        };
        (
            subject.to_vec(),
            (self.fault != Fault::IgnoresPolicyName).then_some(id),
        )
    }

    fn load(&self, request: &Request<'_>) -> Vec<Usage> {
        let usages = self.usages.lock().unwrap();
        request
            .rules
            .iter()
            .map(|r| {
                usages
                    .get(&self.key(request, r.id()))
                    .copied()
                    .unwrap_or_default()
            })
            .collect()
    }

    fn save(&self, request: &Request<'_>, new: &[Usage]) {
        let mut usages = self.usages.lock().unwrap();
        let kept = if self.fault == Fault::ForgetsSecondPolicy {
            1
        } else {
            new.len()
        };
        for (rule, usage) in request.rules.iter().zip(new).take(kept) {
            usages.insert(self.key(request, rule.id()), *usage);
        }
        if self.fault == Fault::LosesAKey && usages.len() > 1_000 {
            let some = usages.keys().next().cloned().unwrap();
            usages.remove(&some);
        }
    }

    fn now(&self) -> Timestamp {
        if self.fault == Fault::NeverRollsOn {
            ManualClock::new().now()
        } else {
            self.clock.now()
        }
    }

    fn take(&self, request: &Request<'_>) -> Decision {
        let (now, mut usages) = (self.now(), self.load(request));
        let cost = if self.fault == Fault::ForgetsTheCost {
            request.cost.min(1)
        } else {
            request.cost
        };
        let decision = decide(request.rules, &mut usages, cost, now);
        if self.fault == Fault::AdmitsOneTooMany
            && !decision.is_allowed()
            && usages[0].previous() == 0
        {
            self.save(
                request,
                &[Usage::window(usages[0].at(), usages[0].current(), 1)],
            );
            return Decision::uncounted(true, cost, now, Provenance::Store);
        }
        if self.fault == Fault::ChargesOnDenial && !decision.is_allowed() {
            for (rule, usage) in request.rules.iter().zip(&mut usages) {
                *usage = rule.quota().charged(*usage, cost, now);
            }
        }
        self.save(request, &usages);
        if self.fault == Fault::LiesAboutProvenance {
            decision.with_provenance(Provenance::Overflow)
        } else {
            decision
        }
    }
}

#[async_trait]
impl Store for MapStore {
    fn capabilities(&self) -> Capabilities {
        Capabilities::EXACT
    }

    fn try_acquire(&self, _: &Request<'_>) -> Option<Result<Decision, StoreError>> {
        None
    }

    async fn acquire(&self, request: &Request<'_>) -> Result<Decision, StoreError> {
        if self.fault == Fault::Fails {
            return Err(StoreError::new(ErrorKind::Unavailable, "nobody is at home"));
        }
        if self.fault == Fault::ChargesWhenDropped {
            // Charged once before it waits, and once more: two for a call that was dropped in between.
            let (_, _) = (self.take(request), self.take(request));
            let mut waited = false;
            std::future::poll_fn(|cx| {
                cx.waker().wake_by_ref();
                if std::mem::replace(&mut waited, true) {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            })
            .await;
        }
        Ok(self.take(request))
    }

    async fn peek(&self, request: &Request<'_>) -> Result<Decision, StoreError> {
        if self.fault == Fault::ChargesOnPeek {
            return Ok(self.take(request));
        }
        Ok(look(
            request.rules,
            &self.load(request),
            request.cost,
            self.now(),
        ))
    }

    async fn refund(&self, request: &Request<'_>, decision: &Decision) -> Result<(), StoreError> {
        let (now, mut usages) = (self.now(), self.load(request));
        match self.fault {
            Fault::RefundsNothing => {}
            Fault::RefundsDenials => {
                for (rule, usage) in request.rules.iter().zip(&mut usages) {
                    *usage = rule.quota().refunded(*usage, request.cost, *usage, now);
                }
            }
            _ => give_back(request.rules, &mut usages, decision, now),
        }
        self.save(request, &usages);
        Ok(())
    }

    async fn reset(&self, request: &Request<'_>) -> Result<(), StoreError> {
        let mut usages = self.usages.lock().unwrap();
        if self.fault == Fault::ResetsEverybody {
            usages.clear();
        }
        for rule in request.rules {
            usages.remove(&self.key(request, rule.id()));
        }
        Ok(())
    }
}

struct Map {
    clock: ManualClock,
    fault: Fault,
}

#[async_trait]
impl Fixture for Map {
    type Store = MapStore;

    fn window(&self) -> Duration {
        Duration::from_secs(60)
    }

    async fn fresh(&self) -> Result<MapStore, StoreError> {
        Ok(MapStore {
            clock: self.clock.clone(),
            fault: self.fault,
            usages: Mutex::default(),
        })
    }

    async fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }
}

fn report(fault: Fault) -> Report {
    pollster::block_on(conformance::run(&Map {
        clock: ManualClock::new(),
        fault,
    }))
}

#[test]
fn a_correct_store_passes_and_what_was_left_out_is_named() {
    let report = report(Fault::None);
    report.assert_passed();
    let left_out: Vec<(&str, &str)> = report.left_out().collect();
    assert_eq!(
        left_out,
        [
            (
                "admits_the_limit_to_parallel_threads",
                "the store does not answer at once"
            ),
            ("a_flood_resets_nobody", "the store has no bound of its own"),
        ]
    );
}

#[test]
fn every_wrong_store_is_caught_under_the_guarantee_that_it_breaks() {
    let faults = [
        (Fault::ForgetsTheCost, "G1", "counts_the_cost"),
        (Fault::LosesAKey, "G9", "nothing_is_forgotten_among_many"),
        (
            Fault::AdmitsOneTooMany,
            "G1",
            "admits_the_limit_and_no_more",
        ),
        (
            Fault::ChargesOnDenial,
            "G8",
            "a_denied_request_changes_no_count",
        ),
        (Fault::ChargesOnPeek, "G8", "looking_takes_nothing"),
        (Fault::ForgetsSecondPolicy, "G8", "are_charged_all_or_none"),
        (
            Fault::SharesTrimmedSubjects,
            "G9",
            "every_subject_has_its_own_counter",
        ),
        (
            Fault::IgnoresPolicyName,
            "G9",
            "every_policy_has_its_own_counter",
        ),
        (Fault::NeverRollsOn, "L5", "waiting_as_told_is_rewarded"),
        (
            Fault::RefundsNothing,
            "G8",
            "a_refund_gives_back_what_was_taken",
        ),
        (
            Fault::RefundsDenials,
            "G8",
            "a_refund_of_a_denial_gives_nothing",
        ),
        (
            Fault::RefundsDenials,
            "G5",
            "a_late_refund_leaves_later_windows_alone",
        ),
        (
            Fault::ResetsEverybody,
            "G8",
            "a_reset_forgets_one_subject_under_the_policies_named",
        ),
        (
            Fault::ChargesWhenDropped,
            "L6",
            "a_dropped_call_counts_at_most_once",
        ),
        (
            Fault::LiesAboutProvenance,
            "G1",
            "says_that_the_store_decided",
        ),
        (Fault::Fails, "G1", "admits_the_limit_and_no_more"),
    ];
    assert_each_is_caught(report, &faults);
}

#[test]
fn the_message_says_what_is_broken() {
    let report = report(Fault::ForgetsTheCost);
    let (guarantee, _, seen) = report
        .broken()
        .find(|(_, case, _)| *case == "counts_the_cost")
        .unwrap();
    assert_eq!(guarantee, "G1");
    assert!(
        seen.contains("4 was admitted, expected the opposite"),
        "{seen}"
    );
}
