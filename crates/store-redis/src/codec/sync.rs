//! A chunk of one node's reports: the call that merges them, and what its answer says of each.

use redis::Value;
use smallvec::SmallVec;
use tidegate_core::shared::{BucketReport, NodeId, Reply, Report, Totals, WindowReport};
use tidegate_core::{Algorithm, MAX_COUNT, Quota, Rule, Timestamp};

use super::rules::{encode, same};
use super::writer::{double, number};
use super::{Answer, Reader, decimal};
use crate::key::Keys;
use crate::script::Shape;

/// One subject's part in a chunk.
pub(crate) struct Subject<'a> {
    pub(crate) keys: Keys,
    pub(crate) rules: SmallVec<[Rule; 2]>,
    pub(crate) reports: SmallVec<[&'a Report; 2]>,
    pub(crate) want: u64,
}

impl Subject<'_> {
    const fn wants(&self) -> bool {
        self.want > 0
    }
}

/// The reports that one call makes, in the order in which the script is told of them: rules of the same kinds, no
/// subject twice.
pub(crate) struct Chunk {
    node: NodeId,
    shape: Shape,
    /// The subjects' numbers, set by set: those under the same rules that all want something, or all do not.
    sets: Vec<Vec<usize>>,
}

/// The answers to a chunk: each subject's number, and its replies.
pub(crate) struct Replies {
    pub(crate) replies: Vec<(usize, Vec<Reply>)>,
    /// How many records were no records.
    pub(crate) repaired: u64,
}

impl Chunk {
    pub(crate) const fn new(node: NodeId, shape: Shape) -> Self {
        Self {
            node,
            shape,
            sets: Vec::new(),
        }
    }

