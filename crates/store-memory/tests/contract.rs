//! What the contract asks of any store, on this one: all or nothing, refunds, resets, keys of every kind.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod common;

use std::time::Duration;

use common::{Ask, fixed, rule, store};
use tidegate_clock::Clock;
use tidegate_core::{Algorithm, Provenance, Quota, Timestamp};
use tidegate_store::{Request, Store};
use tidegate_store_memory::{BuildError, KeyHash, MemoryStore};

#[test]
fn g8_several_policies_are_charged_all_or_none() {
    let (store, clock) = store(100);
    let rules = [fixed("burst", 2), fixed("daily", 10)];
    assert!(store.ask("alice", &rules).is_allowed());
    assert!(store.ask("alice", &rules).is_allowed());
    for _ in 0..5 {
        assert!(!store.ask("alice", &rules).is_allowed());
    }
    assert_eq!(store.look("alice", &rules).statuses()[1].remaining(), 8);
    clock.advance(Duration::from_secs(60));
    assert_eq!(store.ask("alice", &rules).statuses()[1].remaining(), 9);
}

#[test]
fn g8_a_known_policy_is_not_charged_when_a_new_one_refuses() {
    let (store, _) = store(100);
    let (narrow, wide) = (fixed("narrow", 1), fixed("wide", 10));
    assert!(store.ask("alice", &[wide]).is_allowed());
    assert!(!store.ask_for("alice", &[wide, narrow], 2).is_allowed());
    assert_eq!(store.look("alice", &[wide]).statuses()[0].remaining(), 9);
    assert_eq!(store.stats().entries, 1, "a refused request needs no entry");
}

#[test]
fn more_than_two_policies_count_as_two_do() {
    let (store, _) = store(100);
    let rules = [fixed("a", 9), fixed("b", 5), fixed("c", 7), fixed("d", 8)];
    let allowed = (0..20).filter(|_| store.ask("alice", &rules).is_allowed());
    assert_eq!(allowed.count(), 5);
    let remaining = store.look("alice", &rules);
    let remaining: Vec<_> = remaining.statuses().iter().map(|s| s.remaining()).collect();
    assert_eq!(remaining, [4, 0, 2, 3]);
}

#[test]
fn looking_takes_nothing_and_makes_no_entry() {
    let (store, _) = store(100);
    let rules = [fixed("only", 1)];
    for _ in 0..3 {
        assert!(store.ask_for("alice", &rules, 0).is_allowed());
        assert!(store.look("alice", &rules).is_allowed());
    }
    assert_eq!(store.stats().entries, 0);
    assert!(store.ask("alice", &rules).is_allowed());
    assert!(!store.look("alice", &rules).is_allowed());
}

#[test]
fn a_request_without_policies_is_admitted_and_leaves_nothing() {
    let (store, _) = store(1);
    assert!(store.ask("alice", &[]).is_allowed());
    assert!(store.look("alice", &[]).is_allowed());
    assert_eq!(store.stats().entries, 0);
}

#[test]
fn a_cost_above_the_limit_is_refused() {
    let (store, _) = store(1);
    let rules = [fixed("only", 5)];
    assert!(!store.ask_for("alice", &rules, 6).is_allowed());
    assert!(!store.ask_for("alice", &rules, u64::MAX).is_allowed());
    assert!(store.ask_for("alice", &rules, 5).is_allowed());
}

#[test]
fn acquire_answers_as_try_acquire_does() {
    use futures_util::FutureExt;

    let (store, _) = store(100);
    let rules = [fixed("only", 3)];
    for cost in [1, 0, 2, 1] {
        let a = Request::new("a", &rules).with_cost(cost);
        let b = Request::new("b", &rules).with_cost(cost);
        let awaited = store.acquire(&a).now_or_never().unwrap().unwrap();
        assert_eq!(awaited, store.try_acquire(&b).unwrap().unwrap());
    }
}

#[test]
fn a_refund_goes_into_its_own_window_only() {
    let (store, clock) = store(100);
    let rules = [fixed("only", 5)];
    let first = store.ask_for("alice", &rules, 3);
    assert_eq!(store.ask("alice", &rules).statuses()[0].remaining(), 1);
    store.give_back("alice", &rules, &first);
    assert_eq!(store.look("alice", &rules).statuses()[0].remaining(), 4);

    let second = store.ask_for("alice", &rules, 4);
    clock.advance(Duration::from_secs(60));
    assert!(store.ask_for("alice", &rules, 2).is_allowed());
    store.give_back("alice", &rules, &second);
    assert_eq!(store.look("alice", &rules).statuses()[0].remaining(), 3);
}

