//! A cluster: slots that move are followed, and a lost server takes only its own subjects with it.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use common::{ALGORITHMS, LONG, Servers, UNHURRIED, at_once, remaining, until_answered};
use futures_util::FutureExt;
use tidegate_core::{Algorithm, PolicyName, Quota, Rule};
use tidegate_store::{ErrorKind, Request, Store};
use tidegate_store_redis::RedisStore;
use tidegate_test_servers::Cluster;

const LIMIT: u64 = 1_000_000;

/// Two policies: two keys, which are not on the same server while their slot moves.
fn rules() -> [Rule; 2] {
    ["one", "two"].map(|name| {
        let quota = Quota::new(LIMIT, LONG).unwrap();
        let quota = quota.with_algorithm(Algorithm::FixedWindow).unwrap();
        Rule::new(PolicyName::new(name).unwrap(), quota)
    })
}

/// The slot that a subject's records are in: that of all its keys.
async fn slot_of(cluster: &Cluster, store: &RedisStore, subject: &str) -> u16 {
    let rules = rules();
    let _ = store.acquire(&Request::new(subject, &rules)).await.unwrap();
    let needle = format!("{{s{subject}}}");
    let keys = cluster
        .servers()
        .iter()
        .flat_map(|server| server.admin().keys().unwrap());
    let slots: Vec<u16> = keys
        .filter(|key| String::from_utf8_lossy(key).contains(&needle))
        .map(|key| cluster.slot_of(&key).unwrap())
        .collect();
    assert_eq!(slots.len(), 2, "a record for each policy");
    assert_eq!(slots[0], slots[1], "one subject's records are in one slot");
    slots[0]
}

