//! Waiting until a request is admitted.

use std::time::Duration;

use tidegate_limiter::{ErrorKind, Fallback, Limit, Limiter, Limits, Subject, Wait, WaitError};
use tokio::time::Instant;

use crate::support::{Mode, Unreliable, admitted, builder, limiter, policy};

const MINUTE: Duration = Duration::from_secs(60);

fn exactly(deadline: Duration) -> Wait {
    Wait::at_most(deadline).jitter(Duration::ZERO)
}

/// How long it takes until alice is admitted.
async fn waited(limiter: &Limiter, wait: Wait) -> Duration {
    let began = Instant::now();
    let admitted = limiter.until_admitted("alice", wait).await.unwrap();
    assert!(admitted.is_allowed());
    began.elapsed()
}

async fn used_up() -> (Unreliable, Limiter) {
    let store = Unreliable::remote();
    let limiter = limiter(&store, policy(2).outage(Fallback::Closed));
    assert_eq!(admitted(&limiter, "alice", 3).await, 2);
    (store, limiter)
}

#[tokio::test(start_paused = true)]
async fn admitted_at_once_where_there_is_room() {
    let limiter = limiter(&Unreliable::remote(), policy(2));
    assert_eq!(waited(&limiter, exactly(MINUTE)).await, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn l5_waits_as_long_as_the_denial_says_and_is_admitted() {
    let (store, limiter) = used_up().await;
    let told = limiter.check("alice").await.retry_after().unwrap();
    let calls = store.calls();
    let waited = waited(&limiter, exactly(MINUTE)).await;
    assert_eq!(
        store.calls(),
        calls + 2,
        "once before the wait, once after it"
    );
    assert!(
        waited >= told && waited < told + Duration::from_millis(2),
        "{waited:?}, told {told:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn jitter_is_added_and_bounded() {
    let (_store, limiter) = used_up().await;
    let told = limiter.check("alice").await.retry_after().unwrap();
    let wait = Wait::at_most(2 * MINUTE).jitter(Duration::from_secs(5));
    let waited = waited(&limiter, wait).await;
    assert!(
        waited >= told && waited <= told + Duration::from_secs(6),
        "{waited:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_wait_beyond_the_deadline_is_refused_at_once_with_what_it_would_need() {
    let (_store, limiter) = used_up().await;
    let began = Instant::now();
    let error = limiter
        .until_admitted("alice", exactly(Duration::from_secs(5)))
        .await
        .unwrap_err();
    assert_eq!(began.elapsed(), Duration::ZERO);
    let WaitError::DeadlineExceeded {
        deadline,
        needed,
        decision,
    } = error
    else {
        panic!("{error}");
    };
    assert_eq!(deadline, Duration::from_secs(5));
    assert_eq!(Some(needed), decision.retry_after());
}

#[tokio::test(start_paused = true)]
async fn what_can_never_be_admitted_is_refused_at_once() {
    let store = Unreliable::remote();
    let banned = |_: Subject<'_>| Limits::all(Limit::Blocked);
    let blocking = builder(&store)
        .policy(policy(2))
        .resolver(banned)
        .build()
        .unwrap();
    let never = blocking.until_admitted("alice", exactly(MINUTE)).await;
    let never = never.unwrap_err();
    assert!(matches!(never, WaitError::Never { .. }));
    assert_eq!(
        never.to_string(),
        "never admissible: the subject is blocked"
    );

    let limiter = limiter(&store, policy(2));
    let never = limiter
        .until_admitted_with_cost("alice", 3, exactly(MINUTE))
        .await
        .unwrap_err();
    assert!(matches!(never, WaitError::Never { .. }));
    let expected = "never admissible: the cost is 3, and the policy p admits 2 at most";
    assert_eq!(never.to_string(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_cost_above_the_share_is_worth_waiting_for_because_the_outage_may_end() {
    let store = Unreliable::remote();
    let sharing = builder(&store).policy(policy(4).outage(Fallback::Share));
    let limiter = sharing.expected_nodes(4).build().unwrap();
    store.set(Mode::Fails(ErrorKind::Unavailable));
    let three = |deadline| limiter.until_admitted_with_cost("alice", 3, exactly(deadline));
    let error = three(Duration::from_secs(3)).await.unwrap_err();
    assert!(matches!(error, WaitError::Unavailable { .. }), "{error}");

    let heals = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        store.set(Mode::Works);
    };
    let (admitted, ()) = tokio::join!(three(MINUTE), heals);
    assert!(admitted.unwrap().is_allowed());
}

#[tokio::test(start_paused = true)]
async fn rivals_make_it_wait_again() {
    let (_store, limiter) = used_up().await;
    let waiting: Vec<_> = (0..5)
        .map(|_| {
            let limiter = limiter.clone();
            tokio::spawn(async move { limiter.until_admitted("alice", exactly(10 * MINUTE)).await })
        })
        .collect();
    let began = Instant::now();
    for waiter in waiting {
        assert!(waiter.await.unwrap().unwrap().is_allowed());
    }
    assert!(began.elapsed() >= 2 * MINUTE, "two a minute");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_comes_back_in_time_is_worth_waiting_for() {
    let store = Unreliable::remote();
    let limiter = limiter(&store, policy(2).outage(Fallback::Closed));
    store.set(Mode::Fails(ErrorKind::Unavailable));
    let waiter = tokio::spawn({
        let limiter = limiter.clone();
        async move { limiter.until_admitted("alice", exactly(MINUTE)).await }
    });
    tokio::time::sleep(Duration::from_secs(3)).await;
    store.set(Mode::Works);
    assert!(waiter.await.unwrap().unwrap().is_allowed());
}

#[tokio::test(start_paused = true)]
async fn a_store_that_stays_away_is_told_apart_from_a_denial() {
    let store = Unreliable::remote();
    let limiter = limiter(&store, policy(2).outage(Fallback::Closed));
    store.set(Mode::Fails(ErrorKind::Unavailable));
    let began = Instant::now();
    let error = limiter
        .until_admitted("alice", exactly(Duration::from_secs(2)))
        .await
        .unwrap_err();
    assert!(matches!(error, WaitError::Unavailable { .. }), "{error}");
    let waited = began.elapsed();
    assert!(
        waited >= Duration::from_secs(2) && waited < Duration::from_millis(2010),
        "{waited:?}"
    );
}
