//! A chunk of one node's reports: the call that merges them, and what its answer says of each.

use redis::Value;
use tidegate_core::shared::{BucketReport, NodeId, Reply, Report, Totals, WindowReport};
use tidegate_core::{Algorithm, MAX_COUNT, Quota, Rule, Timestamp};

use super::rules::RuleSets;
use super::writer::number;
use super::{Answer, Reader, decimal};

/// One subject's part in a chunk.
pub(crate) struct Subject<'a> {
    pub(crate) rules: Vec<Rule>,
    pub(crate) reports: Vec<&'a Report>,
    pub(crate) want: u64,
}

/// The arguments of a call.
pub(crate) struct Chunk {
    pub(crate) arguments: Vec<u8>,
    /// How many subjects were taken.
    pub(crate) taken: usize,
}

/// The answers to a chunk, and how many records were no records.
pub(crate) type Answers = (Vec<Vec<Reply>>, u64);

impl Chunk {
    /// Takes as many subjects as fit into one call, from the first on.
    pub(crate) fn of(node: NodeId, subjects: &[Subject<'_>]) -> Self {
        let mut sets = RuleSets::new();
        let mut body = Vec::with_capacity(subjects.len() * 64);
        let mut taken = 0;
        for subject in subjects {
            let Some(set) = sets.number(&subject.rules) else {
                break;
            };
            number(&mut body, u64::from(set), 1);
            number(&mut body, subject.want.min(MAX_COUNT), 7);
            for (rule, report) in subject.rules.iter().zip(&subject.reports) {
                encode_report(rule.quota(), report, &mut body);
            }
            taken += 1;
        }
        let mut arguments = Vec::with_capacity(64 + body.len());
        arguments.extend_from_slice(&node.as_u64().to_be_bytes());
        sets.encode(&mut arguments);
        arguments.extend_from_slice(&body);
        Self { arguments, taken }
    }

    /// The replies, subject by subject. `None` if the answer cannot be.
    pub(crate) fn decode(&self, subjects: &[Subject<'_>], value: &Value) -> Option<Answers> {
        let answer = Answer::parse(value)?;
        let [repaired, Value::BulkString(bytes)] = answer.rest else {
            return None;
        };
        let mut bytes = Reader::new(bytes);
        let mut replies = Vec::with_capacity(self.taken);
        for subject in &subjects[..self.taken] {
            let got = bytes.number(7)?;
            let parts = subject
                .rules
                .iter()
                .map(|rule| read_reply(rule.quota(), got, answer.now, &mut bytes));
            replies.push(parts.collect::<Option<_>>()?);
        }
        bytes.is_empty().then_some((replies, decimal(repaired)?))
    }
}

fn encode_report(quota: &Quota, report: &Report, out: &mut Vec<u8>) {
    match (quota.algorithm(), report) {
        (Algorithm::TokenBucket, Report::Bucket(report)) => encode_bucket(report, out),
        (
            Algorithm::FixedWindow | Algorithm::SlidingWindow,
            Report::Windows { current, previous },
        ) => {
            let length = u64::try_from(quota.window().as_nanos()).unwrap_or(u64::MAX);
            let told = |report: &&WindowReport| {
                report.totals != Totals::default() && report.start.as_nanos().is_multiple_of(length)
            };
            let told = [previous, current].into_iter().filter(told);
            number(out, told.clone().count() as u64, 1);
            for report in told {
                number(out, report.start.as_nanos() / length, 6);
                encode_totals(&report.totals, out);
            }
        }
        // A report of another kind tells nothing about this record.
        _ => number(out, 0, 1),
    }
}

fn encode_bucket(report: &BucketReport, out: &mut Vec<u8>) {
    number(out, 1 + u64::from(report.isolated), 1);
    for at in [report.since, report.heard] {
        let capped = at.as_nanos().min(MAX_COUNT.saturating_mul(1_000));
        number(out, capped / 1_000, 7);
        number(out, capped % 1_000, 2);
    }
    encode_totals(&report.totals, out);
    encode_totals(&report.acknowledged, out);
}

fn encode_totals(totals: &Totals, out: &mut Vec<u8>) {
    for total in [totals.local, totals.granted, totals.returned] {
        number(out, total.min(MAX_COUNT), 7);
    }
}

fn read_reply(quota: &Quota, got: u64, now: Timestamp, bytes: &mut Reader<'_>) -> Option<Reply> {
    let usage = bytes.head(quota)?;
    let width = usize::try_from(bytes.number(1)?).ok()?;
    let is_bucket = quota.algorithm() == Algorithm::TokenBucket;
    let spent = if is_bucket { bytes.number(7)? } else { 0 };
    let mut totals = || {
        Some(Totals {
            local: bytes.number(width)?,
            granted: bytes.number(width)?,
            returned: bytes.number(width)?,
        })
    };
    let mine = totals()?;
    let mine_before = if is_bucket {
        Totals::default()
    } else {
        totals()?
    };
    Some(Reply {
        now,
        usage,
        mine,
        mine_before,
        got,
        spent,
    })
}
