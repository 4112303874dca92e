//! The suite for shared stores: a correct store passes, and every wrong one is caught under the guarantee that
//! it breaks.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

mod caught;

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use caught::assert_each_is_caught;
use tidegate_clock::{Clock, ManualClock};
use tidegate_core::shared::Report as Told;
use tidegate_core::shared::{BucketReport, NodeId, Record, Reply, Totals, WindowReport, sync};
use tidegate_core::{Decision, PolicyId, Rule, Timestamp, Usage, decide, give_back, look};
use tidegate_store::conformance::{self, Fixture, Report, SharedFixture};
use tidegate_store::{
    Capabilities, Registry, Request, SharedStore, Store, StoreError, SyncRequest, async_trait,
};

/// When a node that said nothing is no longer counted.
const SILENCE: Duration = Duration::from_secs(5);

/// One for each time that data is lost.
static GENERATIONS: AtomicU64 = AtomicU64::new(1);

/// What is wrong with a store, on purpose.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    /// Every report is added to what was reported before.
    AddsReports,
    /// The last report wins, even over a larger one.
    KeepsTheLastReport,
    /// What was granted is told in the call that granted it, and never again.
    ForgetsGrants,
    GrantsWhatIsWanted,
    GrantsAllOrNothing,
    /// Each policy grants what it has room for.
    GrantsEachPolicyByItself,
    HeedsShadow,
    /// Direct calls and reports are counted apart.
    KeepsTwoCounts,
    /// Answers with what others used, without the node's own part.
    LeavesOutOwnPart,
    DropsThePreviousWindow,
    CountsAnyWindow,
    IgnoresReturns,
    ForgetsNodesInAReset,
    IgnoresWhatWasHeard,
    /// Node ids are numbers of a language whose numbers are doubles.
    RoundsNodeIds,
    AnswersBackwards,
    ForgetsTheSecondPolicy,
    TrimsSubjects,
    Wraps,
    RegistersTwice,
    IgnoresDeregistration,
    ForgetsNodesAtOnce,
    NeverForgetsNodes,
    /// No fault, but less than can be done.
    SaysNoGeneration,
    KeepsItsGeneration,
    TellsEachNodeAGenerationOfItsOwn,
    /// Only a random history finds it.
    GrantsOneLessWhenReturnsWereMade,
}

type Key = (Vec<u8>, PolicyId);

#[derive(Default)]
struct Data {
    records: HashMap<Key, Record>,
    /// What was taken directly, where that is counted apart.
    apart: HashMap<Key, Record>,
    nodes: BTreeMap<(NodeId, usize), Timestamp>,
    registrations: usize,
    generation: Option<u64>,
}

struct SharedMap {
    clock: ManualClock,
    fault: Fault,
    data: Arc<Mutex<Data>>,
}

impl SharedMap {
    fn is(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    fn lock(&self) -> MutexGuard<'_, Data> {
        self.data.lock().unwrap()
    }

    fn key(&self, subject: &[u8], rule: &Rule) -> Key {
        let subject = if self.is(Fault::TrimsSubjects) {
            subject.trim_ascii()
        } else {
            subject
        };
        (subject.to_vec(), rule.id())
    }

    /// Does something to a subject's usages.
    fn with<T>(&self, request: &Request<'_>, act: impl FnOnce(&mut [Usage], Timestamp) -> T) -> T {
        let now = self.clock.now();
        let mut data = self.lock();
        let records = if self.is(Fault::KeepsTwoCounts) {
            &mut data.apart
        } else {
            &mut data.records
        };
        let keys = request
            .rules
            .iter()
            .map(|rule| self.key(request.subject.as_bytes(), rule));
        let keys: Vec<Key> = keys.collect();
        let load = |key| records.get(key).map(Record::usage).unwrap_or_default();
        let mut usages: Vec<Usage> = keys.iter().map(load).collect();
        let answer = act(&mut usages, now);
        for ((key, rule), usage) in keys.into_iter().zip(request.rules).zip(usages) {
            records
                .entry(key)
                .or_default()
                .set_usage(rule.quota(), usage, now);
        }
        answer
    }

