//! Answers that are late, or lost (G5).

use tidegate_core::BreakerConfig;
use tidegate_store::{ErrorKind, Request, Store};
use tidegate_store_redis::RedisStore;
use tidegate_test_servers::{Direction, Proxy, Server};

use crate::common::{ALGORITHMS, LONG, UNHURRIED, remaining, rule, until_answered};
use crate::{rules, store};

/// Late replies are never taken for another call's: the counts that are answered are the subject's own.
#[tokio::test(flavor = "multi_thread")]
async fn g5_late_replies_are_nobody_elses() {
    let server = Server::start().unwrap();
    let proxy = Proxy::start(server.address()).unwrap();
    let breaker = BreakerConfig {
        consecutive: 1_000,
        calls: 100_000,
        ..BreakerConfig::default()
    };
    let store = RedisStore::builder(&proxy.url())
        .breaker(breaker)
        .build()
        .unwrap();
    let patient = RedisStore::builder(&server.url())
        .deadline(UNHURRIED)
        .build()
        .unwrap();
    let rules = rules();
    for round in 1..=10u64 {
        // Everybody's count differs, so that an answer tells whose it is.
        for number in 0..5 {
            let subject = format!("{round} {number}");
            let request = Request::new(subject.as_str(), &rules).with_cost(100 * (number + 1));
            let _ = patient.acquire(&request).await.unwrap();
        }
        proxy.hold(Direction::ToClient);
        let first = format!("{round} 0");
        let late = store.peek(&Request::new(first.as_str(), &rules)).await;
        assert!(late.is_err(), "answered through a held proxy");
        proxy.heal();
        for number in 1..5 {
            let subject = format!("{round} {number}");
            let request = Request::new(subject.as_str(), &rules);
            if let Ok(decision) = store.peek(&request).await {
                let remaining = decision.statuses()[0].remaining();
                assert_eq!(
                    remaining,
                    1_000_000 - 100 * (number + 1),
                    "round {round}, subject {number}"
                );
            }
        }
    }
}

/// G5: a call whose answer did not come may have been counted, once; never twice.
#[tokio::test(flavor = "multi_thread")]
async fn g5_a_call_whose_answer_was_lost_counts_at_most_once() {
    let server = Server::start().unwrap();
    let proxy = Proxy::start(server.address()).unwrap();
    let store = store(&proxy.url());
    let patient = RedisStore::builder(&server.url())
        .deadline(UNHURRIED)
        .build()
        .unwrap();
    for (number, algorithm) in ALGORITHMS.into_iter().enumerate() {
        let rules = [rule(1_000_000, LONG, algorithm)];
        let subject = format!("subject {number}");
        let request = Request::new(subject.as_str(), &rules);
        until_answered(&store, &request).await;
        let before = remaining(&patient, &request).await;
        proxy.hold(Direction::ToClient);
        let error = store.acquire(&request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
        proxy.heal();
        let left = remaining(&patient, &request).await;
        assert!(
            left == before || left + 1 == before,
            "{algorithm}: one call without an answer, and {left} of {before} are left"
        );
    }
}
