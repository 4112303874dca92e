//! The store: the specification of every shared store, with a clock of its own and data that can be lost.

use std::collections::BTreeMap;

use tidegate_core::shared::{NodeId, Record, Reply, sync};
use tidegate_core::tiered::Outgoing;
use tidegate_core::{PolicyId, Rule, Timestamp};

/// A store that several simulated nodes share.
#[derive(Default)]
pub struct Store {
    records: BTreeMap<(u32, PolicyId), Record>,
    registry: BTreeMap<NodeId, Timestamp>,
    /// The store's clock minus true time, in nanoseconds.
    pub offset: i64,
    /// How many calls it has carried out.
    pub calls: u64,
}

impl Store {
    /// What its clock shows at a true time.
    pub fn clock(&self, now: u64) -> Timestamp {
        Timestamp::from_nanos(now.saturating_add_signed(self.offset))
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
        let replies = sync(&mut records, &rules, &reports, node, outgoing.want, clock);
        self.records.extend(keys.into_iter().zip(records));
        replies
    }

    /// Notes that a node is alive; says how many are.
    pub fn register(&mut self, node: NodeId, now: u64) -> u32 {
        let clock = self.clock(now);
        self.registry.insert(node, clock);
        self.registry
            .retain(|_, seen| clock.since(*seen).as_secs() < 4);
        u32::try_from(self.registry.len()).unwrap_or(u32::MAX)
    }

    /// Loses everything, as a restart without persistence does.
    pub fn lose_everything(&mut self) {
        self.records.clear();
        self.registry.clear();
    }

    /// What it holds for a subject under a policy.
    pub fn record(&mut self, subject: u32, rule: &Rule, now: u64) -> Record {
        let clock = self.clock(now);
        let mut record = self
            .records
            .get(&(subject, rule.id()))
            .cloned()
            .unwrap_or_default();
        record.bring_forward(rule.quota(), clock);
        record
    }
}
