//! Several nodes on one memory store: each node's totals beside the table, for tests and for a first try.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use tidegate_clock::Clock;
use tidegate_core::shared::{NodeId, Record as SharedRecord, Reply, Report, sync};
use tidegate_core::{PolicyId, Quota, Rule, Timestamp, Usage};
use tidegate_store::{ErrorKind, Registry, Request, SharedStore, StoreError, SyncRequest};
use tidegate_table::Entry;

use crate::MemoryStore;
use crate::record::Record;

/// A node that has not registered for so long is gone.
const GONE_AFTER: Duration = Duration::from_secs(4);

/// What nodes reported, and who they are. What all have used together is in the table, as if nobody had reported.
#[derive(Debug)]
pub(crate) struct Nodes {
    state: Mutex<State>,
    /// The store that takes this one's place has another.
    generation: u64,
}

impl Default for Nodes {
    fn default() -> Self {
        Self {
            state: Mutex::default(),
            generation: RandomState::new().hash_one(0),
        }
    }
}

/// A subject under a policy.
type Key = (Box<[u8]>, PolicyId);

#[derive(Debug, Default)]
struct State {
    totals: BTreeMap<Key, (Quota, SharedRecord)>,
    registered: BTreeMap<NodeId, Timestamp>,
    /// How many totals there may be until those that no longer matter are looked for.
    prune_at: usize,
}

impl State {
    fn prune(&mut self, now: Timestamp) {
        if self.totals.len() < self.prune_at.max(1_024) {
            return;
        }
        // A record still says something while its usage does, and for one window more.
        self.totals
            .retain(|_, (quota, record)| quota.idle_at(record.usage()) + quota.window() > now);
        self.prune_at = self.totals.len() * 2;
    }
}

impl<C: Clock> MemoryStore<C> {
    fn sync_now(&self, node: NodeId, part: &SyncRequest<'_>) -> Result<Vec<Reply>, StoreError> {
        let (rules, reports): (Vec<Rule>, Vec<Report>) = part.reports.iter().copied().unzip();
        let mut subject = self.lock(&Request::new(part.subject, &rules));
        let now = subject.now();
        let places: Vec<_> = rules.iter().map(|rule| subject.find(rule.id())).collect();
        let usage = |place: &Option<_>| (*place).and_then(|place| subject.value(place));
        let usages: Vec<Usage> = places
            .iter()
            .map(|place| usage(place).map_or_else(Usage::default, Record::usage))
            .collect();

        let mut nodes = self.nodes.state.lock();
        let keys = || {
            rules
                .iter()
                .map(|rule| (part.subject.as_bytes().into(), rule.id()))
        };
        let known = |key| {
            nodes
                .totals
                .get(&key)
                .map_or_else(Default::default, |(_, record)| record.clone())
        };
        let mut records: Vec<SharedRecord> = keys().map(known).collect();
        for ((record, rule), usage) in records.iter_mut().zip(&rules).zip(usages) {
            record.set_usage(rule.quota(), usage, now);
        }
        let replies = sync(&mut records, &rules, &reports, node, part.want, now);

        let fresh: Vec<(PolicyId, Record)> = rules
            .iter()
            .zip(&records)
            .map(|(rule, record)| (rule.id(), Record::new(record.usage(), rule.quota())))
            .filter(|(_, record)| !record.is_idle(now))
            .collect();
        subject.insert_all(fresh).map_err(|full| {
            StoreError::new(
                ErrorKind::Overloaded,
                "the memory store has no room for a subject",
            )
            .with_source(full)
        })?;
        for ((key, rule), record) in keys().zip(&rules).zip(records) {
            nodes.totals.insert(key, (*rule.quota(), record));
        }
        nodes.prune(now);
        Ok(replies)
    }
}

#[async_trait]
impl<C: Clock> SharedStore for MemoryStore<C> {
    async fn sync(
        &self,
        node: NodeId,
        batch: &[SyncRequest<'_>],
    ) -> Result<Vec<Result<Vec<Reply>, StoreError>>, StoreError> {
        Ok(batch.iter().map(|part| self.sync_now(node, part)).collect())
    }

    async fn register(&self, node: NodeId) -> Result<Registry, StoreError> {
        let now = self.now();
        let registered = &mut self.nodes.state.lock().registered;
        registered.insert(node, now);
        registered.retain(|_, seen| now.since(*seen) < GONE_AFTER);
        let nodes = u32::try_from(registered.len()).unwrap_or(u32::MAX);
        Ok(Registry {
            nodes,
            now,
            generation: Some(self.nodes.generation),
        })
    }

    async fn deregister(&self, node: NodeId) -> Result<(), StoreError> {
        self.nodes.state.lock().registered.remove(&node);
        Ok(())
    }
}
