//! What observers are told.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use tidegate_limiter::{ErrorKind, Event, Fallback, Limiter, Observer};

use crate::support::{Diary, Mode, Unreliable, builder, policy};

fn observed(store: &Unreliable) -> (Diary, Limiter) {
    let diary = Diary::default();
    let limiter = builder(store)
        .policy(policy(2).outage(Fallback::Open))
        .observer(diary.clone())
        .build()
        .unwrap();
    (diary, limiter)
}

#[tokio::test(start_paused = true)]
async fn decisions_are_told_with_how_they_came_about() {
    for store in [Unreliable::remote(), Unreliable::immediate()] {
        let (diary, limiter) = observed(&store);
        for _ in 0..3 {
            let _ = limiter.check("alice").await;
        }
        assert_eq!(
            diary.take(),
            ["allowed by store", "allowed by store", "denied by store"]
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_told_once_when_it_begins_and_once_when_it_is_over() {
    let store = Unreliable::remote();
    let (diary, limiter) = observed(&store);
    store.set(Mode::Fails(ErrorKind::Unavailable));
    let _ = limiter.check("alice").await;
    assert_eq!(
        diary.take(),
        [
            "acquire failed: unavailable",
            "outage began",
            "allowed by open"
        ]
    );
    let _ = limiter.check("alice").await;
    assert_eq!(
        diary.take(),
        ["acquire failed: unavailable", "allowed by open"]
    );

    store.set(Mode::Works);
    let _ = limiter.check("alice").await;
    assert_eq!(
        diary.take(),
        ["allowed by store"],
        "not over before it has been quiet for a second"
    );
    tokio::time::advance(Duration::from_secs(3)).await;
    let _ = limiter.check("alice").await;
    assert_eq!(diary.take(), ["outage ended after 3s", "allowed by store"]);
    let _ = limiter.check("alice").await;
    assert_eq!(diary.take(), ["denied by store"]);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_now_and_then_is_one_outage() {
    let store = Unreliable::remote();
    let (diary, limiter) = observed(&store);
    for round in 0..100 {
        store.set(if round % 3 == 0 {
            Mode::Fails(ErrorKind::Timeout)
        } else {
            Mode::Works
        });
        let _ = limiter.check("alice").await;
        tokio::time::advance(Duration::from_millis(100)).await;
    }
    let told = diary.take();
    assert_eq!(
        told.iter().filter(|event| *event == "outage began").count(),
        1
    );
    assert_eq!(
        told.iter()
            .filter(|event| event.starts_with("outage ended"))
            .count(),
        0
    );
}

#[tokio::test(start_paused = true)]
async fn the_time_that_a_decision_took_is_told() {
    #[derive(Clone, Default)]
    struct Took(Arc<Mutex<Vec<Duration>>>);
    impl Observer for Took {
        fn observe(&self, event: &Event<'_>) {
            if let Event::Decided { took, .. } = event {
                self.0.lock().unwrap().push(*took);
            }
        }
    }
    let (store, took) = (Unreliable::remote(), Took::default());
    let limiter = builder(&store)
        .policy(policy(2))
        .observer(took.clone())
        .build()
        .unwrap();
    store.set(Mode::Slow(Duration::from_millis(7)));
    let _ = limiter.check("alice").await;
    assert_eq!(*took.0.lock().unwrap(), [Duration::from_millis(7)]);
}

#[tokio::test(start_paused = true)]
async fn an_observer_may_use_the_limiter() {
    #[derive(Clone, Default)]
    struct Curious(Arc<OnceLock<Limiter>>);
    impl Observer for Curious {
        fn observe(&self, event: &Event<'_>) {
            if let (Event::OutageBegan | Event::OutageEnded { .. }, Some(limiter)) =
                (event, self.0.get())
            {
                assert!(limiter.try_check("observer").is_some());
            }
        }
    }
    let (store, curious) = (Unreliable::immediate(), Curious::default());
    let limiter = builder(&store)
        .policy(policy(9).outage(Fallback::Open))
        .observer(curious.clone())
        .build()
        .unwrap();
    curious.0.set(limiter.clone()).ok().unwrap();
    store.set(Mode::Fails(ErrorKind::Unavailable));
    assert!(limiter.check("alice").await.is_allowed());
    store.set(Mode::Works);
    tokio::time::advance(Duration::from_secs(2)).await;
    assert!(limiter.check("alice").await.is_allowed());
}
