//! What the store keeps for a subject under a policy, and how a report changes it.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::{BucketReport, NodeId, Reply, Report, Totals, WindowReport};
use crate::algorithm::token_bucket::most_missing;
use crate::quota::Shape;
use crate::{MAX_COUNT, Quota, Rule, Timestamp, Usage};

/// What all together have used, and the totals that each node reported.
///
/// What nobody reported (a store used directly has no nodes) is in the usage alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    usage: Usage,
    spent: u64,
    nodes: BTreeMap<NodeId, Entry>,
}

/// One node's totals, in the window that begins at `start` and in the one before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Entry {
    start: Timestamp,
    current: Totals,
    previous: Totals,
}

/// Merges one node's reports under several policies, then grants as much of `want` as all of them have room
/// for, to all of them or to none. Policies in shadow mode have room for everything.
///
/// `records`, `rules` and `reports` belong together one by one. The answers come in the same order.
pub fn sync(
    records: &mut [Record],
    rules: &[Rule],
    reports: &[Report],
    node: NodeId,
    want: u64,
    now: Timestamp,
) -> Vec<Reply> {
    let mut got = want;
    for ((record, rule), report) in records.iter_mut().zip(rules).zip(reports) {
        record.merge(rule.quota(), node, report, now);
        if !rule.is_shadow() {
            got = got.min(rule.quota().remaining(record.usage, now));
        }
    }
    let parts = records.iter_mut().zip(rules);
    parts
        .map(|(record, rule)| record.grant(rule.quota(), node, got, now))
        .collect()
}

impl Record {
    /// What all together have used.
    pub const fn usage(&self) -> Usage {
        self.usage
    }

    /// Replaces what all together have used, as a decision taken directly on the record does.
    pub fn set_usage(&mut self, quota: &Quota, usage: Usage, now: Timestamp) {
        self.bring_forward(quota, now);
        self.usage = quota.brought_forward(usage, now);
    }

    /// What the store knows of a node: in the current window and in the one before.
    pub fn totals(&self, node: NodeId) -> (Totals, Totals) {
        self.nodes
            .get(&node)
            .map_or_else(Default::default, |entry| (entry.current, entry.previous))
    }

    /// Moves the record to `now`, and forgets what is too old to matter.
    pub fn bring_forward(&mut self, quota: &Quota, now: Timestamp) {
        let rolled = quota.brought_forward(self.usage, now);
        if let Shape::Fixed | Shape::Sliding(_) = quota.shape() {
            let window = quota.window_nanos();
            self.nodes.retain(|_, entry| entry.roll(rolled.at, window));
        }
        self.usage = rolled;
    }

    /// Takes a report into account. Merging the same report again changes nothing.
    fn merge(&mut self, quota: &Quota, node: NodeId, report: &Report, now: Timestamp) {
        self.bring_forward(quota, now);
        match (quota.shape(), report) {
            (Shape::Fixed | Shape::Sliding(_), Report::Windows { current, previous }) => {
                self.merge_window(quota.window_nanos(), node, previous);
                self.merge_window(quota.window_nanos(), node, current);
            }
            (Shape::Bucket { burst, interval }, Report::Bucket(report)) => {
                let bucket = Bucket::new(quota, burst, interval);
                self.merge_bucket(bucket, node, report, now);
            }
            // A report of another kind tells nothing about this record.
            _ => {}
        }
    }

    fn merge_window(&mut self, window: u64, node: NodeId, report: &WindowReport) {
        let is_current = report.start == self.usage.at;
        if report.totals == Totals::default()
            || !(is_current || report.start.plus(window) == self.usage.at)
        {
            return;
        }
        let start = self.usage.at;
        let entry = self.nodes.entry(node).or_insert(Entry {
            start,
            ..Entry::default()
        });
        let (known, count) = if is_current {
            (&mut entry.current, &mut self.usage.current)
        } else {
            (&mut entry.previous, &mut self.usage.previous)
        };
        let merged = known.merged(report.totals);
        *count = count
            .saturating_add(merged.net())
            .saturating_sub(known.net())
            .min(MAX_COUNT);
        *known = merged;
    }

    fn merge_bucket(
        &mut self,
        bucket: Bucket,
        node: NodeId,
        report: &BucketReport,
        now: Timestamp,
    ) {
        let entry = self.nodes.entry(node).or_default();
        if !entry.current.includes(report.acknowledged) {
            // The store once knew more than it does: its data is lost. What it said last is the least that was
            // used.
            entry.current = entry.current.merged(report.acknowledged);
            self.usage.at = self.usage.at.max(report.heard).min(now.plus(bucket.most));
        }
        let merged = entry.current.merged(report.totals);
        let used = (merged.local - entry.current.local)
            .saturating_add(merged.granted - entry.current.granted);
        let returned = merged.returned - entry.current.returned;
        entry.current = merged;
        let most = if report.isolated {
            bucket.burst
        } else {
            bucket.most
        };
        self.spend(bucket.interval, used, report.since.min(now), now.plus(most));
        if returned > 0 {
            let owed = report.full_at(bucket.interval, now).nanos_since(now);
            let back = returned.saturating_mul(bucket.interval).min(owed);
            let full_at = self.usage.at.as_nanos().saturating_sub(back);
            self.usage.at = Timestamp::from_nanos(full_at).max(now.min(self.usage.at));
        }
    }

    /// Adds what was used since `since` to a bucket; what would be owed beyond `latest` is not kept.
    fn spend(&mut self, interval: u64, used: u64, since: Timestamp, latest: Timestamp) {
        if used > 0 {
            let full_at = self.usage.at.max(since).plus(used.saturating_mul(interval));
            self.usage.at = full_at.min(latest.max(self.usage.at));
            self.spent = self.spent.saturating_add(used).min(MAX_COUNT);
        }
    }

    fn grant(&mut self, quota: &Quota, node: NodeId, got: u64, now: Timestamp) -> Reply {
        if got > 0 {
            let start = self.usage.at;
            let entry = self.nodes.entry(node).or_insert(Entry {
                start,
                ..Entry::default()
            });
            entry.current.granted = entry.current.granted.saturating_add(got).min(MAX_COUNT);
            match quota.shape() {
                Shape::Bucket { burst, interval } => {
                    let bucket = Bucket::new(quota, burst, interval);
                    self.spend(interval, got, now, now.plus(bucket.most));
                }
                _ => self.usage = quota.charged(self.usage, got, now),
            }
        }
        let (mine, mine_before) = self.totals(node);
        Reply {
            now,
            usage: self.usage,
            mine,
            mine_before,
            got,
            spent: self.spent,
        }
    }
}

/// A token bucket in nanoseconds: what it holds, the most that can be missing, and one unit.
#[derive(Clone, Copy)]
struct Bucket {
    burst: u64,
    most: u64,
    interval: u64,
}

impl Bucket {
    const fn new(quota: &Quota, burst: u64, interval: u64) -> Self {
        let most = most_missing(quota.window_nanos(), burst, interval);
        Self {
            burst: burst * interval,
            most,
            interval,
        }
    }
}

impl Entry {
    /// Moves the entry into the window that begins at `start`; says whether anything is left of it.
    fn roll(&mut self, start: Timestamp, window: u64) -> bool {
        if self.start.plus(window) == start {
            self.previous = core::mem::take(&mut self.current);
        } else if self.start != start && start.plus(window) != self.start {
            // Neither this window, nor the next one before a clock stepped back: too old.
            *self = Self::default();
        }
        self.start = start;
        *self
            != Self {
                start,
                ..Self::default()
            }
    }
}
