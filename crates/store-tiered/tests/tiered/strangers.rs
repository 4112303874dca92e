//! Subjects that come when the table is full.

use std::time::Duration;

use tidegate_core::tiered::Mode;
use tidegate_core::{Algorithm, Outage, Rule, Tolerance};
use tidegate_store::{Request, Store};
use tokio::time::{Instant, sleep};

use crate::support::{DEADLINE, Fault, World, rules, secs};

const LONG: Duration = secs(3_600);

/// Node 0 has room for one subject, and that is not alice; node 1 has room.
async fn full() -> World {
    let mut world = World::new(0);
    world.start_small_node(2, 1);
    world.start_node(2);
    sleep(secs(1)).await;
    let rules = policy(10);
    let first = Request::new("first", &rules);
    let decision = world.nodes[0].store.acquire(&first).await.unwrap();
    assert_ne!(decision.provenance().as_str(), "overflow");
    world
}

fn policy(limit: u64) -> [Rule; 1] {
    rules(limit, LONG, Algorithm::FixedWindow)
}

fn exact(limit: u64) -> [Rule; 1] {
    policy(limit).map(|rule| rule.with_tolerance(Tolerance::EXACT))
}

#[tokio::test(start_paused = true)]
async fn g1_who_finds_no_room_is_decided_exactly_under_an_exact_policy() {
    let mut world = full().await;
    let rules = exact(10);
    for _ in 0..8 {
        assert!(world.ask(1, &rules).await);
    }
    let mut admitted = 0;
    for _ in 0..5 {
        admitted += u64::from(world.ask(0, &rules).await);
    }
    assert_eq!(admitted, 2);
    assert_eq!(world.stored(&rules).await, 10);
    assert_eq!(world.nodes[0].store.stats().overflowed, 0);
    let request = Request::new("alice", &rules);
    let at_once = world.nodes[0].store.try_acquire(&request);
    assert!(at_once.is_none(), "it must be awaited: {at_once:?}");
    // In shadow mode it denies nobody, and nobody waits for it.
    let shadow = rules.map(|rule| rule.with_shadow(true));
    let request = Request::new("bob", &shadow);
    assert!(world.nodes[0].store.try_acquire(&request).is_some());
}

#[tokio::test(start_paused = true)]
async fn what_was_charged_to_who_finds_no_room_can_be_given_back() {
    let world = full().await;
    for (rules, mode) in [(exact(2), "store"), (policy(4), "overflow")] {
        let request = Request::new("alice", &rules).with_cost(2);
        for _ in 0..3 {
            let decision = world.nodes[0].store.acquire(&request).await.unwrap();
            assert!(decision.is_allowed(), "{decision:?}");
            assert_eq!(decision.provenance().as_str(), mode);
            world.nodes[0]
                .store
                .refund(&request, &decision)
                .await
                .unwrap();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn l1_a_store_that_hangs_keeps_who_finds_no_room_waiting_for_the_deadline() {
    let world = full().await;
    world.set_fault(Fault::Hang);
    let rules = exact(10);
    let began = Instant::now();
    let request = Request::new("alice", &rules);
    let decision = world.nodes[0].store.acquire(&request).await.unwrap();
    assert!(decision.is_unavailable(), "{decision:?}");
    assert!(began.elapsed() <= DEADLINE, "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn g4_the_outage_settings_hold_for_who_finds_no_room() {
    let world = full().await;
    world.set_fault(Fault::Refuse);
    sleep(secs(10)).await;
    let mode = world.nodes[0].store.stats().mode;
    assert!(matches!(mode, Mode::Out { .. }), "{mode:?}");
    for (outage, expected) in [
        (Outage::CLOSED, 0),
        (Outage::SHARE, 5),
        // On one counter: five are used of it.
        (Outage::FULL, 5),
        (Outage::OPEN, 40),
    ] {
        let rules = policy(10).map(|rule| rule.with_outage(outage));
        let request = Request::new("alice", &rules);
        let mut admitted = 0;
        for _ in 0..40 {
            let decision = world.nodes[0].store.acquire(&request).await.unwrap();
            admitted += u64::from(decision.is_allowed());
            assert_eq!(decision.is_unavailable(), outage == Outage::CLOSED);
        }
        assert_eq!(admitted, expected, "{outage:?}");
    }
}
