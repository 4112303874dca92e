//! While the store is gone.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tidegate_core::tiered::Mode;
use tidegate_core::{Algorithm, Outage, Rule, Tolerance};
use tidegate_store::{Request, Store};

use crate::support::{DEADLINE, Fault, World, ms, rules, secs};

const WINDOW: Duration = secs(2);

/// Traffic before and during an outage; what was admitted in its full windows.
async fn during_outage(
    world: &mut World,
    fault: Fault,
    algorithm: Algorithm,
    weights: &[usize],
) -> Vec<u64> {
    let rules = rules(100, WINDOW, algorithm);
    world.next_window(&rules).await;
    world.traffic(&rules, weights, ms(3), WINDOW * 3).await;
    world.set_fault(fault);
    // The window in which it begins, and what a bucket saved while requests waited for the breakers to open.
    world.traffic(&rules, weights, ms(3), WINDOW * 2).await;
    let rest = world.until_next_window(&rules);
    world.traffic(&rules, weights, ms(3), rest).await;
    let first = world.window(&rules);
    world.slowest = Duration::ZERO;
    world.traffic(&rules, weights, ms(3), WINDOW * 4).await;
    world
        .admitted
        .range(first..first + 4)
        .map(|(_, admitted)| *admitted)
        .collect()
}

