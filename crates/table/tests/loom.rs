//! Every interleaving of two threads: `RUSTFLAGS="--cfg loom" cargo test -p tidegate-table --test loom --release`.
#![cfg(loom)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::num::NonZeroUsize;
use std::time::Duration;

use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;
use tidegate_core::{PolicyId, PolicyName, Quota, Timestamp};
use tidegate_table::{Entry, Keys, Locked, Table};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Count {
    until: u64,
    admitted: u64,
}

impl Entry for Count {
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

fn table(capacity: usize) -> Arc<Table<Count>> {
    Arc::new(Table::new(
        NonZeroUsize::new(capacity).unwrap(),
        Keys::from_seed(1),
    ))
}

/// Works on a subject at a fixed time.
fn lock<'a>(table: &'a Table<Count>, subject: &str, now: u64) -> Locked<'a, Count> {
    table.lock(table.digest(subject.as_bytes()), move || {
        Timestamp::from_nanos(now)
    })
}

fn in_use() -> Count {
    Count {
        until: u64::MAX,
        admitted: 1,
    }
}

#[test]
fn r1_two_who_want_the_last_place_cannot_both_have_it() {
    // The count of entries is all that two shards share, and these three are not all in one.
    for (one, another) in [("x", "y"), ("y", "z"), ("z", "x")] {
        loom::model(move || last_place(one, another));
    }
}

fn last_place(one: &'static str, another: &'static str) {
    let table = table(256);
    // At one stroke, to keep loom's work small.
    let quotas = (1..256).map(|i| Quota::new(1, Duration::from_millis(i)).unwrap());
    let name = PolicyName::new("filling").unwrap();
    let filling: Vec<_> = quotas
        .map(|quota| (PolicyId::new(name, &quota), in_use()))
        .collect();
    lock(&table, "filling", 1).insert_all(filling).unwrap();
    let insert = |subject: &'static str| {
        let table = Arc::clone(&table);
        move || {
            let inserted = lock(&table, subject, 1).insert_all([(policy("a"), in_use())]);
            assert!(table.stats().entries <= 256);
            inserted.is_ok()
        }
    };
    let other = thread::spawn(insert(one));
    let mine = insert(another)();
    assert!(mine ^ other.join().unwrap());
    assert_eq!(table.stats().entries, 256);
}

#[test]
fn g8_two_entries_are_inserted_both_or_none() {
    loom::model(|| {
        let table = table(3);
        let insert = |subject: &'static str| {
            let table = Arc::clone(&table);
            move || {
                let both = [(policy("a"), in_use()), (policy("b"), in_use())];
                let inserted = lock(&table, subject, 1).insert_all(both).is_ok();
                let known = lock(&table, subject, 1);
                assert_eq!(known.find(policy("a")).is_some(), inserted);
                assert_eq!(known.find(policy("b")).is_some(), inserted);
                inserted
            }
        };
        let other = thread::spawn(insert("x"));
        let mine = insert("y")();
        assert!(mine ^ other.join().unwrap());
        assert_eq!(table.stats().entries, 2);
    });
}

#[test]
fn those_who_overflow_wait_for_each_other_and_never_for_ever() {
    loom::model(|| {
        let table = table(1);
        lock(&table, "known", 1)
            .insert_all([(policy("a"), in_use())])
            .unwrap();
        let share = || {
            let table = Arc::clone(&table);
            move |subject: &str| {
                let mut locked = lock(&table, subject, 1);
                assert!(locked.insert_all([(policy("a"), in_use())]).is_err());
                let mut shared = table.overflow(locked.now(), || Timestamp::from_nanos(1));
                locked.advance_to(shared.now());
                shared.value_mut(policy("a")).admitted += 1;
            }
        };
        let theirs = share();
        let other = thread::spawn(move || theirs("x"));
        share()("y");
        other.join().unwrap();
        let shared = table.overflow(Timestamp::from_nanos(1), || Timestamp::from_nanos(1));
        assert_eq!(shared.value(policy("a")).unwrap().admitted, 2);
    });
}

#[test]
fn a_sweep_by_one_and_an_insertion_by_another_agree_on_how_many_there_are() {
    loom::model(|| {
        let table = table(2);
        let idle_at_5 = Count {
            until: 5,
            admitted: 1,
        };
        lock(&table, "old", 1)
            .insert_all([(policy("a"), idle_at_5)])
            .unwrap();
        lock(&table, "new", 1)
            .insert_all([(policy("a"), in_use())])
            .unwrap();
        let sweeper = Arc::clone(&table);
        let other = thread::spawn(move || sweeper.sweep(Timestamp::from_nanos(5)));
        let inserted = lock(&table, "newer", 5).insert_all([(policy("a"), in_use())]);
        assert!(inserted.is_ok(), "one of the two had made room");
        other.join().unwrap();
        assert_eq!(table.stats().entries, 2);
        assert_eq!(table.stats().evicted, 1);
    });
}

