//! The store: the specification of every shared store, with a clock of its own and data that can be lost.

use std::collections::BTreeMap;

use tidegate_core::shared::{NodeId, Record, Reply, Report, Totals, sync};
use tidegate_core::tiered::Outgoing;
use tidegate_core::{Algorithm, MAX_COUNT, PolicyId, Rule, Timestamp, Usage};

use crate::fault::Corruption;

/// For how long a node that says nothing counts as alive, in seconds: as long as real stores reckon.
const PATIENCE: u64 = 4;

/// A store that several simulated nodes share.
#[derive(Default)]
pub struct Store {
    records: BTreeMap<(u32, PolicyId), Record>,
    registry: BTreeMap<NodeId, Timestamp>,
    /// Which generation of data it holds.
    generation: u64,
    /// When, in true time, a bucket was last found to owe more than it can.
    pub found_ahead: BTreeMap<(u32, PolicyId), u64>,
    /// The store's clock minus true time, in nanoseconds.
    pub offset: i64,
    /// How often that clock has stepped: the number of a window says nothing across a step.
    pub steps: u32,
    /// When, in true time, it stepped.
    stepped_at: Vec<u64>,
    /// The latest time that it had shown when it stepped back: what is earlier comes twice.
    pub comes_twice: u64,
    /// What the offset was before each step.
    pub offsets: Vec<i64>,
    /// How many calls it has carried out.
    pub calls: u64,
}

impl Store {
    /// What its clock shows at a true time.
    pub fn clock(&self, now: u64) -> Timestamp {
        Timestamp::from_nanos(now.saturating_add_signed(self.offset))
    }

    /// Its clock steps.
    pub fn step(&mut self, by: i64, now: u64) {
        self.stepped_at.push(now);
        if by < 0 {
            self.comes_twice = self.comes_twice.max(self.clock(now).as_nanos());
        }
        self.offsets.push(self.offset);
        self.offset += by;
        self.steps += 1;
    }

    /// Its clock minus true time after so many steps.
    pub fn offset_of(&self, steps: u32) -> i64 {
        let before = self
            .offsets
            .get(usize::try_from(steps).unwrap_or(usize::MAX));
        before.copied().unwrap_or(self.offset)
    }

    /// What its clock showed at a true time that is past, before the steps since then.
    pub fn showed(&self, at: u64) -> Timestamp {
        let steps = self.stepped_at.iter().filter(|stepped| **stepped <= at);
        let offset = self.offset_of(u32::try_from(steps.count()).unwrap_or(u32::MAX));
        Timestamp::from_nanos(at.saturating_add_signed(offset))
    }

    /// Whether its clock has stepped since a true time.
    pub fn has_stepped_since(&self, at: u64) -> bool {
        self.stepped_at.last().is_some_and(|stepped| at < *stepped)
    }

    /// Carries out a call for a subject.
    pub fn sync(
        &mut self,
        subject: u32,
        node: NodeId,
        outgoing: &Outgoing,
        now: u64,
    ) -> Vec<Reply> {
        self.calls += 1;
        let clock = self.clock(now);
        let (rules, reports): (Vec<Rule>, Vec<_>) = outgoing.reports.iter().copied().unzip();
        let keys: Vec<_> = rules.iter().map(|rule| (subject, rule.id())).collect();
        let mut records: Vec<Record> = keys
            .iter()
            .map(|key| self.records.remove(key).unwrap_or_default())
            .collect();
        for ((key, record), rule) in keys.iter().zip(&records).zip(&rules) {
            let most = clock + rule.quota().capacity_window() * 2;
            if rule.quota().algorithm() == Algorithm::TokenBucket && record.usage().at() > most {
                self.found_ahead.insert(*key, now);
            }
        }
        let replies = sync(&mut records, &rules, &reports, node, outgoing.want, clock);
        self.records.extend(keys.into_iter().zip(records));
        replies
    }

    /// Notes that a node is alive; says how many are, and of which generation the data is.
    pub fn register(&mut self, node: NodeId, now: u64) -> (u32, u64) {
        let clock = self.clock(now);
        self.registry.insert(node, clock);
        self.registry
            .retain(|_, seen| clock.since(*seen).as_secs() < PATIENCE);
        let nodes = u32::try_from(self.registry.len()).unwrap_or(u32::MAX);
        (nodes, self.generation)
    }

    /// Loses everything, as a restart without persistence does.
    pub fn lose_everything(&mut self) {
        self.records.clear();
        self.registry.clear();
        self.generation += 1;
    }

    /// Puts a record there that no node reported.
    pub fn corrupt(&mut self, subject: u32, rule: &Rule, what: Corruption, now: u64) {
        let quota = rule.quota();
        let clock = self.clock(now);
        let then = match what {
            Corruption::Full => clock,
            Corruption::Future => clock + std::time::Duration::from_secs(3_600),
            Corruption::EndOfTime => Timestamp::from_secs(18_000_000_000),
        };
        let usage = match quota.algorithm() {
            Algorithm::TokenBucket => Usage::bucket(then + quota.capacity_window()),
            _ => {
                let start = quota.brought_forward(Usage::default(), then).at();
                Usage::window(start, MAX_COUNT, MAX_COUNT)
            }
        };
        let mut record = Record::default();
        record.set_usage(quota, usage, then);
        self.records.insert((subject, rule.id()), record);
    }

    /// What it holds for a subject under a policy.
    pub fn record(&self, subject: u32, rule: &Rule, now: u64) -> Record {
        let mut record = self
            .records
            .get(&(subject, rule.id()))
            .cloned()
            .unwrap_or_default();
        record.bring_forward(rule.quota(), self.clock(now));
        record
    }

    /// What all have used of a bucket, but for what these nodes have given back.
    pub fn spent(
        &self,
        subject: u32,
        rule: &Rule,
        nodes: impl Iterator<Item = NodeId>,
        now: u64,
    ) -> u64 {
        let mut record = [self.record(subject, rule, now)];
        let returned: u64 = nodes.map(|node| record[0].totals(node).0.returned).sum();
        let nobody = NodeId::from_random(0);
        let clock = self.clock(now);
        let replies = sync(&mut record, &[*rule], &[Report::NOTHING], nobody, 0, clock);
        replies[0].spent.saturating_sub(returned)
    }

    /// What it knows of a node in the window that begins at `start`, if that is its current or previous one.
    pub fn totals(&self, subject: u32, rule: &Rule, node: NodeId, start: u64, now: u64) -> Totals {
        let record = self.record(subject, rule, now);
        let (current, before) = record.totals(node);
        if record.usage().at().as_nanos() == start {
            current
        } else {
            before
        }
    }
}