#[tokio::test(start_paused = true)]
async fn g4_all_nodes_together_admit_about_the_limit() {
    for fault in [Fault::Hang, Fault::Refuse, Fault::LoseReplies, Fault::Panic] {
        for algorithm in [
            Algorithm::FixedWindow,
            Algorithm::SlidingWindow,
            Algorithm::TokenBucket,
        ] {
            let mut world = World::new(3);
            let admitted = during_outage(&mut world, fault, algorithm, &[1, 1, 1]).await;
            let within = admitted
                .iter()
                .all(|admitted| (90..=105).contains(admitted));
            assert!(
                within && admitted.len() == 4,
                "{fault:?} {algorithm}: {admitted:?}"
            );
            assert_eq!(
                world.slowest,
                Duration::ZERO,
                "L1: no I/O is awaited while the breaker is open"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn g4_shares_follow_demand() {
    let mut world = World::new(3);
    let admitted =
        during_outage(&mut world, Fault::Hang, Algorithm::FixedWindow, &[10, 9, 1]).await;
    assert!(
        admitted
            .iter()
            .all(|admitted| (90..=103).contains(admitted)),
        "{admitted:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn l1_no_answer_takes_longer_than_the_deadline() {
    let mut world = World::new(3);
    let rules = rules(100, WINDOW, Algorithm::SlidingWindow)
        .map(|rule| rule.with_tolerance(Tolerance::EXACT));
    world.traffic(&rules, &[1, 1, 1], ms(10), secs(1)).await;
    world.set_fault(Fault::Hang);
    world.traffic(&rules, &[1, 1, 1], ms(10), secs(5)).await;
    assert!(world.slowest <= DEADLINE + ms(1), "{:?}", world.slowest);
}

#[tokio::test(start_paused = true)]
async fn exact_policies_close_in_an_outage_and_say_so() {
    let world = World::new(2);
    let rules = rules(100, WINDOW, Algorithm::SlidingWindow)
        .map(|rule| rule.with_tolerance(Tolerance::EXACT));
    world.set_fault(Fault::Hang);
    for node in [0, 1] {
        let decision = world.nodes[node]
            .store
            .acquire(&Request::new("alice", &rules))
            .await
            .unwrap();
        assert!(decision.is_unavailable(), "{decision:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn outage_settings_are_the_policys_own() {
    let mut world = World::new(2);
    let full = rules(10, secs(60), Algorithm::FixedWindow);
    world.set_fault(Fault::Refuse);
    world.traffic(&full, &[1, 1], ms(20), secs(3)).await;
    for (outage, expected) in [
        (Outage::OPEN, 40),
        (Outage::CLOSED, 0),
        (Outage::FULL, 10),
        (Outage::SHARE, 5),
    ] {
        let rules = full.map(|rule| rule.with_outage(outage));
        let mut admitted = 0;
        for _ in 0..40 {
            let request = Request::new(outage_name(outage), &rules);
            admitted += u64::from(
                world.nodes[0]
                    .store
                    .acquire(&request)
                    .await
                    .unwrap()
                    .is_allowed(),
            );
        }
        assert_eq!(admitted, expected, "{outage:?}");
    }
}

fn outage_name(outage: Outage) -> &'static str {
    outage.after(Duration::ZERO).as_str()
}

#[tokio::test(start_paused = true)]
async fn r2_an_outage_costs_few_calls() {
    let mut world = World::new(1);
    let rules = rules(1_000, WINDOW, Algorithm::FixedWindow);
    world.traffic(&rules, &[1], ms(5), secs(1)).await;
    world.set_fault(Fault::Hang);
    world.traffic(&rules, &[1], ms(5), secs(2)).await;
    let before = world.nodes[0].calls.load(Ordering::SeqCst);
    world.traffic(&rules, &[1], ms(5), secs(30)).await;
    let calls = world.nodes[0].calls.load(Ordering::SeqCst) - before;
    assert!(
        (3..=40).contains(&calls),
        "{calls} calls in thirty seconds of outage"
    );
}

#[tokio::test(start_paused = true)]
async fn r2_a_store_that_fails_for_each_subject_is_gone_as_one_that_fails_for_all() {
    for fault in [Fault::Refuse, Fault::RefuseEach] {
        let mut world = World::new(2);
        let rules = rules(100, WINDOW, Algorithm::FixedWindow);
        world.set_fault(fault);
        world.ask(0, &rules).await;
        tokio::time::sleep(DEADLINE).await;
        let node = &world.nodes[0];
        let mode = node.store.stats().mode;
        assert!(matches!(mode, Mode::Out { .. }), "{fault:?}: {mode:?}");
        let calls = node.calls.load(Ordering::SeqCst);
        assert!(
            calls <= 10,
            "{fault:?}: {calls} calls before it was left alone"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_charged_in_an_outage_can_be_given_back() {
    let world = World::new(1);
    let rules = rules(10, secs(60), Algorithm::FixedWindow);
    world.next_window(&rules).await;
    world.set_fault(Fault::Hang);
    // The breaker opens on registrations alone.
    tokio::time::sleep(secs(10)).await;
    let (store, request) = (
        &world.nodes[0].store,
        Request::new("alice", &rules).with_cost(7),
    );
    for _ in 0..3 {
        let decision = store.acquire(&request).await.unwrap();
        assert!(
            decision.is_allowed() && decision.provenance().as_str() == "share",
            "{decision:?}"
        );
        store.refund(&request, &decision).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn r2_a_reset_in_an_outage_asks_once() {
    let mut world = World::new(1);
    let rules = rules(1_000, WINDOW, Algorithm::FixedWindow);
    world.set_fault(Fault::Refuse);
    let (every, lasting) = (ms(5), secs(2));
    world.traffic(&rules, &[1], every, lasting).await;
    let before = world.nodes[0].calls.load(Ordering::SeqCst);
    let request = Request::new("alice", &rules);
    for _ in 0..100 {
        assert!(world.nodes[0].store.reset(&request).await.is_err());
    }
    let calls = world.nodes[0].calls.load(Ordering::SeqCst) - before;
    assert!(
        (100..110).contains(&calls),
        "{calls} calls, probes included"
    );
}

/// Asks for subjects that come once and never again.
async fn strangers(world: &World, rules: &[Rule], every: Duration, count: usize) {
    for number in 0..count {
        let subject = format!("stranger-{number}");
        let request = Request::new(subject.as_str(), rules);
        let _ = world.nodes[0].store.acquire(&request).await.unwrap();
        tokio::time::sleep(every).await;
    }
}

#[tokio::test(start_paused = true)]
async fn r1_who_is_gone_makes_room_in_an_outage_too() {
    for algorithm in [
        Algorithm::FixedWindow,
        Algorithm::SlidingWindow,
        Algorithm::TokenBucket,
    ] {
        let mut world = World::new(0);
        world.start_small_node(2, 500);
        let rules = rules(100, ms(200), algorithm);
        world.set_fault(Fault::Hang);
        // A hundred in a second, most of whom admit something that is never told.
        strangers(&world, &rules, ms(10), 6_000).await;
        let stats = world.nodes[0].store.stats();
        assert!(matches!(stats.mode, Mode::Out { .. }), "{algorithm}");
        assert_eq!(stats.overflowed, 0, "{algorithm}: {stats:?}");
        assert!(stats.evicted > 5_000, "{algorithm}: {stats:?}");
        assert!(stats.dropped > 5_000, "{algorithm}: {stats:?}");
        assert!(stats.pending < 500, "{algorithm}: {stats:?}");
    }
}

/// A store that has no breaker of its own and hangs, and much that is to be told.
#[tokio::test(start_paused = true)]
async fn r2_nothing_is_sent_any_more_when_the_breaker_has_opened() {
    let mut world = World::new(0);
    world.start_patient_node(2, secs(1));
    let rules = rules(1_000, secs(3_600), Algorithm::FixedWindow);
    tokio::time::sleep(secs(2)).await;
    for _ in 0..2 {
        strangers(&world, &rules, Duration::ZERO, 20_000).await;
        tokio::time::sleep(secs(3)).await;
    }
    strangers(&world, &rules, Duration::ZERO, 20_000).await;
    world.set_fault(Fault::Hang);
    let calls = || world.nodes[0].calls.load(Ordering::SeqCst);
    let before = calls();
    tokio::time::sleep(secs(5)).await;
    assert!(matches!(
        world.nodes[0].store.stats().mode,
        Mode::Out { .. }
    ));
    let made = calls() - before;
    // Eight under way, as many that follow the first of them, registrations and probes; 79 were due.
    assert!(made <= 25, "{made} calls");
    world.set_fault(Fault::None);
    // The backoff's cap, a probe, and the deadline.
    tokio::time::sleep(secs(5 + 1 + 1)).await;
    for number in [0, 9_999, 19_999] {
        let used = world.used_by(&format!("stranger-{number}"), &rules).await;
        assert_eq!(used, 3, "stranger {number}");
    }
}
