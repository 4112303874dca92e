//! Reports of nodes, as `core::shared` takes them.

use tidegate_core::shared::{BucketReport, NodeId, Reply, Report, Totals, WindowReport, sync};
use tidegate_core::{Algorithm, Rule, Timestamp};
use tidegate_store::{SharedStore, SyncRequest};

use crate::History;

/// What a node would say of itself.
pub(super) struct Node {
    pub(super) id: NodeId,
    pub(super) per_rule: Vec<Known>,
}

#[derive(Clone, Copy, Default)]
pub(super) struct Known {
    start: Timestamp,
    current: Totals,
    previous: Totals,
    /// What a bucket's totals began with.
    begun: Totals,
    heard: Option<Reply>,
}

impl History<'_> {
    pub(super) async fn sync(&mut self) {
        let node = self.random.usize(..self.nodes.len());
        let id = self.nodes[node].id;
        let reports: Vec<(Rule, Report)> = (0..self.rules.len())
            .map(|index| (self.rules[index], self.any_report(node, index)))
            .collect();
        // Sums of totals beyond 2^53 are not exact in the scripts; no node comes near.
        let want = if self.random.u8(..3) == 0 {
            self.any_cost().min(1 << 40)
        } else {
            0
        };
        let request = SyncRequest {
            subject: self.subject.as_str().into(),
            reports: &reports,
            want,
        };
        let answers = self.store.sync(id, &[request]).await.unwrap();
        let answer = answers.into_iter().next().unwrap().unwrap();

        let mut records = self.records.clone();
        let told: Vec<Report> = reports.iter().map(|(_, report)| *report).collect();
        let expected = sync(&mut records, &self.rules, &told, id, want, self.now);
        assert_eq!(
            answer, expected,
            "{}: sync {want} {told:?} before {:?}",
            self.what, self.records
        );
        for (index, new) in records.into_iter().enumerate() {
            let quota = *self.rules[index].quota();
            self.write(index, &quota, |record, _| *record = new);
            self.nodes[node].per_rule[index].heard = Some(answer[index]);
        }
    }

    /// A report, mostly an honest one: what the node used grows, and some answers got lost.
    fn any_report(&mut self, node: usize, index: usize) -> Report {
        let (random, quota) = (&mut self.random, *self.rules[index].quota());
        let known = &mut self.nodes[node].per_rule[index];
        let is_bucket = quota.algorithm() == Algorithm::TokenBucket;
        let window = quota.window();
        if !is_bucket {
            let start = Timestamp::from_nanos(
                self.now.as_nanos() / window.as_nanos() as u64 * window.as_nanos() as u64,
            );
            if start != known.start && random.u8(..8) > 0 {
                known.previous = if known.start + window == start {
                    known.current
                } else {
                    Totals::default()
                };
                (known.current, known.start) = (Totals::default(), start);
            }
        }
        if is_bucket && random.u8(..25) == 0 {
            // The node had forgotten the subject, and counts from beyond what it told before.
            let most = known.current.local.max(known.current.granted).min(1 << 40);
            let begun = most + random.u64(..1 << 23);
            known.begun = Totals {
                local: begun,
                granted: begun,
                returned: 0,
            };
            (known.current, known.heard) = (known.begun, None);
        }
        if let Some(heard) = known.heard.filter(|_| random.u8(..4) > 0) {
            known.current.granted = known.current.granted.max(heard.mine.granted.min(1 << 40));
        }
        let step = if random.u8(..30) == 0 {
            quota.capacity().min(1 << 40)
        } else {
            4
        };
        known.current.local += random.u64(..=step);
        if random.u8(..6) == 0 {
            known.current.returned += random.u64(..=(known.current.net().min(3)));
        }
        if random.u8(..25) == 0 {
            return Report::NOTHING;
        }
        if !is_bucket {
            let part = |totals, start| WindowReport { start, totals };
            let (current, previous) = (
                part(known.current, known.start),
                part(known.previous, known.start - window),
            );
            return Report::Windows { current, previous };
        }
        let heard = known.heard.filter(|_| random.u8(..6) > 0);
        let ago = quota.capacity_window().mul_f64(random.f64() * 2.5);
        Report::Bucket(BucketReport {
            totals: known.current,
            acknowledged: heard.map_or(known.begun, |heard| Totals {
                local: heard.mine.local.min(known.current.local),
                granted: heard.mine.granted.min(known.current.granted),
                returned: heard.mine.returned.min(known.current.returned),
            }),
            heard: heard.map_or(self.now - ago, |heard| heard.usage.at()),
            since: match random.u8(..8) {
                0 => Timestamp::EPOCH,
                1 => self.now + ago,
                2 => self.now,
                _ => self.now - ago,
            },
            isolated: random.u8(..5) == 0,
        })
    }
}
