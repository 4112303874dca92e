//! Deciding while the store works.

use std::sync::Arc;

use tidegate_limiter::{Limiter, Policy, Provenance, Quota, Store};

use crate::support::{Mode, Unreliable, admitted, builder, limiter, policy, quota};

#[tokio::test(start_paused = true)]
async fn g1_admits_the_limit_and_no_more() {
    for store in [Unreliable::remote(), Unreliable::immediate()] {
        let limiter = limiter(&store, policy(10));
        assert_eq!(admitted(&limiter, "alice", 25).await, 10);
        assert_eq!(admitted(&limiter, "bob", 5).await, 5);
        assert_eq!(limiter.check("bob").await.provenance(), Provenance::Store);
    }
}

#[tokio::test(start_paused = true)]
async fn g8_several_policies_are_charged_all_or_none() {
    let store = Unreliable::remote();
    let limiter = builder(&store)
        .policy(Policy::new("wide", quota(10)))
        .policy(Policy::new("narrow", quota(2)))
        .build()
        .unwrap();
    assert_eq!(admitted(&limiter, "alice", 5).await, 2);
    let statuses = limiter.peek("alice").await.unwrap();
    assert_eq!(
        statuses.statuses()[0].remaining(),
        8,
        "the denied were not charged to it"
    );
}

#[tokio::test(start_paused = true)]
async fn g8_costs_of_every_size_are_answered() {
    let limiter = limiter(&Unreliable::remote(), policy(10));
    assert!(limiter.check_with_cost("alice", 0).await.is_allowed());
    for cost in [11, u64::MAX] {
        let decision = limiter.check_with_cost("alice", cost).await;
        assert!(!decision.is_allowed());
        assert_eq!(decision.retry_after(), None, "it can never be admitted");
    }
    assert!(limiter.check_with_cost("alice", 10).await.is_allowed());
    assert!(!limiter.check("alice").await.is_allowed());
}

#[tokio::test(start_paused = true)]
async fn the_synchronous_path_is_taken_only_where_nothing_must_be_awaited() {
    let remote = limiter(&Unreliable::remote(), policy(1));
    assert_eq!(remote.try_check("alice"), None);
    assert!(
        remote.check("alice").await.is_allowed(),
        "nothing was counted"
    );

    let immediate = limiter(&Unreliable::immediate(), policy(2));
    assert!(immediate.try_check("alice").unwrap().is_allowed());
    assert!(
        !immediate
            .try_check_with_cost("alice", 2)
            .unwrap()
            .is_allowed()
    );
}

#[tokio::test(start_paused = true)]
async fn check_many_decides_each_subject_for_itself() {
    let limiter = limiter(&Unreliable::remote(), policy(1));
    let decisions = limiter.check_many(["alice", "bob", "alice"]).await;
    let allowed: Vec<_> = decisions
        .iter()
        .map(|decision| decision.is_allowed())
        .collect();
    assert_eq!(allowed, [true, true, false]);
}

#[tokio::test(start_paused = true)]
async fn peek_charges_nothing_and_fails_with_the_store() {
    let store = Unreliable::remote();
    let limiter = limiter(&store, policy(1));
    for _ in 0..3 {
        assert!(limiter.peek("alice").await.unwrap().is_allowed());
    }
    store.set(Mode::Panics);
    let error = limiter.peek("alice").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "internal: the call to the store panicked: told to panic"
    );
}

#[tokio::test(start_paused = true)]
async fn shadow_policies_report_and_deny_nothing() {
    let store = Unreliable::remote();
    let limiter = limiter(&store, policy(1).shadow(true));
    assert_eq!(admitted(&limiter, "alice", 3).await, 3);
    let decision = limiter.check("alice").await;
    assert!(decision.statuses()[0].is_violated() && decision.statuses()[0].is_shadow());
}

#[test]
fn the_synchronous_path_needs_no_runtime() {
    let limiter = Limiter::builder(tidegate_store_memory::MemoryStore::new())
        .policy(Policy::new("p", Quota::per_day(1).unwrap()))
        .build()
        .unwrap();
    assert!(limiter.try_check("alice").unwrap().is_allowed());
    assert!(!limiter.try_check("alice").unwrap().is_allowed());
}

#[tokio::test(start_paused = true)]
async fn a_store_can_come_in_a_box_or_shared() {
    let boxed: Box<dyn Store> = Box::new(Unreliable::remote());
    let shared: Arc<dyn Store> = Arc::new(Unreliable::remote());
    for builder in [Limiter::builder(boxed), Limiter::builder(shared)] {
        let limiter = builder.policy(policy(1)).build().unwrap();
        assert_eq!(admitted(&limiter, "alice", 3).await, 1);
    }
}