#[test]
fn a_refused_request_refunds_nothing() {
    let (store, _) = store(100);
    let rules = [fixed("only", 2)];
    let _ = store.ask_for("alice", &rules, 2);
    let refused = store.ask("alice", &rules);
    store.give_back("alice", &rules, &refused);
    assert!(!store.ask("alice", &rules).is_allowed());
    store.give_back("nobody", &rules, &refused);
    assert_eq!(store.stats().entries, 1);
}

#[test]
fn a_reset_forgets_one_subject_under_the_policies_named() {
    let (store, _) = store(100);
    let (a, b) = (fixed("a", 1), fixed("b", 1));
    for subject in ["alice", "bob"] {
        assert!(store.ask(subject, &[a, b]).is_allowed());
    }
    store.forget("alice", &[a]);
    assert!(store.ask("alice", &[a]).is_allowed());
    assert!(!store.ask("alice", &[b]).is_allowed());
    assert!(!store.ask("bob", &[a]).is_allowed());
    store.forget("nobody", &[a, b]);
    assert_eq!(store.stats().entries, 4);
}

#[test]
fn g9_subjects_are_told_apart_by_all_their_bytes() {
    for key_hash in [KeyHash::Fast, KeyHash::Sip] {
        let store = MemoryStore::builder().key_hash(key_hash).build().unwrap();
        let rules = [fixed("only", 1)];
        let mut subjects: Vec<Vec<u8>> = vec![vec![], vec![0], vec![0, 0], vec![0xff, 0xfe]];
        subjects.extend([&b"a"[..], b"A", b"a\0", b"\0a"].map(<[u8]>::to_vec));
        for byte in 0..3 {
            // A mebibyte, and one that differs in its last, middle or first byte only.
            let mut long = vec![b'x'; 1 << 20];
            long[byte * ((1 << 20) - 1) / 2] = b'y';
            subjects.push(long);
        }
        subjects.extend((1..300).map(|len| vec![b'z'; len]));
        for subject in &subjects {
            assert!(
                store.ask(subject, &rules).is_allowed(),
                "{} bytes",
                subject.len()
            );
        }
        assert_eq!(store.stats().entries, subjects.len());
        for subject in &subjects {
            assert!(
                !store.ask(subject, &rules).is_allowed(),
                "{} bytes",
                subject.len()
            );
        }
    }
}

#[test]
fn another_limit_keeps_the_counts() {
    let (store, _) = store(100);
    assert!(store.ask_for("alice", &[fixed("plan", 10)], 8).is_allowed());
    let raised = store.look("alice", &[fixed("plan", 100)]);
    assert_eq!(raised.statuses()[0].remaining(), 92);
    assert!(!store.ask("alice", &[fixed("plan", 5)]).is_allowed());
}

#[test]
fn g7_a_clock_that_goes_back_denies_for_no_longer_than_a_window() {
    for algorithm in [
        Algorithm::FixedWindow,
        Algorithm::SlidingWindow,
        Algorithm::TokenBucket,
    ] {
        let (store, clock) = store(100);
        let quota = Quota::per_minute(5)
            .unwrap()
            .with_algorithm(algorithm)
            .unwrap();
        let rules = [rule("only", quota)];
        let start = clock.now();
        for back in [1, 59, 60, 61, 3_600, 1_000_000_000] {
            clock.set(start);
            while store.ask("alice", &rules).is_allowed() {}
            let back_then = start.as_nanos().saturating_sub(back * 1_000_000_000);
            clock.set(Timestamp::from_nanos(back_then));
            assert!(store.look("alice", &rules).statuses()[0].remaining() <= 5);
            let denied = (0..600).take_while(|_| {
                let denied = !store.ask("alice", &rules).is_allowed();
                clock.advance(Duration::from_secs(1));
                denied
            });
            // What was used just before counts for up to W, and in a sliding window fades within the next.
            let most = if algorithm == Algorithm::SlidingWindow {
                60 + 60 / 5
            } else {
                60
            };
            let denied = denied.count();
            assert!(
                denied <= most,
                "{algorithm}, {back} s back: denied for {denied} s"
            );
            store.forget("alice", &rules);
        }
    }
}

#[test]
fn numbers_of_entries_that_make_no_sense_are_refused() {
    let build = |max_entries| MemoryStore::builder().max_entries(max_entries).build();
    assert_eq!(build(0).unwrap_err(), BuildError::MaxEntries { given: 0 });
    assert!(
        build(usize::MAX)
            .unwrap_err()
            .to_string()
            .contains("1 to 1073741824")
    );
    assert!(build(1).is_ok());
}

#[test]
fn it_says_what_it_can_do() {
    let (store, _) = store(7);
    let capabilities = store.capabilities();
    assert!(capabilities.exact && capabilities.immediate && capabilities.refund);
    assert_eq!(capabilities.max_entries, Some(7));
    let decision = store.ask("alice", &[fixed("only", 1)]);
    assert_eq!(decision.provenance(), Provenance::Store);
    assert!(format!("{store:?}").contains("entries: 1"));
}
