//! A subject that is asked for all the time is decided without a lock; nobody can tell but by the clock.

mod common;

use std::time::Duration;

use common::{Ask, fixed, rule, store};
use tidegate_clock::{Clock, ManualClock};
use tidegate_core::{MAX_COUNT, Provenance, Quota, Rule};
use tidegate_store_memory::MemoryStore;

/// Often enough for a counter to be lifted out of its lock.
const OFTEN: usize = 100;

fn asked_often(max_entries: usize, rules: &[Rule]) -> (MemoryStore<ManualClock>, ManualClock) {
    let (store, clock) = store(max_entries);
    for _ in 0..OFTEN {
        assert!(store.ask("alice", rules).is_allowed());
    }
    (store, clock)
}

fn remaining(store: &MemoryStore<ManualClock>, rules: &[Rule]) -> Vec<u64> {
    let look = store.look("alice", rules);
    look.statuses().iter().map(|s| s.remaining()).collect()
}

#[test]
fn g1_the_limit_holds() {
    let rules = [fixed("only", 150)];
    let (store, clock) = asked_often(10, &rules);
    for _ in 0..2 {
        let allowed = (0..OFTEN).filter(|_| store.ask("alice", &rules).is_allowed());
        assert_eq!(allowed.count(), 50);
        clock.advance(Duration::from_secs(60));
        for _ in 0..OFTEN {
            assert!(store.ask("alice", &rules).is_allowed());
        }
    }
}

#[test]
fn g8_costs_of_any_size_are_charged_whole_or_not_at_all() {
    let rules = [fixed("only", 110)];
    let (store, _) = asked_often(10, &rules);
    assert!(!store.ask_for("alice", &rules, 11).is_allowed());
    assert!(store.ask_for("alice", &rules, 9).is_allowed());
    assert!(!store.ask_for("alice", &rules, u64::MAX).is_allowed());
    assert!(store.ask_for("alice", &rules, 0).is_allowed());
    assert_eq!(remaining(&store, &rules), [1]);
}

#[test]
fn counts_that_are_too_large_to_be_lifted_are_counted_all_the_same() {
    let most = rule("most", Quota::per_day(MAX_COUNT).unwrap());
    let rules = [most];
    let (store, _) = asked_often(10, &rules);
    let large = (1 << 40) - 50;
    for n in 1..=OFTEN as u64 {
        assert!(store.ask_for("alice", &rules, large).is_allowed());
        assert_eq!(
            remaining(&store, &rules),
            [MAX_COUNT - OFTEN as u64 - n * large]
        );
        let _ = store.ask_for("alice", &rules, 0);
    }
}

#[test]
fn other_calls_see_and_change_the_same_count() {
    let (a, b) = (fixed("a", 200), fixed("b", 300));
    let (store, _) = asked_often(10, &[a]);
    assert_eq!(remaining(&store, &[a]), [100]);
    let ask = |rules: &[Rule]| {
        let decisions: Vec<_> = (0..OFTEN / 2).map(|_| store.ask("alice", rules)).collect();
        assert!(decisions.iter().all(|decision| decision.is_allowed()));
        decisions
    };
    let one = ask(&[a]).remove(0);
    let _ = ask(&[a, b]);
    assert_eq!(remaining(&store, &[a, b]), [0, 250]);
    store.give_back("alice", &[a], &one);
    assert_eq!(remaining(&store, &[a, b]), [1, 250]);
    store.forget("alice", &[a]);
    assert_eq!(remaining(&store, &[a, b]), [200, 250]);
    let _ = ask(&[a]);
    assert_eq!(remaining(&store, &[a, b]), [150, 250]);
}

#[test]
fn another_limit_holds_at_once() {
    let (store, _) = asked_often(10, &[fixed("plan", 1000)]);
    assert!(!store.ask("alice", &[fixed("plan", 100)]).is_allowed());
    assert!(store.ask("alice", &[fixed("plan", 101)]).is_allowed());
    assert_eq!(remaining(&store, &[fixed("plan", 1000)]), [899]);
}

#[test]
fn r1_an_idle_counter_makes_room_also_while_it_is_lifted() {
    let rules = [fixed("only", 1000)];
    let (store, clock) = asked_often(1, &rules);
    assert_eq!(store.ask("bob", &rules).provenance(), Provenance::Overflow);
    clock.advance(Duration::from_secs(62));
    assert_eq!(store.ask("bob", &rules).provenance(), Provenance::Store);
    assert_eq!(
        store.ask("alice", &rules).provenance(),
        Provenance::Overflow
    );
    assert_eq!(store.stats().entries, 1);
}

#[test]
fn a_counter_that_shows_nothing_is_not_lifted_and_then_swept() {
    let rules = [fixed("only", 10)];
    let (store, _) = store(10);
    let only = store.ask("alice", &rules);
    store.give_back("alice", &rules, &only);
    for _ in 0..OFTEN {
        assert!(store.ask_for("alice", &rules, 0).is_allowed());
    }
    assert!(store.ask_for("alice", &rules, 4).is_allowed());
    store.sweep();
    assert_eq!(remaining(&store, &rules), [6]);
}

#[test]
fn g7_a_clock_that_goes_back_a_little_resets_nobody() {
    let rules = [fixed("only", 101)];
    let (store, clock) = asked_often(10, &rules);
    let now = clock.now();
    clock.set(now - Duration::from_secs(1));
    assert!(store.ask("alice", &rules).is_allowed());
    assert!(!store.ask("alice", &rules).is_allowed());
    clock.set(now - Duration::from_secs(3_600));
    assert!(
        store.ask("alice", &rules).is_allowed(),
        "it is another window"
    );
}