#[tokio::test(flavor = "multi_thread")]
async fn g1_a_slot_that_moves_counts_every_call_once() {
    let cluster = Cluster::start().unwrap();
    let store = Arc::new(cluster.builder().deadline(UNHURRIED).build().unwrap());
    let slot = slot_of(&cluster, &store, "alice").await;
    let (stop, admitted) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU64::new(1)),
    );
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let (store, stop, admitted) =
                (Arc::clone(&store), Arc::clone(&stop), Arc::clone(&admitted));
            tokio::spawn(async move {
                let rules = rules();
                let request = Request::new("alice", &rules);
                while !stop.load(Ordering::SeqCst) {
                    assert!(store.acquire(&request).await.unwrap().is_allowed());
                    admitted.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    for _ in 0..3 {
        let from = cluster.owner_of(slot).unwrap();
        let moving = cluster.begin_move(slot, (from + 1) % 3).unwrap();
        let told_to_try_again = || {
            let servers = cluster.servers().iter();
            let told = servers.map(|server| server.admin().stats().unwrap().errors_of("TRYAGAIN"));
            told.sum::<u64>()
        };
        let told = told_to_try_again();
        // With one of the two keys gone, that is what calls are told.
        assert_eq!(moving.keys(1).unwrap(), 1);
        while told_to_try_again() < told + 10 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        moving.finish().unwrap();
        let before = admitted.load(Ordering::SeqCst);
        while admitted.load(Ordering::SeqCst) < before + 10 {
            assert!(
                !tasks.iter().any(tokio::task::JoinHandle::is_finished),
                "a call failed"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    stop.store(true, Ordering::SeqCst);
    for task in tasks {
        task.await.unwrap();
    }
    let rules = rules();
    let left = remaining(&store, &Request::new("alice", &rules)).await;
    assert_eq!(left, LIMIT - admitted.load(Ordering::SeqCst));
}

/// What the test above rests on: keys that came with a slot are still there when the next move begins.
#[test]
fn a_slot_that_was_moved_is_not_won_back() {
    let cluster = Cluster::start().unwrap();
    let slot = cluster.slot_of(b"key").unwrap();
    let mut owner = cluster.owner_of(slot).unwrap();
    let set = ["SET", "key", "value"];
    cluster.servers()[owner].admin().run::<()>(&set).unwrap();
    for number in 0..30 {
        owner = (owner + 1) % 3;
        cluster.begin_move(slot, owner).unwrap().finish().unwrap();
        assert_eq!(cluster.owner_of(slot).unwrap(), owner, "move {number}");
        let keys: u64 = cluster.servers()[owner]
            .admin()
            .run(&["EXISTS", "key"])
            .unwrap();
        assert_eq!(keys, 1, "move {number}");
    }
}

/// Subjects, one on each server.
async fn one_each(cluster: &Cluster, store: &RedisStore) -> [String; 3] {
    let mut found: [Option<String>; 3] = [None, None, None];
    for number in 0.. {
        let subject = format!("subject-{number}");
        let slot = slot_of(cluster, store, &subject).await;
        found[cluster.owner_of(slot).unwrap()].get_or_insert(subject);
        if found.iter().all(Option::is_some) {
            break;
        }
    }
    found.map(Option::unwrap)
}

#[tokio::test(flavor = "multi_thread")]
async fn l1_a_lost_server_takes_only_its_own_subjects_with_it() {
    let cluster = Cluster::start().unwrap();
    let store = cluster.builder().build().unwrap();
    let subjects = one_each(&cluster, &store).await;
    let rules = rules();
    for (index, server) in cluster.servers().iter().enumerate() {
        for hang in [true, false] {
            if hang {
                server.freeze().unwrap();
            } else {
                server.kill();
            }
            let lost = Request::new(subjects[index].as_str(), &rules);
            while at_once(&store, &lost).is_none() {
                tokio::task::yield_now().await;
            }
            for other in (0..3).filter(|other| *other != index) {
                let other = Request::new(subjects[other].as_str(), &rules);
                until_answered(&store, &other).await;
                // Where this thread was kept from going on, the answer may have come meanwhile; a refusal to ask may not.
                let answer = at_once(&store, &other);
                let refused = matches!(answer, Some(Err(_)));
                assert!(!refused, "a server that works is not asked: {answer:?}");
            }
            if hang {
                server.thaw().unwrap();
            } else {
                server.start_again().unwrap();
            }
            cluster.wait_until_whole().unwrap();
            until_answered(&store, &lost).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l2_a_cluster_is_found_when_its_first_address_is_gone() {
    let cluster = Cluster::start().unwrap();
    cluster.servers()[0].kill();
    let store = cluster.builder().deadline(UNHURRIED).build().unwrap();
    let rules = [common::rule(10, LONG, ALGORITHMS[0])];
    let mut answered = 0;
    for number in 0..30 {
        let subject = format!("subject-{number}");
        let answer = store.acquire(&Request::new(subject.as_str(), &rules)).await;
        answered += u32::from(answer.is_ok());
    }
    assert!(
        answered >= 10,
        "two of three servers work, and {answered} of 30 subjects were answered"
    );
}

/// R4: the bound is each server's own, or calls that wait for a server that hangs would keep the others from work.
#[tokio::test(flavor = "multi_thread")]
async fn r4_a_server_that_hangs_takes_only_its_own_places() {
    const MOST: usize = 3;
    let cluster = Cluster::start().unwrap();
    let builder = cluster.builder().max_in_flight(MOST);
    let store = builder.deadline(UNHURRIED).build().unwrap();
    let [lost, other, _] = one_each(&cluster, &store).await;
    let rules = rules();
    let (lost, other) = (
        Request::new(lost.as_str(), &rules),
        Request::new(other.as_str(), &rules),
    );
    cluster.servers()[0].freeze().unwrap();
    let mut calls: Vec<_> = (0..MOST).map(|_| Box::pin(store.acquire(&lost))).collect();
    for call in &mut calls {
        assert!(
            call.now_or_never().is_none(),
            "answered by a server that hangs"
        );
    }
    let error = at_once(&store, &lost).unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Overloaded, "{error}");
    assert!(store.acquire(&other).await.unwrap().is_allowed());
    assert_eq!(store.status().in_flight, MOST);
    cluster.servers()[0].thaw().unwrap();
    for answer in futures_util::future::join_all(calls).await {
        assert!(answer.unwrap().is_allowed());
    }
}
