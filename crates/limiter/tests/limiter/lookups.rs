//! Limits per subject that take time to look up.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tidegate_limiter::{
    AsyncResolver, Limiter, Limits, LookupError, LookupSettings, Subject, async_trait,
};
use tokio::time::Instant;

use crate::support::{Diary, Unreliable, admitted, builder, policy, quota};

const TIME_TO_LIVE: Duration = Duration::from_secs(10);
const WAIT: Duration = Duration::from_millis(100);

/// Plans in a database that can be slow, broken, or gone.
#[derive(Clone, Default)]
struct Database {
    plan: Arc<Mutex<Behaviour>>,
    lookups: Arc<AtomicUsize>,
}

#[derive(Clone, Copy, Default)]
enum Behaviour {
    #[default]
    Hangs,
    Panics,
    Fails,
    Answers(u64),
    AnswersAfter(Duration, u64),
}

impl Database {
    fn set(&self, behaviour: Behaviour) {
        *self.plan.lock().unwrap() = behaviour;
    }

    fn lookups(&self) -> usize {
        self.lookups.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl AsyncResolver for Database {
    async fn limits(&self, _subject: Subject<'_>) -> Result<Limits, LookupError> {
        self.lookups.fetch_add(1, Ordering::SeqCst);
        let behaviour = *self.plan.lock().unwrap();
        match behaviour {
            Behaviour::Hangs => std::future::pending().await,
            Behaviour::Panics => panic!("told to panic"),
            Behaviour::Fails => Err("told to fail".into()),
            Behaviour::Answers(limit) => Ok(Limits::new().with("p", quota(limit))),
            Behaviour::AnswersAfter(time, limit) => {
                tokio::time::sleep(time).await;
                Ok(Limits::new().with("p", quota(limit)))
            }
        }
    }
}

fn set_up(behaviour: Behaviour) -> (Database, Diary, Limiter) {
    let (database, diary) = (Database::default(), Diary::default());
    database.set(behaviour);
    let settings = LookupSettings {
        time_to_live: TIME_TO_LIVE,
        capacity: 100,
        deadline: WAIT,
    };
    let limiter = builder(&Unreliable::immediate())
        .policy(policy(2))
        .async_resolver(database.clone(), settings)
        .observer(diary.clone())
        .build()
        .unwrap();
    (database, diary, limiter)
}

/// The limit that applies, and how long it took to know.
async fn limit(limiter: &Limiter, subject: &str) -> (u64, Duration) {
    let began = Instant::now();
    let decision = limiter.check(subject).await;
    (decision.statuses()[0].limit(), began.elapsed())
}

/// Lets background lookups run.
async fn settle() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_looked_up_once_and_then_at_hand_for_the_synchronous_path() {
    let (database, _, limiter) = set_up(Behaviour::AnswersAfter(Duration::from_millis(20), 5));
    assert_eq!(limiter.try_check("alice"), None, "not known yet");
    assert_eq!(
        limit(&limiter, "alice").await,
        (5, Duration::from_millis(20))
    );
    assert_eq!(limiter.try_check("alice").unwrap().statuses()[0].limit(), 5);
    assert_eq!(admitted(&limiter, "alice", 9).await, 3);
    assert_eq!(database.lookups(), 1);
}

#[tokio::test(start_paused = true)]
async fn one_lookup_at_a_time_for_a_subject() {
    let (database, _, limiter) = set_up(Behaviour::AnswersAfter(Duration::from_millis(20), 5));
    let requests: Vec<_> = (0..50)
        .map(|request| {
            let limiter = limiter.clone();
            let subject = if request % 2 == 0 { "alice" } else { "bob" };
            tokio::spawn(async move { limit(&limiter, subject).await })
        })
        .collect();
    for request in requests {
        assert_eq!(request.await.unwrap(), (5, Duration::from_millis(20)));
    }
    assert_eq!(database.lookups(), 2, "alice's and bob's");
}

#[tokio::test(start_paused = true)]
async fn a_lookup_goes_on_when_the_request_that_wanted_it_is_dropped() {
    let (database, _, limiter) = set_up(Behaviour::AnswersAfter(Duration::from_millis(20), 5));
    let dropped = tokio::time::timeout(Duration::from_millis(5), limiter.check("alice")).await;
    assert!(dropped.is_err());
    tokio::time::sleep(Duration::from_millis(16)).await;
    assert_eq!(limiter.try_check("alice").unwrap().statuses()[0].limit(), 5);
    assert_eq!(database.lookups(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_out_of_date_is_used_while_a_new_one_is_fetched() {
    let (database, _, limiter) = set_up(Behaviour::Answers(5));
    assert_eq!(limit(&limiter, "alice").await.0, 5);
    database.set(Behaviour::Answers(7));
    tokio::time::advance(TIME_TO_LIVE).await;
    assert_eq!(limit(&limiter, "alice").await, (5, Duration::ZERO));
    settle().await;
    assert_eq!(limit(&limiter, "alice").await, (7, Duration::ZERO));

    database.set(Behaviour::Answers(9));
    tokio::time::advance(2 * TIME_TO_LIVE).await;
    assert_eq!(limiter.try_check("alice"), None, "too old to be used");
    assert_eq!(limit(&limiter, "alice").await.0, 9);
}

#[tokio::test(start_paused = true)]
async fn a_lookup_that_hangs_delays_a_subjects_first_request_and_no_other() {
    let (database, diary, limiter) = set_up(Behaviour::Hangs);
    assert_eq!(
        limit(&limiter, "alice").await,
        (2, WAIT),
        "the policy's own"
    );
    assert_eq!(
        diary.take(),
        [
            "lookup failed: no answer within the deadline of 100ms",
            "allowed by store"
        ]
    );
    for _ in 0..5 {
        assert_eq!(limit(&limiter, "alice").await, (2, Duration::ZERO));
    }
    assert!(limiter.try_check("alice").is_some());
    assert_eq!(database.lookups(), 1);

    // Given up after ten seconds, it is tried again, and nobody waits.
    database.set(Behaviour::Answers(5));
    tokio::time::sleep(Duration::from_secs(12)).await;
    assert_eq!(limit(&limiter, "alice").await, (2, Duration::ZERO));
    settle().await;
    assert_eq!(limit(&limiter, "alice").await, (5, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_is_used_from_then_on() {
    let (database, _, limiter) = set_up(Behaviour::AnswersAfter(3 * WAIT, 5));
    assert_eq!(limit(&limiter, "alice").await, (2, WAIT));
    tokio::time::sleep(3 * WAIT).await;
    assert_eq!(limit(&limiter, "alice").await, (5, Duration::ZERO));
    assert_eq!(database.lookups(), 1);
}

#[tokio::test(start_paused = true)]
async fn after_a_failure_the_last_known_answer_holds_or_the_policys_own() {
    for failure in [Behaviour::Fails, Behaviour::Panics] {
        let (database, diary, limiter) = set_up(Behaviour::Answers(5));
        assert_eq!(limit(&limiter, "known").await.0, 5);
        database.set(failure);
        assert_eq!(limit(&limiter, "unknown").await, (2, Duration::ZERO));
        assert!(
            diary
                .take()
                .iter()
                .any(|event| event.starts_with("lookup failed: "))
        );

        tokio::time::advance(3 * TIME_TO_LIVE).await;
        assert_eq!(limit(&limiter, "known").await, (5, Duration::ZERO));
        tokio::time::advance(100 * TIME_TO_LIVE).await;
        assert_eq!(
            limit(&limiter, "known").await,
            (5, Duration::ZERO),
            "as long as it fails"
        );

        database.set(Behaviour::Answers(6));
        settle().await;
        tokio::time::advance(Duration::from_secs(1)).await;
        let _ = limit(&limiter, "known").await;
        settle().await;
        assert_eq!(limit(&limiter, "known").await.0, 6);
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_lookup_is_not_tried_again_for_a_second() {
    let (database, _, limiter) = set_up(Behaviour::Fails);
    for _ in 0..20 {
        let _ = limit(&limiter, "alice").await;
        settle().await;
    }
    assert_eq!(database.lookups(), 1);
    tokio::time::advance(Duration::from_secs(1)).await;
    let _ = limit(&limiter, "alice").await;
    settle().await;
    assert_eq!(database.lookups(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_answer_can_be_forgotten() {
    let (database, _, limiter) = set_up(Behaviour::Answers(5));
    assert_eq!(limit(&limiter, "alice").await.0, 5);
    database.set(Behaviour::Answers(7));
    limiter.forget_limits("alice").await;
    assert_eq!(limit(&limiter, "alice").await.0, 7);
}

#[tokio::test(start_paused = true)]
async fn lookups_on_their_way_are_bounded() {
    let (database, _, limiter) = set_up(Behaviour::Hangs);
    let requests: Vec<_> = (0..3000)
        .map(|subject| {
            let limiter = limiter.clone();
            tokio::spawn(async move { limit(&limiter, &format!("subject-{subject}")).await.0 })
        })
        .collect();
    for request in requests {
        assert_eq!(request.await.unwrap(), 2);
    }
    assert_eq!(database.lookups(), 1024);
}

#[test]
fn a_runtime_that_ends_takes_no_subject_with_it() {
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap()
    };
    let first = runtime();
    let (database, _, limiter) = first.block_on(async { set_up(Behaviour::Hangs) });
    assert_eq!(first.block_on(limit(&limiter, "alice")).0, 2);
    drop(first);
    database.set(Behaviour::Answers(5));
    assert_eq!(runtime().block_on(limit(&limiter, "alice")).0, 5);
}