    /// The report as a wrong store takes it.
    fn taken(&self, report: Told, known: Totals) -> Told {
        let change = |totals: Totals| match self.fault {
            Fault::AddsReports => Totals {
                local: totals.local + known.local,
                ..totals
            },
            Fault::IgnoresReturns => Totals {
                returned: 0,
                ..totals
            },
            Fault::Wraps => Totals {
                local: u64::from(u32::try_from(totals.local).unwrap_or(7)),
                ..totals
            },
            _ => totals,
        };
        match report {
            Told::Windows { current, previous } => {
                let previous = if self.is(Fault::DropsThePreviousWindow) {
                    WindowReport::default()
                } else {
                    previous
                };
                Told::Windows {
                    current: WindowReport {
                        totals: change(current.totals),
                        ..current
                    },
                    previous,
                }
            }
            Told::Bucket(report) => Told::Bucket(BucketReport {
                totals: change(report.totals),
                heard: if self.is(Fault::IgnoresWhatWasHeard) {
                    Timestamp::EPOCH
                } else {
                    report.heard
                },
                ..report
            }),
        }
    }

    fn sync_one(&self, node: NodeId, request: &SyncRequest<'_>) -> Vec<Reply> {
        let now = self.clock.now();
        let node = if self.is(Fault::RoundsNodeIds) {
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                clippy::cast_precision_loss
            )]
            NodeId::from_random(node.as_u64() as f64 as u64)
        } else {
            node
        };
        let mut rules: Vec<Rule> = request.reports.iter().map(|(rule, _)| *rule).collect();
        if self.is(Fault::HeedsShadow) {
            rules = rules.iter().map(|rule| rule.with_shadow(false)).collect();
        }
        let keys = rules
            .iter()
            .map(|rule| self.key(request.subject.as_bytes(), rule));
        let keys: Vec<Key> = keys.collect();
        let mut data = self.lock();
        let load = |key| data.records.get(key).cloned().unwrap_or_default();
        let mut records: Vec<Record> = keys.iter().map(load).collect();
        let mut reports = Vec::new();
        for ((rule, report), record) in request.reports.iter().zip(&mut records) {
            record.bring_forward(rule.quota(), now);
            reports.push(self.taken(*report, record.totals(node).0));
            if self.is(Fault::CountsAnyWindow)
                && let Some(Told::Windows { current, .. }) = reports.last_mut()
                && current.totals != Totals::default()
            {
                let usage = rule.quota().brought_forward(record.usage(), now);
                current.start = usage.at();
            }
            if self.is(Fault::KeepsTheLastReport) && record.totals(node).0 != Totals::default() {
                let used = record.totals(node).0.net();
                let usage = record.usage();
                *record = Record::default();
                let left = Usage::window(
                    usage.at(),
                    usage.current().saturating_sub(used),
                    usage.previous(),
                );
                record.set_usage(rule.quota(), left, now);
            }
        }
        let replies = self.granted(&mut records, &rules, &reports, node, request.want, now);
        let kept = if self.is(Fault::ForgetsTheSecondPolicy) {
            1
        } else {
            keys.len()
        };
        for (key, record) in keys.into_iter().zip(records).take(kept) {
            data.records.insert(key, record);
        }
        replies
    }

    fn granted(
        &self,
        records: &mut [Record],
        rules: &[Rule],
        reports: &[Told],
        node: NodeId,
        want: u64,
        now: Timestamp,
    ) -> Vec<Reply> {
        let mut parts = records.iter();
        let returned = parts.any(|record| record.totals(node).0.returned > 0);
        let mut ask = want;
        match self.fault {
            Fault::GrantsAllOrNothing => {
                let room = sync(&mut records.to_vec(), rules, reports, node, want, now);
                if room.first().is_some_and(|reply| reply.got < want) {
                    ask = 0;
                }
            }
            Fault::GrantsEachPolicyByItself => {
                let parts = records.iter_mut().zip(rules).zip(reports);
                return parts
                    .map(|((record, rule), report)| {
                        sync(
                            std::slice::from_mut(record),
                            &[*rule],
                            &[*report],
                            node,
                            want,
                            now,
                        )[0]
                    })
                    .collect();
            }
            Fault::GrantsOneLessWhenReturnsWereMade if returned => {
                ask = want.saturating_sub(1);
            }
            _ => {}
        }
        let shadows: Vec<Rule> = rules.iter().map(|rule| rule.with_shadow(true)).collect();
        let rules = if self.is(Fault::GrantsWhatIsWanted) {
            &shadows
        } else {
            rules
        };
        let mut replies = sync(records, rules, reports, node, ask, now);
        for reply in &mut replies {
            if self.is(Fault::ForgetsGrants) {
                reply.mine.granted = 0;
            }
            if self.is(Fault::LeavesOutOwnPart) && reply.mine.net() > 0 {
                let usage = reply.usage;
                let others = usage.current().saturating_sub(reply.mine.net());
                reply.usage = Usage::window(usage.at(), others, usage.previous());
            }
        }
        replies
    }
}

#[async_trait]
impl Store for SharedMap {
    fn capabilities(&self) -> Capabilities {
        Capabilities::EXACT
    }

