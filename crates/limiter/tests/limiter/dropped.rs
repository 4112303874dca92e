//! L6: dropping a future, at any point, counts the request at most once, and takes nothing with it.

use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use tidegate_limiter::{Fallback, Wait};

use crate::support::{Mode, Unreliable, admitted, limiter, policy, quota};

/// Polls `future` until it has been polled `times` times, letting time pass in between; then drops it.
async fn poll_and_drop<F: Future>(future: F, times: usize) {
    let mut future = pin!(future);
    for _ in 0..times {
        let polled = future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        if polled.is_ready() {
            return;
        }
        tokio::time::advance(Duration::from_millis(10)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn l6_a_dropped_check_is_counted_at_most_once() {
    for times in 0..8 {
        let store = Unreliable::remote();
        store.set(Mode::Slow(Duration::from_millis(25)));
        let limiter = limiter(&store, policy(10).outage(Fallback::Full));
        poll_and_drop(limiter.check("alice"), times).await;
        let left = store.remaining("alice", quota(10)).await;
        assert!((9..=10).contains(&left), "{left} left after {times} polls");
        store.set(Mode::Works);
        let more = admitted(&limiter, "alice", 20).await;
        assert_eq!(more, left, "the limiter works on");
    }
}

#[tokio::test(start_paused = true)]
async fn l6_a_dropped_wait_is_counted_at_most_once() {
    for times in 0..8 {
        let store = Unreliable::remote();
        let limiter = limiter(&store, policy(1));
        assert!(limiter.check("alice").await.is_allowed());
        let wait = Wait::at_most(Duration::from_secs(120)).jitter(Duration::ZERO);
        let mut waiting = Box::pin(limiter.until_admitted("alice", wait));
        for _ in 0..times {
            let _ = waiting
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()));
            tokio::time::advance(Duration::from_secs(10)).await;
        }
        drop(waiting);
        assert!(store.remaining("alice", quota(1)).await <= 1);
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(admitted(&limiter, "alice", 3).await, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn l6_dropped_calls_do_not_use_up_the_probe() {
    let store = Unreliable::remote();
    store.set(Mode::Hangs);
    let limiter = limiter(&store, policy(100).outage(Fallback::Full));
    assert_eq!(admitted(&limiter, "alice", 6).await, 6);
    tokio::time::advance(Duration::from_secs(6)).await;
    poll_and_drop(limiter.check("alice"), 1).await;
    store.set(Mode::Works);
    let healed = tokio::time::Instant::now();
    while limiter.check("alice").await.provenance() != tidegate_limiter::Provenance::Store {
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(healed.elapsed() < Duration::from_secs(7));
    }
}