    /// Takes a subject in.
    pub(crate) fn add(&mut self, subjects: &[Subject<'_>], index: usize) {
        let subject = &subjects[index];
        let alike = |set: &Vec<usize>| {
            let Some(known) = set.first().map(|first| &subjects[*first]) else {
                return false;
            };
            // All have the same shape, so they have as many rules.
            let mut rules = known.rules.iter().zip(&subject.rules);
            known.wants() == subject.wants() && rules.all(|(a, b)| same(a, b))
        };
        match self.sets.iter().position(alike) {
            Some(set) if self.sets[set].len() < usize::from(u16::MAX) => self.sets[set].push(index),
            _ => self.sets.push(vec![index]),
        }
    }

    /// Which script merges them.
    pub(crate) const fn shape(&self) -> Shape {
        self.shape
    }

    /// The subjects' numbers, in the script's order.
    pub(crate) fn indices(&self) -> impl Iterator<Item = usize> {
        self.sets.iter().flatten().copied()
    }

    /// The names of all records, in the script's order.
    pub(crate) fn keys<'s>(&self, subjects: &'s [Subject<'_>]) -> Vec<&'s [u8]> {
        self.indices()
            .flat_map(|index| subjects[index].keys.iter())
            .collect()
    }

    pub(crate) fn arguments(&self, subjects: &[Subject<'_>]) -> Vec<u8> {
        let mut out = Vec::with_capacity(64 + self.indices().count() * 80);
        out.extend_from_slice(&self.node.as_u64().to_be_bytes());
        for set in &self.sets {
            let Some(first) = set.first().map(|first| &subjects[*first]) else {
                continue;
            };
            encode(&first.rules, &mut out);
            number(&mut out, set.len() as u64, 2);
            number(&mut out, u64::from(first.wants()), 1);
            for subject in set.iter().map(|index| &subjects[*index]) {
                if subject.wants() {
                    double(&mut out, subject.want.min(MAX_COUNT));
                }
                for (rule, report) in subject.rules.iter().zip(&subject.reports) {
                    encode_report(rule.quota(), report, &mut out);
                }
            }
        }
        out
    }

    /// The replies. `None` if the answer cannot be.
    pub(crate) fn decode(&self, subjects: &[Subject<'_>], value: &Value) -> Option<Replies> {
        let answer = Answer::parse(value)?;
        let [repaired, parts @ ..] = answer.rest else {
            return None;
        };
        let mut parts = parts.iter();
        let mut replies = Vec::new();
        for index in self.indices() {
            let subject = &subjects[index];
            let got = if subject.wants() {
                decimal(parts.next()?)?
            } else {
                0
            };
            let of_rule = |rule: &Rule| {
                let reply = read_record(rule.quota(), self.node, parts.next()?)?;
                Some(Reply {
                    now: answer.now,
                    got,
                    ..reply
                })
            };
            replies.push((
                index,
                subject.rules.iter().map(of_rule).collect::<Option<_>>()?,
            ));
        }
        parts.next().is_none().then_some(Replies {
            replies,
            repaired: decimal(repaired)?,
        })
    }
}

fn encode_report(quota: &Quota, report: &Report, out: &mut Vec<u8>) {
    match (quota.algorithm(), report) {
        (Algorithm::TokenBucket, Report::Bucket(report)) => encode_bucket(report, out),
        (
            Algorithm::FixedWindow | Algorithm::SlidingWindow,
            Report::Windows { current, previous },
        ) => {
            for report in [current, previous] {
                encode_window(quota, report, out);
            }
        }
        // A report of another kind tells nothing about this record.
        (Algorithm::TokenBucket, _) => number(out, 0, 1),
        (Algorithm::FixedWindow | Algorithm::SlidingWindow, _) => {
            encode_window(quota, &WindowReport::default(), out);
            encode_window(quota, &WindowReport::default(), out);
        }
    }
}

fn encode_window(quota: &Quota, report: &WindowReport, out: &mut Vec<u8>) {
    /// No window has this number.
    const NONE: u64 = 1 << 52;
    let length = u64::try_from(quota.window().as_nanos()).unwrap_or(u64::MAX);
    let start = report.start.as_nanos();
    let tells = report.totals != Totals::default() && start.is_multiple_of(length);
    double(out, if tells { start / length } else { NONE });
    encode_totals(&report.totals, out);
}

fn encode_bucket(report: &BucketReport, out: &mut Vec<u8>) {
    number(out, 1 + u64::from(report.isolated), 1);
    for at in [report.since, report.heard] {
        // No bucket is full as late as that.
        let capped = at.as_nanos().min(MAX_COUNT.saturating_mul(1_000));
        double(out, capped / 1_000);
        double(out, capped % 1_000);
    }
    encode_totals(&report.totals, out);
    encode_totals(&report.acknowledged, out);
}

fn encode_totals(totals: &Totals, out: &mut Vec<u8>) {
    for total in [totals.local, totals.granted, totals.returned] {
        double(out, total.min(MAX_COUNT));
    }
}

/// What a record says: what all have used, and of this node what is known.
fn read_record(quota: &Quota, node: NodeId, value: &Value) -> Option<Reply> {
    let mut bytes = Reader::of(value)?;
    let is_bucket = quota.algorithm() == Algorithm::TokenBucket;
    let mut reply = Reply {
        now: Timestamp::EPOCH,
        usage: bytes.head(quota)?,
        mine: Totals::default(),
        mine_before: Totals::default(),
        got: 0,
        spent: 0,
    };
    if bytes.is_empty() {
        return Some(reply);
    }
    let width = usize::try_from(bytes.number(1)?).ok()?;
    if is_bucket {
        reply.spent = bytes.number(7)?;
    }
    let id = node.as_u64().to_be_bytes();
    while !bytes.is_empty() {
        let is_own = bytes.bytes(id.len())? == id;
        let mine = read_totals(&mut bytes, width)?;
        let mine_before = if is_bucket {
            Totals::default()
        } else {
            read_totals(&mut bytes, width)?
        };
        if is_own {
            (reply.mine, reply.mine_before) = (mine, mine_before);
            break;
        }
    }
    Some(reply)
}

fn read_totals(bytes: &mut Reader<'_>, width: usize) -> Option<Totals> {
    Some(Totals {
        local: bytes.number(width)?,
        granted: bytes.number(width)?,
        returned: bytes.number(width)?,
    })
}
