//! A batch of requests: the call that decides them, and what its answer says to each.

use std::collections::HashMap;

use redis::Value;
use smallvec::SmallVec;
use tidegate_core::{Decision, Rule, Usage, decide, look};

use super::rules::RuleSets;
use super::writer::number;
use super::{Answer, Reader, decimal};
use crate::key::Keys;

/// A request in a batch.
pub(crate) trait Request {
    /// The names of its records.
    fn keys(&self) -> &Keys;
    /// Under which rules; as many as there are names.
    fn rules(&self) -> &[Rule];
    /// How much it takes.
    fn cost(&self) -> u64;
    /// Whether it only looks.
    fn looks(&self) -> bool;
}

/// Which requests of a batch are about the same records under the same rules: they are decided one after the other on
/// one reading of the records.
#[derive(Debug)]
pub(crate) struct Batch {
    groups: Vec<SmallVec<[u32; 2]>>,
    arguments: Vec<u8>,
    taken: usize,
}

/// What a batch's answer says.
pub(crate) struct Decided {
    /// For each request that was taken into the batch, its number and its decision.
    pub(crate) decisions: Vec<(usize, Decision)>,
    /// How many records were no records.
    pub(crate) repaired: u64,
}

impl Batch {
    /// Takes as many of the requests as fit, from the first on.
    pub(crate) fn of<R: Request>(requests: &[R], most_keys: usize) -> Self {
        let mut sets = RuleSets::new();
        let mut groups: Vec<SmallVec<[u32; 2]>> = Vec::with_capacity(requests.len());
        let mut numbers: Vec<u8> = Vec::with_capacity(requests.len());
        let mut known: HashMap<(&Keys, u8), usize, foldhash::fast::RandomState> =
            HashMap::default();
        let (mut keys, mut taken) = (0, 0);
        for (index, request) in requests.iter().enumerate() {
            let Some(set) = sets.number(request.rules()) else {
                break;
            };
            let group = *known.entry((request.keys(), set)).or_insert(groups.len());
            if group == groups.len() {
                if keys > 0 && keys + request.keys().len() > most_keys {
                    break;
                }
                keys += request.keys().len();
                groups.push(SmallVec::new());
                numbers.push(set);
            }
            groups[group].push(u32::try_from(index).unwrap_or(u32::MAX));
            taken = index + 1;
        }
        let mut arguments = Vec::with_capacity(64 + groups.len() * 10);
        sets.encode(&mut arguments);
        for (group, set) in groups.iter().zip(numbers) {
            encode_runs(requests, group, set, &mut arguments);
        }
        Self {
            groups,
            arguments,
            taken,
        }
    }

    /// How many requests were taken.
    pub(crate) const fn len(&self) -> usize {
        self.taken
    }

    pub(crate) fn arguments(&self) -> &[u8] {
        &self.arguments
    }

    /// The names of all records, in the order in which the script expects them.
    pub(crate) fn keys<'r, R: Request>(&self, requests: &'r [R]) -> Vec<&'r [u8]> {
        let first = |group: &SmallVec<[u32; 2]>| group.first().map(|index| *index as usize);
        let keys = self.groups.iter().filter_map(first);
        keys.flat_map(|index| requests[index].keys().iter())
            .collect()
    }

    /// Works out every decision from what the script found. `None` if the answer cannot be.
    pub(crate) fn decide<R: Request>(&self, requests: &[R], value: &Value) -> Option<Decided> {
        let answer = Answer::parse(value)?;
        let [admitted, repaired, Value::BulkString(heads)] = answer.rest else {
            return None;
        };
        let mut heads = Reader::new(heads);
        let mut decisions = Vec::with_capacity(self.taken);
        let mut expected = 0;
        for group in &self.groups {
            let rules = requests[*group.first()? as usize].rules();
            let mut usages: SmallVec<[Usage; 2]> = SmallVec::new();
            for rule in rules {
                usages.push(heads.head(rule.quota())?);
            }
            for index in group {
                let index = *index as usize;
                let (request, cost) = (&requests[index], requests[index].cost());
                let decision = if request.looks() {
                    look(request.rules(), &usages, cost, answer.now)
                } else {
                    decide(request.rules(), &mut usages, cost, answer.now)
                };
                expected += u64::from(decision.is_allowed() && takes(request));
                decisions.push((index, decision));
            }
        }
        // The script decided by the same arithmetic. If it came to another result, nothing of this can be trusted.
        let agreed = heads.is_empty() && decimal(admitted)? == expected;
        agreed.then_some(Decided {
            decisions,
            repaired: decimal(repaired)?,
        })
    }
}

fn takes<R: Request>(request: &R) -> bool {
    request.cost() > 0 && !request.looks()
}

/// A group's costs, as runs of equal ones. What does not take is no part of them.
fn encode_runs<R: Request>(requests: &[R], group: &[u32], set: u8, out: &mut Vec<u8>) {
    let costs = group.iter().map(|index| &requests[*index as usize]);
    // No limit is above 2^53, so whatever is above it is never admitted either.
    let mut costs = costs
        .filter(|request| takes(*request))
        .map(|request| request.cost().min(1 << 53))
        .peekable();
    let mut begin = set;
    loop {
        let cost = costs.next();
        let mut count = u64::from(cost.is_some());
        while count < u64::from(u16::MAX) && costs.next_if(|next| Some(*next) == cost).is_some() {
            count += 1;
        }
        number(out, u64::from(begin), 1);
        number(out, count, 2);
        number(out, cost.unwrap_or(0), 7);
        if costs.peek().is_none() {
            break;
        }
        begin = 0;
    }
}
