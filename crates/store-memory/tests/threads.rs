//! G1 and G8 with real threads: what is admitted is exactly what may be.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod common;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use common::{Ask, fixed, rule, store};
use tidegate_core::{Algorithm, Quota};

const THREADS: usize = 8;

#[test]
fn g1_exactly_the_limit_is_admitted() {
    let rounds = [
        Algorithm::FixedWindow,
        Algorithm::SlidingWindow,
        Algorithm::TokenBucket,
    ];
    for (algorithm, hot) in rounds.into_iter().flat_map(|a| [(a, 1_usize), (a, 50)]) {
        let (store, _) = store(1000);
        let quota = Quota::per_minute(1_000)
            .unwrap()
            .with_algorithm(algorithm)
            .unwrap();
        let rules = [rule("only", quota)];
        let admitted: Vec<AtomicU64> = (0..hot).map(|_| AtomicU64::new(0)).collect();
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    for i in 0..hot * 300 {
                        let subject = i % hot;
                        let decision = store.ask(subject.to_be_bytes(), &rules);
                        let cost = u64::from(decision.is_allowed());
                        admitted[subject].fetch_add(cost, Ordering::Relaxed);
                    }
                });
            }
        });
        for count in &admitted {
            assert_eq!(
                count.load(Ordering::Relaxed),
                1_000,
                "{algorithm}, {hot} subjects"
            );
        }
    }
}

#[test]
fn g8_no_thread_sees_one_policy_charged_without_the_other() {
    let (store, _) = store(1000);
    let rules = [fixed("a", 500), fixed("b", 700)];
    let admitted = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (store, admitted) = (&store, &admitted);
            scope.spawn(move || {
                // Half of them name the policies in the other order.
                let order = if thread % 2 == 0 {
                    rules
                } else {
                    [rules[1], rules[0]]
                };
                for _ in 0..200 {
                    let decision = store.ask("alice", &order);
                    admitted.fetch_add(u64::from(decision.is_allowed()), Ordering::Relaxed);
                    let seen = store.look("alice", &rules);
                    let used = seen.statuses().iter().map(|s| s.limit() - s.remaining());
                    let used: Vec<_> = used.collect();
                    assert_eq!(used[0], used[1]);
                }
            });
        }
    });
    assert_eq!(admitted.into_inner(), 500);
}

/// Threads read the clock, and then wait for the lock: a window that has ended must not come back meanwhile.
#[test]
fn g1_holds_in_every_window_while_the_clock_moves() {
    let (store, clock) = store(1000);
    let quota = Quota::new(20, Duration::from_millis(1)).unwrap();
    let rules = [rule(
        "only",
        quota.with_algorithm(Algorithm::FixedWindow).unwrap(),
    )];
    let running = AtomicBool::new(true);
    let admitted = std::thread::scope(|scope| {
        scope.spawn(|| {
            while running.load(Ordering::Relaxed) {
                clock.advance(Duration::from_nanos(100));
            }
        });
        let ask = || {
            let mut windows = HashMap::<u64, u64>::new();
            for _ in 0..100_000 {
                let decision = store.ask("alice", &rules);
                if decision.is_allowed() {
                    *windows.entry(decision.at().as_micros() / 1000).or_default() += 1;
                }
            }
            windows
        };
        let threads: Vec<_> = (0..3).map(|_| scope.spawn(ask)).collect();
        let mut admitted = HashMap::<u64, u64>::new();
        for (window, count) in threads.into_iter().flat_map(|t| t.join().unwrap()) {
            *admitted.entry(window).or_default() += count;
        }
        running.store(false, Ordering::Relaxed);
        admitted
    });
    assert!(
        admitted.len() > 10,
        "the clock moved over {} windows",
        admitted.len()
    );
    for (window, count) in admitted {
        assert!(count <= 20, "{count} in window {window}");
    }
}
