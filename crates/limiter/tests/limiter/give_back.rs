//! Refunds and resets.

use std::time::Duration;

use tidegate_limiter::{ErrorKind, Fallback, Limits, Policy};

use crate::support::{Mode, Unreliable, admitted, builder, limiter, policy, quota};

#[tokio::test(start_paused = true)]
async fn a_refund_gives_back_what_was_charged_and_only_that() {
    let store = Unreliable::remote();
    let limiter = limiter(&store, policy(3));
    let first = limiter.check_with_cost("alice", 2).await;
    let denied = limiter.check_with_cost("alice", 2).await;
    assert!(first.is_allowed() && !denied.is_allowed());
    let calls = store.calls();
    limiter.refund("alice", denied).await.unwrap();
    assert_eq!(store.calls(), calls, "nobody is asked");
    assert_eq!(
        store.remaining("alice", quota(3)).await,
        1,
        "a denial has nothing to give back"
    );
    limiter.refund("alice", first).await.unwrap();
    assert_eq!(store.remaining("alice", quota(3)).await, 3);
}

#[tokio::test(start_paused = true)]
async fn a_refund_goes_to_the_window_it_came_from() {
    let store = Unreliable::remote();
    let limiter = limiter(&store, policy(3));
    let old = limiter.check("alice").await;
    tokio::time::advance(Duration::from_secs(60)).await;
    assert!(limiter.check("alice").await.is_allowed());
    limiter.refund("alice", old).await.unwrap();
    assert_eq!(store.remaining("alice", quota(3)).await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_refund_finds_its_counters_after_the_policies_were_replaced() {
    let store = Unreliable::remote();
    let limiter = limiter(&store, policy(3));
    let decision = limiter.check("alice").await;
    limiter
        .replace_policies([Policy::new("new", quota(1)), policy(5)])
        .unwrap();
    limiter.refund("alice", decision).await.unwrap();
    assert_eq!(store.remaining("alice", quota(3)).await, 3);
}

#[tokio::test(start_paused = true)]
async fn what_was_charged_in_an_outage_is_given_back_in_this_process() {
    let store = Unreliable::remote();
    let limiter = limiter(&store, policy(2).outage(Fallback::Full));
    assert!(limiter.check("alice").await.is_allowed());
    store.set(Mode::Fails(ErrorKind::Unavailable));
    let local = limiter.check("alice").await;
    assert_eq!(admitted(&limiter, "alice", 5).await, 1);
    let calls = store.calls();
    limiter.refund("alice", local).await.unwrap();
    assert_eq!(store.calls(), calls, "nothing goes to the store");
    assert_eq!(admitted(&limiter, "alice", 5).await, 1);
    assert_eq!(store.remaining("alice", quota(2)).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_decision_without_counts_gives_back_nothing() {
    let store = Unreliable::remote();
    let limiter = limiter(&store, policy(2).outage(Fallback::Open));
    store.set(Mode::Fails(ErrorKind::Unavailable));
    let open = limiter.check("alice").await;
    store.set(Mode::Works);
    assert!(limiter.check("alice").await.is_allowed());
    limiter.refund("alice", open).await.unwrap();
    assert_eq!(store.remaining("alice", quota(2)).await, 1);
}

#[tokio::test(start_paused = true)]
async fn what_a_closed_policy_said_gives_back_nothing() {
    let store = Unreliable::remote();
    let closed = || policy(2).outage(Fallback::Closed);
    let full = || Policy::new("full", quota(3)).outage(Fallback::Full);
    let limiter = builder(&store)
        .policies([full(), closed().shadow(true)])
        .build()
        .unwrap();
    assert!(limiter.check("alice").await.is_allowed());
    store.set(Mode::Fails(ErrorKind::Unavailable));
    let counted = limiter.check("alice").await;
    assert!(counted.is_allowed());
    limiter.replace_policies([full(), closed()]).unwrap();
    let denied = limiter.check("alice").await;
    assert!(denied.is_unavailable());
    let calls = store.calls();
    for decision in [counted, denied] {
        limiter.refund("alice", decision).await.unwrap();
    }
    assert_eq!(store.calls(), calls, "nothing goes to the store");
    assert_eq!(store.remaining("alice", quota(2)).await, 1);
    limiter.replace_policies([full()]).unwrap();
    assert_eq!(admitted(&limiter, "alice", 5).await, 3, "once, and no more");
    // Counted in this process, it would be there for the asking.
    limiter
        .replace_policies([policy(2).outage(Fallback::Full)])
        .unwrap();
    assert_eq!(admitted(&limiter, "alice", 5).await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_refund_that_fails_says_so() {
    let store = Unreliable::remote();
    let limiter = limiter(&store, policy(2));
    let decision = limiter.check("alice").await;
    store.set(Mode::Hangs);
    let error = limiter.refund("alice", decision).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
}

#[tokio::test(start_paused = true)]
async fn reset_forgets_in_the_store_and_in_this_process() {
    let store = Unreliable::remote();
    let limiter = limiter(&store, policy(2).outage(Fallback::Full));
    assert_eq!(admitted(&limiter, "alice", 3).await, 2);
    assert_eq!(admitted(&limiter, "bob", 3).await, 2);
    store.set(Mode::Fails(ErrorKind::Unavailable));
    assert_eq!(admitted(&limiter, "alice", 3).await, 2);
    assert!(limiter.reset("alice").await.is_err());
    assert_eq!(
        admitted(&limiter, "alice", 3).await,
        2,
        "forgotten in this process"
    );
    store.set(Mode::Works);
    assert_eq!(
        admitted(&limiter, "alice", 3).await,
        0,
        "not yet in the store"
    );
    limiter.reset("alice").await.unwrap();
    assert_eq!(admitted(&limiter, "alice", 3).await, 2);
    assert_eq!(admitted(&limiter, "bob", 3).await, 0, "another subject");
}

#[tokio::test(start_paused = true)]
async fn reset_forgets_what_was_counted_apart_under_a_subjects_own_quota() {
    let store = Unreliable::remote();
    let hourly = tidegate_limiter::Quota::per_hour(1).unwrap();
    let limiter = builder(&store)
        .policy(policy(5))
        .resolver(move |_: tidegate_limiter::Subject<'_>| Limits::new().with("p", hourly))
        .build()
        .unwrap();
    assert_eq!(admitted(&limiter, "alice", 3).await, 1);
    limiter.reset("alice").await.unwrap();
    assert_eq!(admitted(&limiter, "alice", 3).await, 1);
}
