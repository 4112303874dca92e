//! L1: a decision waits for the store no longer than the deadline, and soon not at all.

use std::time::Duration;

use tidegate_limiter::{BuildError, ErrorKind, Fallback, Limiter, Outage, Provenance};
use tokio::time::Instant;

use crate::support::{DEADLINE, Mode, Unreliable, admitted, builder, limiter, policy};

fn hanging() -> (Unreliable, Limiter) {
    let store = Unreliable::remote();
    store.set(Mode::Hangs);
    let limiter = limiter(&store, policy(1_000_000).outage(Fallback::Full));
    (store, limiter)
}

/// How long one decision takes.
async fn waited(limiter: &Limiter) -> Duration {
    let began = Instant::now();
    let decision = limiter.check("alice").await;
    assert!(decision.is_allowed());
    began.elapsed()
}

/// Makes the limiter lose its patience.
async fn exhaust(limiter: &Limiter) {
    for _ in 0..5 {
        assert_eq!(waited(limiter).await, DEADLINE);
    }
}

#[tokio::test(start_paused = true)]
async fn l1_a_decision_waits_at_most_the_deadline() {
    let (_store, limiter) = hanging();
    assert_eq!(waited(&limiter).await, DEADLINE);
    let began = Instant::now();
    assert_eq!(
        limiter.peek("alice").await.unwrap_err().kind(),
        ErrorKind::Timeout
    );
    assert_eq!(
        limiter.reset("alice").await.unwrap_err().kind(),
        ErrorKind::Timeout
    );
    assert_eq!(began.elapsed(), 2 * DEADLINE);
}

#[tokio::test(start_paused = true)]
async fn l1_an_answer_just_in_time_counts_and_one_too_late_does_not() {
    let (store, limiter) = hanging();
    store.set(Mode::Slow(DEADLINE - Duration::from_millis(1)));
    assert_eq!(limiter.check("alice").await.provenance(), Provenance::Store);
    store.set(Mode::Slow(DEADLINE + Duration::from_millis(1)));
    assert_eq!(
        limiter.check("alice").await.provenance(),
        Provenance::Outage(Fallback::Full)
    );
}

#[tokio::test(start_paused = true)]
async fn l1_a_store_that_keeps_the_deadline_itself_has_the_last_word_at_that_very_moment() {
    let store = Unreliable::punctual(DEADLINE);
    let limiter = limiter(&store, policy(1_000_000).outage(Fallback::Full));
    store.set(Mode::Slow(DEADLINE));
    let began = Instant::now();
    assert_eq!(limiter.check("alice").await.provenance(), Provenance::Store);
    assert_eq!(began.elapsed(), DEADLINE);
}

#[tokio::test(start_paused = true)]
async fn l1_a_store_that_breaks_its_promise_to_keep_the_deadline_gains_nothing_by_it() {
    let store = Unreliable::punctual(DEADLINE);
    let limiter = limiter(&store, policy(1_000_000).outage(Fallback::Open));
    store.set(Mode::Hangs);
    assert_eq!(waited(&limiter).await, DEADLINE);
}

/// However many timers end in the same millisecond, and on however many threads what waits for them goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_store_that_keeps_the_deadline_itself_has_the_last_word_whatever_the_load_is() {
    let store = Unreliable::punctual(DEADLINE);
    let limiter = limiter(&store, policy(1_000_000).outage(Fallback::Full));
    store.set(Mode::Slow(DEADLINE));
    let ask = |number: usize| {
        let limiter = limiter.clone();
        tokio::spawn(async move { limiter.check(&number.to_string()).await.provenance() })
    };
    let asked: Vec<_> = (0..10_000).map(ask).collect();
    for answer in asked {
        assert_eq!(answer.await.unwrap(), Provenance::Store);
    }
}

