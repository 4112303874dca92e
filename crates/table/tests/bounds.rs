//! R1: how many entries there are, how much memory they take, and what makes room.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::num::NonZeroUsize;

use tidegate_core::{PolicyId, PolicyName, Quota, Timestamp};
use tidegate_table::{Entry, Keys, Table};

/// 24 bytes, as a usage has: a slot then takes 40.
#[derive(Clone, Copy, Debug, Default)]
struct Leased {
    until: Timestamp,
    _rest: [u64; 2],
}

impl Entry for Leased {
    fn is_idle(&self, now: Timestamp) -> bool {
        self.until <= now
    }
}

const SOON: Timestamp = Timestamp::from_secs(100);
const FOREVER: Timestamp = Timestamp::MAX;

fn policy() -> PolicyId {
    PolicyId::new(
        PolicyName::new("only").unwrap(),
        &Quota::per_minute(1).unwrap(),
    )
}

fn table(capacity: usize) -> Table<Leased> {
    Table::new(NonZeroUsize::new(capacity).unwrap(), Keys::from_seed(7))
}

/// Whether an entry for the subject could be inserted.
fn insert(table: &Table<Leased>, subject: usize, until: Timestamp, now: u64) -> bool {
    let digest = table.digest(&subject.to_be_bytes());
    let mut locked = table.lock(digest, || Timestamp::from_secs(now));
    let value = Leased {
        until,
        ..Leased::default()
    };
    locked.insert_all([(policy(), value)]).is_ok()
}

fn is_known(table: &Table<Leased>, subject: usize, now: u64) -> bool {
    let digest = table.digest(&subject.to_be_bytes());
    let locked = table.lock(digest, || Timestamp::from_secs(now));
    locked.find(policy()).is_some()
}

#[test]
fn an_entry_takes_at_most_80_bytes_at_any_moment_of_growth() {
    let table = table(1_000_000);
    for subject in 0..1_000_000 {
        assert!(insert(&table, subject, FOREVER, 1));
        if subject > 50_000 && subject % 10_007 == 0 {
            let bytes = table.slot_bytes() / table.stats().entries;
            assert!((57..=80).contains(&bytes), "{bytes} bytes at {subject}");
        }
    }
    assert!(table.slot_bytes() <= 80 * 1_000_000);
}

#[test]
fn memory_shrinks_after_a_flood_as_the_table_is_used() {
    let table = table(200_000);
    for subject in 0..200_000 {
        assert!(insert(&table, subject, SOON, 1));
    }
    let full = table.slot_bytes();
    // A thousand regulars come back, each shard's share of them.
    for subject in 0..1_000 {
        assert!(insert(&table, subject, FOREVER, 101));
    }
    for now in [102, 113] {
        for subject in 0..1_000 {
            assert!(is_known(&table, subject, now));
        }
    }
    assert_eq!(table.stats().entries, 1_000);
    assert_eq!(table.stats().evicted, 200_000);
    assert!(
        table.slot_bytes() < full / 50,
        "{} of {full} bytes",
        table.slot_bytes()
    );
}

#[test]
fn one_subject_alone_gets_all_shards_swept_in_the_end() {
    let table = table(10_000);
    for subject in 0..10_000 {
        assert!(insert(&table, subject, SOON, 1));
    }
    assert!(insert(&table, 0, FOREVER, 101));
    for round in 1..100 {
        assert!(is_known(&table, 0, 101 + 10 * round));
    }
    assert_eq!(table.stats().entries, 1);
}

#[test]
fn an_empty_table_takes_no_memory() {
    let table = table(1_000);
    assert_eq!(table.slot_bytes(), 0);
    for subject in 0..1_000 {
        assert!(insert(&table, subject, SOON, 1));
    }
    table.sweep(SOON);
    assert_eq!((table.slot_bytes(), table.stats().entries), (0, 0));
}

#[test]
fn what_is_in_use_is_never_evicted() {
    let table = table(100);
    for subject in 0..100 {
        assert!(insert(&table, subject, FOREVER, 1));
    }
    for subject in 100..5_000 {
        assert!(!insert(
            &table,
            subject,
            FOREVER,
            1_000_000 + subject as u64
        ));
    }
    assert!((0..100).all(|subject| is_known(&table, subject, 2_000_000)));
    assert_eq!(table.stats().evicted, 0);
}

#[test]
fn in_a_full_table_a_few_idle_entries_are_found_at_little_cost() {
    for capacity in [10, 100, 10_000] {
        let table = table(capacity);
        for subject in 0..capacity {
            let until = if subject % 10 == 0 { SOON } else { FOREVER };
            assert!(insert(&table, subject, until, 99));
        }
        // The sweep of the shards is not due yet: what finds them is the search of those who need room.
        let tried = 2 * capacity;
        let inserted = (0..tried).filter(|i| insert(&table, capacity + i, FOREVER, 101));
        assert_eq!(inserted.count(), capacity / 10, "of {capacity}");
    }
}

#[test]
fn a_clock_that_went_back_does_not_keep_sweeps_from_coming() {
    let table = table(100);
    assert!(insert(
        &table,
        1,
        Timestamp::from_secs(1_000_060),
        1_000_000
    ));
    assert!(insert(&table, 2, Timestamp::from_secs(70), 10));
    for now in [30, 50, 71] {
        let _ = is_known(&table, 1, now);
    }
    table.sweep(Timestamp::from_secs(71));
    assert!(!is_known(&table, 2, 71));
}

#[test]
fn places_end_with_the_entries_that_they_lead_to() {
    let table = table(10);
    assert!(insert(&table, 1, FOREVER, 1));
    let mut locked = table.lock(table.digest(&1_usize.to_be_bytes()), || SOON);
    let place = locked.find(policy()).unwrap();
    assert!(locked.value(place).is_some());
    assert!(locked.remove(policy()).is_some());
    assert!(locked.remove(policy()).is_none());
    assert!(locked.find(policy()).is_none());
    drop(locked);
    assert_eq!(table.stats().entries, 0);
}

#[test]
fn inserting_twice_replaces() {
    let table = table(10);
    for until in [SOON, FOREVER] {
        assert!(insert(&table, 1, until, 1));
    }
    assert_eq!(table.stats().entries, 1);
    table.sweep(Timestamp::from_secs(1_000));
    assert!(is_known(&table, 1, 1_000));
}

#[test]
fn g1_who_visits_a_shard_is_not_set_back_behind_what_was_done_in_it() {
    let table = table(1);
    assert!(insert(&table, 1, FOREVER, 10));
    // It read the clock before the entry was worked on, and reads it again.
    let times = std::cell::Cell::new([11, 9]);
    let clock = || {
        let [next, first] = times.get();
        times.set([next, next]);
        Timestamp::from_secs(first)
    };
    let mut visited = Vec::new();
    for shard in 0..table.shards() {
        table.visit(shard, clock, |entry, now| visited.push((entry.until, now)));
    }
    assert_eq!(visited, [(FOREVER, Timestamp::from_secs(11))]);
}