/// A thread reads the clock, and another may go first with a later reading (G1).
#[test]
fn g1_time_does_not_go_back_under_a_lock() {
    loom::model(|| {
        let table = table(1);
        let clock = Arc::new(AtomicU64::new(1));
        let work = || {
            let (table, clock) = (Arc::clone(&table), Arc::clone(&clock));
            move || {
                let read = || Timestamp::from_nanos(clock.fetch_add(1, Ordering::SeqCst));
                let mut locked = table.lock(table.digest(b"alice"), read);
                let now = locked.now().as_nanos();
                match locked.find(policy("a")) {
                    Some(place) => {
                        let seen = locked.value_mut(place).unwrap();
                        assert!(seen.admitted < now, "{} came before {now}", seen.admitted);
                        seen.admitted = now;
                    }
                    None => {
                        let value = Count {
                            until: u64::MAX,
                            admitted: now,
                        };
                        locked.insert_all([(policy("a"), value)]).unwrap();
                    }
                }
            }
        };
        let other = thread::spawn(work());
        work()();
        other.join().unwrap();
    });
}

/// Adds 1 to a count without its lock; with it, if it is not lifted.
fn add(table: &Table<Count>, subject: &str) {
    let digest = table.digest(subject.as_bytes());
    let added = table.with_lifted(digest, policy("a"), |_, count| Some((count + 1, ())));
    if added.is_none() {
        let mut locked = lock(table, subject, 1);
        lower(&mut locked);
        let place = locked.find(policy("a")).unwrap();
        locked.value_mut(place).unwrap().admitted += 1;
    }
}

fn lower(locked: &mut Locked<'_, Count>) {
    if let Some(lowered) = locked.lower() {
        let lifted = locked.value_mut(lowered.place.unwrap()).unwrap();
        assert_eq!(lowered.fixed, [lifted.until, 9]);
        lifted.admitted = lowered.count;
    }
}

/// Lifts a subject's entry; another one is lowered first.
fn lift(table: &Table<Count>, subject: &str) {
    let mut locked = lock(table, subject, 1);
    lower(&mut locked);
    let place = locked.find(policy("a")).unwrap();
    let value = *locked.value(place).unwrap();
    assert!(locked.lift(policy("a"), [value.until, 9], value.admitted));
}

fn admitted(table: &Table<Count>, subject: &str) -> u64 {
    let mut locked = lock(table, subject, 1);
    lower(&mut locked);
    let place = locked.find(policy("a")).unwrap();
    locked.value(place).unwrap().admitted
}

fn two_subjects() -> Arc<Table<Count>> {
    let table = table(2);
    for (subject, until) in [("x", 100), ("y", 200)] {
        let value = Count { until, admitted: 0 };
        lock(&table, subject, 1)
            .insert_all([(policy("a"), value)])
            .unwrap();
    }
    table
}

#[test]
fn g1_nothing_is_lost_when_a_count_is_lowered_while_others_change_it() {
    loom::model(|| {
        let table = two_subjects();
        lift(&table, "x");
        let add = || {
            let table = Arc::clone(&table);
            thread::spawn(move || add(&table, "x"))
        };
        let threads = [add(), add()];
        lower(&mut lock(&table, "y", 1));
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!((admitted(&table, "x"), admitted(&table, "y")), (2, 0));
    });
}

#[test]
fn g9_nobody_is_charged_for_another_whose_count_is_lifted_in_its_place() {
    loom::model(|| {
        let table = two_subjects();
        lift(&table, "x");
        let adding = Arc::clone(&table);
        let other = thread::spawn(move || add(&adding, "x"));
        lift(&table, "y");
        add(&table, "y");
        other.join().unwrap();
        assert_eq!((admitted(&table, "x"), admitted(&table, "y")), (1, 1));
    });
}

/// A look changes nothing, so that nothing keeps others from changing what it looks at: what it sees must belong
/// together all the same.
#[test]
fn what_is_seen_of_a_lifted_entry_belongs_together() {
    loom::model(|| {
        let table = two_subjects();
        lift(&table, "x");
        let looking = Arc::clone(&table);
        let other = thread::spawn(move || {
            let digest = looking.digest(b"x");
            let look = |fixed, count| Some((count, (fixed, count)));
            if let Some((fixed, count)) = looking.with_lifted(digest, policy("a"), look) {
                assert_eq!((fixed, count), ([100, 9], 0));
            }
        });
        add(&table, "y");
        lift(&table, "y");
        other.join().unwrap();
    });
}