    fn try_acquire(&self, _: &Request<'_>) -> Option<Result<Decision, StoreError>> {
        None
    }

    async fn acquire(&self, request: &Request<'_>) -> Result<Decision, StoreError> {
        Ok(self.with(request, |usages, now| {
            decide(request.rules, usages, request.cost, now)
        }))
    }

    async fn peek(&self, request: &Request<'_>) -> Result<Decision, StoreError> {
        Ok(self.with(request, |usages, now| {
            look(request.rules, usages, request.cost, now)
        }))
    }

    async fn refund(&self, request: &Request<'_>, decision: &Decision) -> Result<(), StoreError> {
        self.with(request, |usages, now| {
            give_back(request.rules, usages, decision, now);
        });
        Ok(())
    }

    async fn reset(&self, request: &Request<'_>) -> Result<(), StoreError> {
        if self.is(Fault::ForgetsNodesInAReset) {
            for rule in request.rules {
                let key = self.key(request.subject.as_bytes(), rule);
                self.lock().records.remove(&key);
            }
        }
        self.with(request, |usages, _| usages.fill(Usage::default()));
        Ok(())
    }
}

#[async_trait]
impl SharedStore for SharedMap {
    async fn sync(
        &self,
        node: NodeId,
        batch: &[SyncRequest<'_>],
    ) -> Result<Vec<Result<Vec<Reply>, StoreError>>, StoreError> {
        let mut answers: Vec<_> = batch
            .iter()
            .map(|request| Ok(self.sync_one(node, request)))
            .collect();
        if self.is(Fault::AnswersBackwards) {
            answers.reverse();
        }
        Ok(answers)
    }

    async fn register(&self, node: NodeId) -> Result<Registry, StoreError> {
        let now = self.clock.now();
        let mut data = self.lock();
        data.registrations += 1;
        let place = if self.is(Fault::RegistersTwice) {
            data.registrations
        } else {
            0
        };
        data.nodes.insert((node, place), now);
        let silence = match self.fault {
            Fault::ForgetsNodesAtOnce => Duration::from_secs(1),
            Fault::NeverForgetsNodes => Duration::MAX,
            _ => SILENCE,
        };
        data.nodes.retain(|_, seen| now.since(*seen) <= silence);
        let next = GENERATIONS.fetch_add(1, Ordering::Relaxed);
        Ok(Registry {
            nodes: u32::try_from(data.nodes.len()).unwrap(),
            now,
            generation: match self.fault {
                Fault::SaysNoGeneration => None,
                Fault::KeepsItsGeneration => Some(7),
                Fault::TellsEachNodeAGenerationOfItsOwn => Some(node.as_u64()),
                _ => Some(*data.generation.get_or_insert(next)),
            },
        })
    }

    async fn deregister(&self, node: NodeId) -> Result<(), StoreError> {
        if !self.is(Fault::IgnoresDeregistration) {
            self.lock().nodes.retain(|(known, _), _| *known != node);
        }
        Ok(())
    }
}

/// Makes stores, and keeps hold of the last one's data.
struct Maps {
    clock: ManualClock,
    fault: Fault,
    can_lose: bool,
    last: Mutex<Arc<Mutex<Data>>>,
}

impl Maps {
    fn new(fault: Fault) -> Self {
        Self {
            clock: ManualClock::new(),
            fault,
            can_lose: true,
            last: Mutex::default(),
        }
    }
}

#[async_trait]
impl Fixture for Maps {
    type Store = SharedMap;

    fn window(&self) -> Duration {
        Duration::from_secs(60)
    }

    async fn fresh(&self) -> Result<SharedMap, StoreError> {
        let data = Arc::default();
        *self.last.lock().unwrap() = Arc::clone(&data);
        Ok(SharedMap {
            clock: self.clock.clone(),
            fault: self.fault,
            data,
        })
    }

    async fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }
}

#[async_trait]
impl SharedFixture for Maps {
    fn silence(&self) -> Duration {
        SILENCE
    }

    fn can_lose(&self) -> bool {
        self.can_lose
    }

    async fn lose_everything(&self) -> Result<(), StoreError> {
        *self.last.lock().unwrap().lock().unwrap() = Data::default();
        Ok(())
    }
}

fn report(fault: Fault) -> Report {
    pollster::block_on(conformance::run_shared(&Maps::new(fault)))
}

#[test]
fn a_correct_store_passes_both_suites() {
    report(Fault::None).assert_passed();
    pollster::block_on(conformance::run(&Maps::new(Fault::None))).assert_passed();
}

