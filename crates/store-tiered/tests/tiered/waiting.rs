//! Requests that wait, and those that give up.

use std::time::Duration;

use tidegate_core::{Algorithm, Tolerance};
use tidegate_store::{Request, Store};
use tokio::time::{sleep, timeout};

use crate::support::{Fault, World, join_all, rules};

#[tokio::test(start_paused = true)]
async fn l6_a_dropped_request_counts_at_most_once_and_its_grant_is_given_back() {
    let world = World::new(1);
    let rules = rules(10, Duration::from_secs(60), Algorithm::FixedWindow)
        .map(|rule| rule.with_tolerance(Tolerance::EXACT));
    world.next_window(&rules).await;
    for micros in [0, 100, 300, 450, 1_000] {
        let request = Request::new("alice", &rules);
        let call = world.nodes[0].store.acquire(&request);
        let _ = timeout(Duration::from_micros(micros), call).await;
    }
    sleep(Duration::from_secs(2)).await;
    // Only the last one was answered before it was dropped.
    assert_eq!(world.stored(&rules).await, 1);
}

#[tokio::test(start_paused = true)]
async fn many_requests_share_one_call() {
    let world = World::new(1);
    let rules = rules(50, Duration::from_secs(60), Algorithm::FixedWindow)
        .map(|rule| rule.with_tolerance(Tolerance::EXACT));
    world.next_window(&rules).await;
    let before = world.nodes[0]
        .calls
        .load(std::sync::atomic::Ordering::SeqCst);
    let request = Request::new("alice", &rules);
    let calls: Vec<_> = (0..200)
        .map(|_| world.nodes[0].store.acquire(&request))
        .collect();
    let mut admitted = 0;
    let mut calls = std::pin::pin!(join_all(calls));
    for decision in calls.as_mut().await {
        admitted += u64::from(decision.unwrap().is_allowed());
    }
    assert_eq!(admitted, 50);
    let calls = world.nodes[0]
        .calls
        .load(std::sync::atomic::Ordering::SeqCst)
        - before;
    assert!(calls <= 4, "{calls} calls for 200 requests");
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_when_the_breaker_opens() {
    let mut world = World::new(1);
    let rules = rules(10, Duration::from_secs(60), Algorithm::FixedWindow)
        .map(|rule| rule.with_tolerance(Tolerance::EXACT));
    world.set_fault(Fault::Refuse);
    for _ in 0..10 {
        world.ask(0, &rules).await;
        sleep(Duration::from_millis(60)).await;
    }
    world.slowest = Duration::ZERO;
    world.ask(0, &rules).await;
    assert_eq!(world.slowest, Duration::ZERO);
}
