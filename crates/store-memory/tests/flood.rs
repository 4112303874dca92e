//! R1: a flood of new keys neither makes the table grow past its cap, nor resets or locks out anybody who is known.

mod common;

use std::time::Duration;

use common::{Ask, fixed, store};
use tidegate_core::Provenance;
use tidegate_store_memory::MemoryStore;

#[test]
fn r1_entries_never_exceed_the_cap() {
    for cap in [1, 2, 3, 10, 63, 64, 65, 1000, 5000] {
        let (store, _) = store(cap);
        let rules = [fixed("only", 1)];
        for i in 0..cap + 100 {
            let known = store.ask(format!("known-{i}"), &rules).provenance() == Provenance::Store;
            assert_eq!(
                known,
                i < cap,
                "all of the cap is used, and no more: {i} of {cap}"
            );
        }
        assert_eq!(store.stats().entries, cap);
        assert_eq!(store.stats().overflowed, 100);
    }
}

#[test]
fn r1_those_already_known_keep_their_counters() {
    let (store, _) = store(50);
    let rules = [fixed("only", 3)];
    for i in 0..50 {
        assert!(store.ask(format!("known-{i}"), &rules).is_allowed());
    }
    for i in 0..10_000 {
        let _ = store.ask(format!("flood-{i}"), &rules);
    }
    for i in 0..50 {
        let subject = format!("known-{i}");
        let allowed: Vec<_> = (0..3).map(|_| store.ask(&subject, &rules)).collect();
        assert_eq!(
            allowed.iter().filter(|d| d.is_allowed()).count(),
            2,
            "{subject}"
        );
        assert!(allowed.iter().all(|d| d.provenance() == Provenance::Store));
    }
}

#[test]
fn r1_past_the_cap_new_subjects_share_one_counter_for_each_policy() {
    let (store, clock) = store(1);
    let (a, b) = (fixed("a", 3), fixed("b", 2));
    assert!(store.ask("known", &[a]).is_allowed());
    let admitted = |rule, n: usize| {
        let ask = |i| store.ask(format!("new-{i}"), &[rule]);
        let decisions: Vec<_> = (0..n).map(ask).collect();
        assert!(
            decisions
                .iter()
                .all(|d| d.provenance() == Provenance::Overflow)
        );
        decisions.iter().filter(|d| d.is_allowed()).count()
    };
    assert_eq!((admitted(a, 10), admitted(b, 10)), (3, 2));
    let look = store.look("new-again", &[a]);
    assert!(!look.is_allowed() && look.provenance() == Provenance::Overflow);

    clock.advance(Duration::from_secs(60));
    assert!(
        store.ask("known", &[a]).is_allowed(),
        "the known one has the one entry again"
    );
    assert_eq!((admitted(a, 10), admitted(b, 10)), (3, 2));
}

#[test]
fn g8_with_one_policy_known_and_one_overflowing_both_or_none_are_charged() {
    let (store, _) = store(1);
    let (wide, narrow) = (fixed("wide", 10), fixed("narrow", 2));
    assert!(store.ask("alice", &[wide]).is_allowed());
    let both: Vec<_> = (0..5)
        .map(|_| store.ask("alice", &[wide, narrow]))
        .collect();
    assert_eq!(both.iter().filter(|d| d.is_allowed()).count(), 2);
    assert!(both.iter().all(|d| d.provenance() == Provenance::Overflow));
    assert_eq!(store.look("alice", &[wide]).statuses()[0].remaining(), 7);

    store.give_back("alice", &[wide, narrow], &both[0]);
    let after = store.look("alice", &[wide, narrow]);
    let remaining: Vec<_> = after.statuses().iter().map(|s| s.remaining()).collect();
    assert_eq!(remaining, [8, 1]);
}

#[test]
fn two_new_policies_are_inserted_both_or_none() {
    let (store, _) = store(2);
    let rules = [fixed("a", 2), fixed("b", 2)];
    assert!(store.ask("alice", &[rules[0]]).is_allowed());
    let bob = store.ask("bob", &rules);
    assert_eq!(bob.provenance(), Provenance::Overflow);
    assert_eq!(store.stats().entries, 1);
}

#[test]
fn what_overflowed_is_never_refunded_to_a_counter_of_ones_own() {
    let (store, clock) = store(1);
    let long = fixed("long", 3);
    assert!(store.ask("first", &[long]).is_allowed());
    let charged = store.ask_for("second", &[long], 2);
    assert_eq!(charged.provenance(), Provenance::Overflow);
    store.forget("first", &[long]);
    assert!(store.ask_for("second", &[long], 3).is_allowed());
    store.give_back("second", &[long], &charged);
    assert!(!store.ask("second", &[long]).is_allowed());
    clock.advance(Duration::from_secs(60));
    assert!(store.ask_for("second", &[long], 3).is_allowed());
}

#[test]
fn idle_counters_make_room() {
    for cap in [1, 10, 500] {
        let (store, clock) = store(cap);
        let rules = [fixed("only", 1)];
        for round in 0..5 {
            for i in 0..cap {
                let decision = store.ask(format!("{round}-{i}"), &rules);
                assert!(decision.is_allowed());
                assert_eq!(
                    decision.provenance(),
                    Provenance::Store,
                    "{i} of {cap}, round {round}"
                );
            }
            clock.advance(Duration::from_secs(62));
        }
        assert_eq!(store.stats().overflowed, 0);
        assert!(store.stats().entries <= cap);
    }
}

#[test]
fn idle_counters_are_dropped_as_the_store_is_used() {
    let (store, clock) = store(100_000);
    let rules = [fixed("only", 1000)];
    for i in 0..50_000 {
        let _ = store.ask(format!("flood-{i}"), &rules);
    }
    assert_eq!(store.stats().entries, 50_000);
    clock.advance(Duration::from_secs(120));
    for i in 0..1000 {
        let _ = store.ask(format!("regular-{i}"), &rules);
    }
    assert_eq!(store.stats().entries, 1000);
    assert_eq!(store.stats().evicted, 50_000);
}

#[test]
fn a_sweep_drops_idle_counters_at_once() {
    let (store, clock) = store(1000);
    let rules = [fixed("only", 10)];
    for i in 0..1000 {
        let _ = store.ask(format!("{i}"), &rules);
    }
    store.sweep();
    assert_eq!(store.stats().entries, 1000, "none is idle");
    clock.advance(Duration::from_secs(62));
    let _ = store.ask("500", &rules);
    store.sweep();
    assert_eq!(store.stats().entries, 1);
}

#[test]
fn r1_holds_with_many_threads() {
    let (store, _) = store(777);
    let store: &MemoryStore<_> = &store;
    let rules = [fixed("a", 5), fixed("b", 5)];
    std::thread::scope(|scope| {
        for thread in 0..8 {
            scope.spawn(move || {
                for i in 0..2_000 {
                    let _ = store.ask(format!("{thread}-{i}"), &rules);
                    assert!(store.stats().entries <= 777);
                }
            });
        }
    });
    assert!(store.stats().entries >= 776, "two at a time fit");
}
