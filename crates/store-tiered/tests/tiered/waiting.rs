//! Requests that wait, and those that give up.

use std::future::poll_fn;
use std::mem::replace;
use std::task::Poll;
use std::time::Duration;

use tidegate_core::{Algorithm, Decision, Tolerance};
use tidegate_store::{Request, Store};
use tokio::time::{sleep, timeout};

use crate::support::{Fault, World, join_all, ms, rules, secs};

#[tokio::test(start_paused = true)]
async fn l6_a_dropped_request_counts_at_most_once_and_its_grant_is_given_back() {
    let world = World::new(1);
    let rules = rules(10, secs(60), Algorithm::FixedWindow)
        .map(|rule| rule.with_tolerance(Tolerance::EXACT));
    world.next_window(&rules).await;
    for micros in [0, 100, 300, 450, 1_000] {
        let request = Request::new("alice", &rules);
        let call = world.nodes[0].store.acquire(&request);
        let _ = timeout(Duration::from_micros(micros), call).await;
    }
    sleep(secs(2)).await;
    // Only the last one was answered before it was dropped.
    assert_eq!(world.stored(&rules).await, 1);
}

#[tokio::test(start_paused = true)]
async fn many_requests_share_one_call() {
    let world = World::new(1);
    let rules = rules(50, secs(60), Algorithm::FixedWindow)
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
    let rules = rules(10, secs(60), Algorithm::FixedWindow)
        .map(|rule| rule.with_tolerance(Tolerance::EXACT));
    world.set_fault(Fault::Refuse);
    for _ in 0..10 {
        world.ask(0, &rules).await;
        sleep(ms(60)).await;
    }
    world.slowest = Duration::ZERO;
    world.ask(0, &rules).await;
    assert_eq!(world.slowest, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn l1_who_waits_does_not_come_after_all_that_is_due() {
    let mut world = World::new(0);
    world.start_patient_node(2, secs(30));
    let loose = rules(1_000, secs(3_600), Algorithm::FixedWindow);
    let store = &world.nodes[0].store;
    sleep(secs(2)).await;
    for round in 0..2 {
        if round == 1 {
            sleep(secs(3)).await;
            // Two seconds for each call: ten rounds of eight calls.
            world.set_fault(Fault::Slow);
        }
        for number in 0..20_000 {
            let subject = format!("other-{number}");
            let request = Request::new(subject.as_str(), &loose);
            let _ = store.acquire(&request).await.unwrap();
        }
    }
    sleep(ms(200)).await;
    let exact = loose.map(|rule| rule.with_tolerance(Tolerance::EXACT));
    let began = tokio::time::Instant::now();
    let request = Request::new("alice", &exact);
    let decision = store.acquire(&request).await.unwrap();
    assert_eq!(decision.provenance().as_str(), "store", "{decision:?}");
    // Until one of those under way has ended, and its own.
    let took = began.elapsed();
    assert!(took <= secs(7), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn r3_requests_that_are_about_to_wait_ask_along_with_the_first() {
    // A task, as requests are: it stands in line with the driver.
    let work = tokio::spawn(async {
        let world = World::new(1);
        let rules = rules(50, secs(3_600), Algorithm::FixedWindow)
            .map(|rule| rule.with_tolerance(Tolerance::EXACT));
        let ask = || async {
            let request = Request::new("alice", &rules);
            world.nodes[0].store.acquire(&request).await.unwrap()
        };
        // The driver is there, and knows the store.
        assert!(ask().await.is_allowed());
        world.nodes[0].told.lock().unwrap().clear();
        let others = async {
            let mut waited = false;
            // Ready to run, behind the driver, which the first has woken.
            poll_fn(|cx| {
                cx.waker().wake_by_ref();
                if replace(&mut waited, true) {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            })
            .await;
            join_all((0..7).map(|_| ask()).collect::<Vec<_>>()).await
        };
        let (first, others) = tokio::join!(ask(), others);
        assert!(first.is_allowed() && others.iter().all(Decision::is_allowed));
        world.nodes[0].told.lock().unwrap().len()
    });
    assert_eq!(work.await.unwrap(), 1, "calls for eight requests");
}
