//! The table against a plain map, call by call: nothing in use is ever lost, moved to another key, or miscounted.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::collections::HashMap;
use std::num::NonZeroUsize;

use proptest::prelude::*;
use tidegate_core::{PolicyId, PolicyName, Quota, Timestamp};
use tidegate_table::{Entry, KeyHash, Keys, Locked, Table};

/// In use until a time, with something to recognize it by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Leased {
    until: u64,
    mark: u64,
}

impl Entry for Leased {
    fn is_idle(&self, now: Timestamp) -> bool {
        self.until <= now.as_nanos()
    }
}

#[derive(Clone, Debug)]
enum Call {
    /// Renews what is known, inserts what is not.
    Put {
        subject: u16,
        policies: Vec<usize>,
        lasting: u64,
    },
    Remove {
        subject: u16,
        policy: usize,
    },
    Sweep,
    Pass(u64),
}

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let policies = prop::collection::vec(0..3_usize, 1..3).prop_map(|mut policies| {
        policies.dedup();
        policies
    });
    let call = prop_oneof![
        20 => (0..400_u16, policies, 0..500_u64)
            .prop_map(|(subject, policies, lasting)| Call::Put { subject, policies, lasting }),
        3 => (0..400_u16, 0..3_usize).prop_map(|(subject, policy)| Call::Remove { subject, policy }),
        1 => Just(Call::Sweep),
        // Two seconds: the shards are swept of their own accord in between, too.
        3 => prop_oneof![0..100_u64, Just(2_000_000_000)].prop_map(Call::Pass),
    ];
    prop::collection::vec(call, 1..600)
}

fn policies() -> [PolicyId; 3] {
    let quota = Quota::per_minute(1).unwrap();
    ["a", "b", "c"].map(|name| PolicyId::new(PolicyName::new(name).unwrap(), &quota))
}

struct Twin {
    table: Table<Leased>,
    model: HashMap<(u16, usize), Leased>,
    now: u64,
    marks: u64,
}

impl Twin {
    fn apply(&mut self, call: Call) -> Result<(), TestCaseError> {
        match call {
            Call::Put {
                subject,
                policies,
                lasting,
            } => self.put(subject, &policies, lasting)?,
            Call::Remove { subject, policy } => {
                let removed = lock(&self.table, subject, self.now).remove(self::policies()[policy]);
                let expected = self.model.remove(&(subject, policy));
                // What was idle may be gone already.
                let gone =
                    removed.is_none() && expected.is_some_and(|value| value.until <= self.now);
                prop_assert!(gone || removed == expected);
            }
            Call::Sweep => {
                self.table.sweep(Timestamp::from_nanos(self.now));
                self.model.retain(|_, value| value.until > self.now);
                prop_assert_eq!(self.table.stats().entries, self.model.len());
            }
            Call::Pass(nanos) => self.now += nanos,
        }
        Ok(())
    }

    fn put(&mut self, subject: u16, policies: &[usize], lasting: u64) -> Result<(), TestCaseError> {
        let mut locked = lock(&self.table, subject, self.now);
        let mut fresh = Vec::new();
        let mut put = Vec::new();
        for policy in policies {
            self.marks += 1;
            let value = Leased {
                until: self.now + lasting,
                mark: self.marks,
            };
            match locked.find(self::policies()[*policy]) {
                Some(place) => {
                    prop_assert_eq!(locked.value(place), self.model.get(&(subject, *policy)));
                    *locked.value_mut(place).unwrap() = value;
                    self.model.insert((subject, *policy), value);
                }
                None => {
                    fresh.push((self::policies()[*policy], value));
                    put.push(((subject, *policy), value));
                }
            }
        }
        let room = locked.has_room(fresh.len());
        let inserted = locked.insert_all(fresh);
        // Looking again may find what the first look did not.
        prop_assert!(!room || inserted.is_ok());
        let used = self
            .model
            .values()
            .filter(|value| value.until > self.now)
            .count();
        let full = used + put.len() > self.table.stats().capacity;
        prop_assert!(inserted.is_err() || !full);
        if inserted.is_ok() {
            self.model.extend(put);
        }
        Ok(())
    }

    fn check(&self) -> Result<(), TestCaseError> {
        prop_assert!(self.table.stats().entries <= self.table.stats().capacity);
        let mut found = 0;
        for subject in 0..400 {
            for (number, policy) in policies().into_iter().enumerate() {
                let locked = lock(&self.table, subject, self.now);
                let known = locked.find(policy).and_then(|place| locked.value(place));
                let expected = self.model.get(&(subject, number));
                match known {
                    Some(known) => prop_assert_eq!(Some(known), expected),
                    None => prop_assert!(expected.is_none_or(|value| value.until <= self.now)),
                }
                found += usize::from(known.is_some());
            }
        }
        prop_assert_eq!(found, self.table.stats().entries);
        Ok(())
    }
}

fn lock(table: &Table<Leased>, subject: u16, now: u64) -> Locked<'_, Leased> {
    table.lock(table.digest(&subject.to_be_bytes()), move || {
        Timestamp::from_nanos(now)
    })
}

proptest! {
    #[test]
    fn holds_what_a_plain_map_holds(calls in calls(), capacity in 1..700_usize, sip: bool) {
        let keys = Keys::random(if sip { KeyHash::Sip } else { KeyHash::Fast });
        let table = Table::new(NonZeroUsize::new(capacity).unwrap(), keys);
        let mut twin = Twin { table, model: HashMap::new(), now: 0, marks: 0 };
        for call in calls {
            twin.apply(call)?;
        }
        twin.check()?;
    }
}
