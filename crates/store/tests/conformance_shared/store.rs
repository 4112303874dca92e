//! A correct store for nodes to share, in maps, and what faults make of it.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tidegate_clock::{Clock, ManualClock};
use tidegate_core::shared::Report as Told;
use tidegate_core::shared::{BucketReport, NodeId, Record, Reply, Totals, WindowReport, sync};
use tidegate_core::{Decision, PolicyId, Rule, Timestamp, Usage, decide, give_back, look};
use tidegate_store::{
    Capabilities, Registry, Request, SharedStore, Store, StoreError, SyncRequest, async_trait,
};

use crate::fault::Fault;

/// When a node that said nothing is no longer counted.
pub(crate) const SILENCE: Duration = Duration::from_secs(5);

/// One for each time that data is lost.
static GENERATIONS: AtomicU64 = AtomicU64::new(1);

type Key = (Vec<u8>, PolicyId);

#[derive(Default)]
pub(crate) struct Data {
    records: HashMap<Key, Record>,
    /// What was taken directly, where that is counted apart.
    apart: HashMap<Key, Record>,
    nodes: BTreeMap<(NodeId, usize), Timestamp>,
    registrations: usize,
    generation: Option<u64>,
}

pub(crate) struct SharedMap {
    pub(crate) clock: ManualClock,
    pub(crate) fault: Fault,
    pub(crate) data: Arc<Mutex<Data>>,
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
