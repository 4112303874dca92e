//! A batch of requests: the call that decides them, and what its answer says to each.

use std::collections::HashMap;

use redis::Value;
use smallvec::SmallVec;
use tidegate_core::{Decision, Rule, Usage, decide, look};

use super::rules::{encode, same};
use super::writer::{double, number};
use super::{Answer, Reader, decimal};
use crate::key::Keys;
use crate::script::Shape;

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

/// Requests that one call decides, in the order in which the script is told of them.
#[derive(Debug)]
pub(crate) struct Batch {
    shape: Shape,
    sets: Vec<Set>,
    arguments: Vec<u8>,
    taken: usize,
}

/// Those under the same rules.
type Set = Vec<Group>;

/// Those about the same records under the same rules: they are decided one after the other on one reading.
type Group = SmallVec<[u32; 2]>;

/// What a batch's answer says.
pub(crate) struct Decided {
    /// For each request that was taken into the batch, its number and its decision.
    pub(crate) decisions: Vec<(usize, Decision)>,
    /// How many records were no records.
    pub(crate) repaired: u64,
}

/// As many as the script's numbers can count.
const MOST_IN_A_SET: usize = u16::MAX as usize;

impl Batch {
    /// Takes as many of the requests as fit into one call, from the first on: all have rules of the same kinds, and no
    /// two sets of rules touch the same subject, since all records are read before any is written.
    pub(crate) fn of<R: Request>(requests: &[R], most_keys: usize) -> Self {
        let shape = requests
            .first()
            .map_or(Shape::NONE, |first| Shape::of(first.rules()));
        let mut sets: Vec<Set> = Vec::new();
        let mut subjects: HashMap<&[u8], (&Keys, usize, usize), foldhash::fast::RandomState> =
            HashMap::with_capacity_and_hasher(
                requests.len(),
                foldhash::fast::RandomState::default(),
            );
        let (mut keys, mut taken) = (0, 0);
        for (index, request) in requests.iter().enumerate() {
            let number = u32::try_from(index).unwrap_or(u32::MAX);
            let under = |set: &Set| same_rules(requests, set, request.rules());
            match subjects.get(request.keys().subject()) {
                Some((known, set, group)) => {
                    let (known, set, group) = (*known, *set, *group);
                    let fits = sets[set][group].len() < MOST_IN_A_SET;
                    if known != request.keys() || !under(&sets[set]) || !fits {
                        break;
                    }
                    sets[set][group].push(number);
                }
                None => {
                    keys += request.keys().len();
                    if (index > 0 && keys > most_keys) || Shape::of(request.rules()) != shape {
                        break;
                    }
                    let set = sets.iter().position(under).unwrap_or_else(|| {
                        sets.push(Set::new());
                        sets.len() - 1
                    });
                    let place = (request.keys(), set, sets[set].len());
                    subjects.insert(request.keys().subject(), place);
                    sets[set].push(Group::from_slice(&[number]));
                }
            }
            taken = index + 1;
        }
        let arguments = encode_all(requests, &sets);
        Self {
            shape,
            sets,
            arguments,
            taken,
        }
    }

    /// How many requests were taken.
    pub(crate) const fn len(&self) -> usize {
        self.taken
    }

    /// Which script decides them.
    pub(crate) const fn shape(&self) -> Shape {
        self.shape
    }

    pub(crate) fn arguments(&self) -> &[u8] {
        &self.arguments
    }

    /// The names of all records, in the order in which the script expects them.
    pub(crate) fn keys<'r, R: Request>(&self, requests: &'r [R]) -> Vec<&'r [u8]> {
        let firsts = self.sets.iter().flatten().filter_map(|group| group.first());
        firsts
            .flat_map(|index| requests[*index as usize].keys().iter())
            .collect()
    }

    /// Works out every decision from what the script found. `None` if the answer cannot be.
    pub(crate) fn decide<R: Request>(&self, requests: &[R], value: &Value) -> Option<Decided> {
        let answer = Answer::parse(value)?;
        let [admitted, repaired, heads @ ..] = answer.rest else {
            return None;
        };
        let mut heads = heads.iter();
        let mut decisions = Vec::with_capacity(self.taken);
        let mut expected = 0;
        for group in self.sets.iter().flatten() {
            let mut usages: SmallVec<[Usage; 2]> = SmallVec::new();
            for rule in requests[*group.first()? as usize].rules() {
                usages.push(Reader::of(heads.next()?)?.head(rule.quota())?);
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
        let agreed = heads.next().is_none() && decimal(admitted)? == expected;
        agreed.then_some(Decided {
            decisions,
            repaired: decimal(repaired)?,
        })
    }
}

fn takes<R: Request>(request: &R) -> bool {
    request.cost() > 0 && !request.looks()
}

/// Whether a set's requests are under rules that scripts need not tell from these.
fn same_rules<R: Request>(requests: &[R], set: &Set, rules: &[Rule]) -> bool {
    let Some(first) = set.first().and_then(|group| group.first()) else {
        return false;
    };
    let known = requests[*first as usize].rules();
    known.len() == rules.len() && known.iter().zip(rules).all(|(a, b)| same(a, b))
}

fn encode_all<R: Request>(requests: &[R], sets: &[Set]) -> Vec<u8> {
    let groups: usize = sets.iter().map(Vec::len).sum();
    let mut out = Vec::with_capacity(sets.len() * 64 + groups * 10);
    for set in sets {
        let first = set.first().and_then(|group| group.first());
        encode(
            first.map_or(&[], |index| requests[*index as usize].rules()),
            &mut out,
        );
        number(&mut out, set.len() as u64, 2);
        for group in set {
            encode_runs(requests, group, &mut out);
        }
    }
    out
}

/// A group's costs, as runs of equal ones. What does not take is no part of them.
fn encode_runs<R: Request>(requests: &[R], group: &Group, out: &mut Vec<u8>) {
    const MOST: u64 = (1 << 15) - 1;
    const MORE_FOLLOW: u64 = 1 << 15;
    let requests = group.iter().map(|index| &requests[*index as usize]);
    // No limit is above 2^53, so whatever is above it is never admitted either.
    let costs = requests
        .filter(|request| takes(*request))
        .map(|request| request.cost().min(1 << 53));
    let mut costs = costs.peekable();
    loop {
        let cost = costs.next();
        let mut count = u64::from(cost.is_some());
        while count < MOST && costs.next_if(|next| Some(*next) == cost).is_some() {
            count += 1;
        }
        let more = costs.peek().is_some();
        number(out, if more { count + MORE_FOLLOW } else { count }, 2);
        double(out, cost.unwrap_or(0));
        if !more {
            break;
        }
    }
}
