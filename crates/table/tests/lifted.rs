//! An entry that is lifted out of its lock: who sees it, who may change it, and how that ends.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::num::NonZeroUsize;

use tidegate_core::{PolicyId, PolicyName, Quota, Timestamp};
use tidegate_table::{Entry, Keys, Locked, Lowered, Table};

#[derive(Clone, Copy, Debug, Default)]
struct Leased {
    until: u64,
}

impl Entry for Leased {
    fn is_idle(&self, now: Timestamp) -> bool {
        self.until <= now.as_nanos()
    }
}

fn policy(name: &'static str) -> PolicyId {
    PolicyId::new(
        PolicyName::new(name).unwrap(),
        &Quota::per_minute(1).unwrap(),
    )
}

/// One shard, in which all subjects are.
fn table() -> Table<Leased> {
    let table = Table::new(NonZeroUsize::new(10).unwrap(), Keys::from_seed(3));
    for subject in ["alice", "bob"] {
        let entries = ["a", "b"].map(|name| (policy(name), Leased { until: 100 }));
        lock(&table, subject, 1).insert_all(entries).unwrap();
    }
    table
}

fn lock<'a>(table: &'a Table<Leased>, subject: &str, now: u64) -> Locked<'a, Leased> {
    table.lock(table.digest(subject.as_bytes()), move || {
        Timestamp::from_nanos(now)
    })
}

/// Adds to a count without its lock. Returns the fixed part, and the count as it was.
fn add(
    table: &Table<Leased>,
    subject: &str,
    name: &'static str,
    n: u64,
) -> Option<([u64; 2], u64)> {
    let digest = table.digest(subject.as_bytes());
    table.with_lifted(digest, policy(name), |fixed, count| {
        Some((count + n, (fixed, count)))
    })
}

#[test]
fn only_the_entry_that_is_lifted_is_seen() {
    let table = table();
    assert_eq!(add(&table, "alice", "a", 1), None);
    assert!(lock(&table, "alice", 1).lift(policy("a"), [7, 8], 5));
    assert_eq!(add(&table, "alice", "a", 2), Some(([7, 8], 5)));
    assert_eq!(add(&table, "alice", "a", 0), Some(([7, 8], 7)));
    assert_eq!(add(&table, "alice", "b", 1), None);
    assert_eq!(add(&table, "bob", "a", 1), None);

    let bob = lock(&table, "bob", 1);
    assert!(bob.has_lifted() && !bob.is_lifted(policy("a")));
    drop(bob);
    let alice = lock(&table, "alice", 1);
    assert!(alice.is_lifted(policy("a")) && !alice.is_lifted(policy("b")));
}

#[test]
fn what_is_lowered_comes_back_with_its_last_count() {
    let table = table();
    assert!(lock(&table, "alice", 1).lift(policy("a"), [7, 8], 5));
    let _ = add(&table, "alice", "a", 10);
    // Whoever is in the same shard may lower it.
    let mut bob = lock(&table, "bob", 1);
    let lowered = bob.lower().unwrap();
    assert_eq!(bob.lower(), None);
    drop(bob);
    let place = lock(&table, "alice", 1).find(policy("a"));
    let expected = Lowered {
        place,
        fixed: [7, 8],
        count: 15,
    };
    assert!(place.is_some());
    assert_eq!(lowered, expected);
    assert_eq!(add(&table, "alice", "a", 1), None);
}

#[test]
fn one_entry_of_a_shard_is_lifted_at_a_time() {
    let table = table();
    assert!(lock(&table, "alice", 1).lift(policy("a"), [0, 0], 1));
    assert!(!lock(&table, "bob", 1).lift(policy("a"), [0, 0], 2));
    assert_eq!(add(&table, "alice", "a", 0), Some(([0, 0], 1)));
    let mut bob = lock(&table, "bob", 1);
    assert!(bob.lower().is_some());
    assert!(bob.lift(policy("a"), [1, 1], 2));
    drop(bob);
    assert_eq!(add(&table, "alice", "a", 1), None);
    assert_eq!(add(&table, "bob", "a", 1), Some(([1, 1], 2)));
}

#[test]
fn counts_of_more_than_40_bits_are_not_lifted() {
    let table = table();
    let most = (1 << 40) - 1;
    assert!(!lock(&table, "alice", 1).lift(policy("a"), [0, 0], most + 1));
    assert!(lock(&table, "alice", 1).lift(policy("a"), [u64::MAX, u64::MAX], most));
    assert_eq!(add(&table, "alice", "a", 1), None, "it must be locked");
    assert_eq!(
        add(&table, "alice", "a", 0),
        Some(([u64::MAX, u64::MAX], most))
    );
}

#[test]
fn an_entry_that_is_idle_can_be_dropped_while_it_is_lifted() {
    let table = table();
    assert!(lock(&table, "alice", 1).lift(policy("a"), [0, 0], 1));
    table.sweep(Timestamp::from_nanos(100));
    assert_eq!(table.stats().entries, 0);
    let lowered = lock(&table, "alice", 100).lower().unwrap();
    assert_eq!((lowered.place, lowered.count), (None, 1));
}

#[test]
fn a_streak_ends_when_another_entry_is_wanted() {
    let table = table();
    let mut alice = lock(&table, "alice", 1);
    let [a, b] = ["a", "b"].map(|name| alice.find(policy(name)).unwrap());
    let _ = alice.streak(b);
    let streaks = [a, a, a, b, a].map(|place| alice.streak(place));
    assert_eq!(streaks, [0, 1, 2, 0, 0]);
}