#[test]
fn what_the_fixture_cannot_do_is_left_out_and_named() {
    let maps = Maps {
        can_lose: false,
        ..Maps::new(Fault::None)
    };
    let report = pollster::block_on(conformance::run_shared(&maps));
    report.assert_passed();
    let left_out: Vec<&str> = report.left_out().map(|(case, _)| case).collect();
    assert_eq!(
        left_out,
        [
            "windows_are_rebuilt_from_reports",
            "a_bucket_is_rebuilt_from_what_nodes_heard",
            "the_registry_is_rebuilt",
            "a_generation_is_known_to_all_and_lost_with_the_data"
        ]
    );
}

#[test]
fn a_store_that_says_no_generation_is_sound_and_what_it_lacks_is_named() {
    let report = report(Fault::SaysNoGeneration);
    report.assert_passed();
    let left_out: Vec<&str> = report.left_out().map(|(case, _)| case).collect();
    let expected = ["a_generation_is_known_to_all_and_lost_with_the_data"];
    assert_eq!(left_out, expected);
}

#[test]
fn every_wrong_store_is_caught_under_the_guarantee_that_it_breaks() {
    let faults = [
        (Fault::AddsReports, "G5", "a_repeated_report_counts_once"),
        (
            Fault::KeepsTheLastReport,
            "G5",
            "an_overtaken_report_changes_nothing",
        ),
        (
            Fault::ForgetsGrants,
            "G5",
            "a_grant_whose_answer_was_lost_is_told_again",
        ),
        (
            Fault::GrantsWhatIsWanted,
            "G1",
            "grants_reach_the_limit_and_no_further",
        ),
        (
            Fault::GrantsWhatIsWanted,
            "G1",
            "grants_to_concurrent_nodes_stay_within_the_limit",
        ),
        (
            Fault::GrantsAllOrNothing,
            "G1",
            "grants_reach_the_limit_and_no_further",
        ),
        (
            Fault::GrantsEachPolicyByItself,
            "G8",
            "several_policies_are_granted_together",
        ),
        (
            Fault::HeedsShadow,
            "G8",
            "policies_in_shadow_hold_nothing_back",
        ),
        (
            Fault::KeepsTwoCounts,
            "G1",
            "what_is_taken_directly_counts_for_nodes",
        ),
        (
            Fault::LeavesOutOwnPart,
            "G1",
            "what_is_taken_directly_counts_for_nodes",
        ),
        (
            Fault::DropsThePreviousWindow,
            "G6",
            "windows_are_rebuilt_from_reports",
        ),
        (
            Fault::CountsAnyWindow,
            "G5",
            "a_report_for_no_known_window_is_dropped",
        ),
        (
            Fault::CountsAnyWindow,
            "G5",
            "a_late_report_goes_into_its_own_window",
        ),
        (
            Fault::IgnoresReturns,
            "G5",
            "what_is_returned_is_free_again",
        ),
        (
            Fault::ForgetsNodesInAReset,
            "G5",
            "a_reset_is_not_undone_by_reports",
        ),
        (
            Fault::IgnoresWhatWasHeard,
            "G6",
            "a_bucket_is_rebuilt_from_what_nodes_heard",
        ),
        (
            Fault::RoundsNodeIds,
            "G9",
            "nodes_are_told_apart_by_all_bits",
        ),
        (Fault::AnswersBackwards, "G8", "answers_come_in_order"),
        (Fault::ForgetsTheSecondPolicy, "G8", "answers_come_in_order"),
        (
            Fault::TrimsSubjects,
            "G9",
            "subjects_are_told_apart_by_all_bytes",
        ),
        (Fault::Wraps, "G8", "the_largest_totals_do_not_wrap"),
        (Fault::RegistersTwice, "G2", "live_nodes_are_counted_once"),
        (
            Fault::IgnoresDeregistration,
            "G2",
            "live_nodes_are_counted_once",
        ),
        (
            Fault::ForgetsNodesAtOnce,
            "G2",
            "a_silent_node_is_forgotten_and_no_sooner",
        ),
        (
            Fault::NeverForgetsNodes,
            "G2",
            "a_silent_node_is_forgotten_and_no_sooner",
        ),
        (
            Fault::KeepsItsGeneration,
            "G6",
            "a_generation_is_known_to_all_and_lost_with_the_data",
        ),
        (
            Fault::TellsEachNodeAGenerationOfItsOwn,
            "G6",
            "a_generation_is_known_to_all_and_lost_with_the_data",
        ),
        (
            Fault::GrantsOneLessWhenReturnsWereMade,
            "G1",
            "agrees_with_core_on_random_histories",
        ),
    ];
    assert_each_is_caught(report, &faults);
}