#[tokio::test(start_paused = true)]
async fn l1_a_store_that_hangs_for_ever_is_not_waited_for_every_time() {
    let (store, limiter) = hanging();
    exhaust(&limiter).await;
    let calls = store.calls();
    for _ in 0..100 {
        assert_eq!(waited(&limiter).await, Duration::ZERO);
    }
    assert_eq!(store.calls(), calls, "nor asked");
    assert_eq!(
        limiter.peek("alice").await.unwrap_err().kind(),
        ErrorKind::Unavailable
    );
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_quickly_is_asked_every_time() {
    let (store, limiter) = hanging();
    store.set(Mode::Fails(ErrorKind::Unavailable));
    assert_eq!(admitted(&limiter, "alice", 100).await, 100);
    assert_eq!(store.calls(), 100);
    store.set(Mode::Works);
    assert_eq!(
        limiter.check("alice").await.provenance(),
        Provenance::Store,
        "healed at once"
    );
}

#[tokio::test(start_paused = true)]
async fn r2_one_probe_at_a_time_and_ever_fewer_of_them() {
    let (store, limiter) = hanging();
    exhaust(&limiter).await;
    store.take_most_in_flight();
    let before = store.calls();
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(60) {
        assert_eq!(
            waited(&limiter).await,
            Duration::ZERO,
            "a probe is nobody's request"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let probes = store.calls() - before;
    // Spaced by 5 s on average in the end (full jitter), much less at first; the floor alone would allow 600.
    assert!((8..=80).contains(&probes), "{probes} probes in a minute");
    assert_eq!(store.take_most_in_flight(), 1);
}

#[tokio::test(start_paused = true)]
async fn l3_heals_within_the_backoff_cap_and_the_deadline() {
    let (store, limiter) = hanging();
    exhaust(&limiter).await;
    for _ in 0..500 {
        waited(&limiter).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    store.set(Mode::Works);
    let healed = Instant::now();
    while limiter.check("alice").await.provenance() != Provenance::Store {
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert!(healed.elapsed() <= Duration::from_secs(5) + DEADLINE);
    }
}

#[tokio::test(start_paused = true)]
async fn l3_a_store_that_takes_seconds_is_believed_if_the_deadline_lets_it() {
    let store = Unreliable::remote();
    let deadline = Duration::from_secs(3);
    let limiter = builder(&store)
        .deadline(deadline)
        .policy(policy(1_000_000).outage(Fallback::Full))
        .build()
        .unwrap();
    store.set(Mode::Hangs);
    for _ in 0..5 {
        waited(&limiter).await;
    }
    store.set(Mode::Slow(Duration::from_secs(2)));
    // Longer than a probe takes and than the backoff's cap: the first request finds that one is due, the next its answer.
    let request = async || {
        tokio::time::sleep(Duration::from_secs(6)).await;
        limiter.check("alice").await.provenance()
    };
    assert_eq!(request().await, Provenance::Outage(Fallback::Full));
    assert_eq!(request().await, Provenance::Store);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_answered_with_an_error_ends_the_waiting_game_too() {
    let (store, limiter) = hanging();
    exhaust(&limiter).await;
    store.set(Mode::Fails(ErrorKind::Unavailable));
    tokio::time::sleep(Duration::from_secs(1)).await;
    waited(&limiter).await;
    tokio::time::sleep(DEADLINE).await;
    let calls = store.calls();
    waited(&limiter).await;
    assert_eq!(
        store.calls(),
        calls + 1,
        "it is asked again, for it does not hang"
    );
}

#[test]
fn a_store_that_must_be_awaited_without_a_runtime_is_an_outage_and_no_panic() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let store = Unreliable::remote();
    store.set(Mode::Hangs);
    let limiter = runtime.block_on(async { limiter(&store, policy(1).outage(Fallback::Open)) });
    let decision = runtime.block_on(limiter.check("alice"));
    assert_eq!(decision.provenance(), Provenance::Outage(Fallback::Open));
}

#[tokio::test(start_paused = true)]
async fn l1_a_limiter_waits_as_long_as_the_store_says_unless_told_otherwise() {
    let own = Duration::from_millis(200);
    for store in [Unreliable::punctual(own), Unreliable::punctual_remote(own)] {
        let limiter = Limiter::builder(store.clone()).policy(policy(10));
        let limiter = limiter.build().unwrap();
        store.set(Mode::Slow(own));
        assert_eq!(limiter.check("alice").await.provenance(), Provenance::Store);
    }
    let store = Unreliable::remote();
    let limiter = Limiter::builder(store.clone())
        .policy(policy(1_000_000).outage(Fallback::Full))
        .build()
        .unwrap();
    store.set(Mode::Hangs);
    assert_eq!(waited(&limiter).await, Duration::from_millis(50));
}

#[test]
fn a_deadline_before_that_of_a_store_that_must_be_heard_is_refused() {
    let (given, own) = (Duration::from_millis(20), Duration::from_millis(200));
    let built = |store: Unreliable, deadline| {
        let limiter = Limiter::builder(store).policy(policy(10));
        limiter.deadline(deadline).build().map(|_| ())
    };
    let refused = built(Unreliable::punctual(own), given).unwrap_err();
    let deadline = given;
    assert_eq!(
        refused,
        BuildError::DeadlineBeforeStore {
            deadline,
            store: own
        }
    );
    let said = refused.to_string();
    assert!(said.contains("20ms") && said.contains("200ms"), "{said}");
    assert_eq!(built(Unreliable::punctual(own), own), Ok(()));
    // An exact one leaves outages to the limiter, which may lose its patience sooner.
    assert_eq!(built(Unreliable::punctual_remote(own), given), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn g4_nothing_is_counted_beside_a_store_that_decides_outages_by_itself() {
    for (outage, allowed) in [
        (Outage::SHARE, false),
        (Outage::FULL, false),
        (Outage::CLOSED, false),
        (Outage::OPEN, true),
    ] {
        let store = Unreliable::punctual(DEADLINE);
        let limiter = limiter(&store, policy(10).outage(outage));
        store.set(Mode::Hangs);
        let decision = limiter.check("alice").await;
        assert_eq!(decision.is_allowed(), allowed, "{outage:?}");
        assert_eq!(decision.is_unavailable(), !allowed, "{outage:?}");
        assert!(decision.statuses().is_empty(), "{outage:?}");
    }
}
