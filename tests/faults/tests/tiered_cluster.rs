//! A tiered store over a cluster that loses a member: outage settings decide about the subjects that are kept there, and about no
//! others, however little else is asked.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

use std::time::{Duration, Instant};

use tidegate_core::tiered::Mode;
use tidegate_core::{Algorithm, PolicyName, Provenance, Quota, Rule};
use tidegate_store::{Request, Store};
use tidegate_store_redis::RedisStore;
use tidegate_store_tiered::TieredStore;
use tidegate_test_servers::Cluster;
use tidegate_test_servers::wait::PATIENCE;

/// More than is asked for, in a window that does not end while the test runs.
fn rules() -> [Rule; 1] {
    let quota = Quota::new(1_000_000, Duration::from_secs(30 * 24 * 60 * 60)).unwrap();
    let quota = quota.with_algorithm(Algorithm::FixedWindow).unwrap();
    [Rule::new(PolicyName::new("policy").unwrap(), quota)]
}

/// A subject whose records are on that server.
async fn subject_on(cluster: &Cluster, server: usize, store: &TieredStore) -> String {
    let rules = rules();
    for number in 0.. {
        let subject = format!("subject-{number}");
        let _ = store
            .acquire(&Request::new(subject.as_str(), &rules))
            .await
            .unwrap();
        let needle = format!("{{s{subject}}}");
        let key = until(|| {
            let keys = cluster
                .servers()
                .iter()
                .flat_map(|server| server.admin().keys().unwrap());
            keys.into_iter()
                .find(|key| String::from_utf8_lossy(key).contains(&needle))
        })
        .await;
        let slot = cluster.slot_of(&key).unwrap();
        if cluster.owner_of(slot).unwrap() == server {
            return subject;
        }
    }
    unreachable!("some subject is on each server")
}

async fn until<T>(mut found: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "waited for {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// How a request of the subject is decided.
async fn provenance(store: &TieredStore, subject: &str) -> Provenance {
    let rules = rules();
    let decision = store.acquire(&Request::new(subject, &rules)).await.unwrap();
    assert!(decision.is_allowed());
    decision.provenance()
}

/// Asks for the subject, and nothing else, until it is decided so. Says how long that took.
async fn until_decided(
    store: &TieredStore,
    subject: &str,
    so: impl Fn(Provenance) -> bool,
) -> Duration {
    let began = Instant::now();
    while !so(provenance(store, subject).await) {
        assert!(began.elapsed() < PATIENCE, "not after {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    began.elapsed()
}

const fn by_outage(provenance: Provenance) -> bool {
    matches!(provenance, Provenance::Outage(_))
}

#[tokio::test(flavor = "multi_thread")]
async fn l1_a_lost_member_takes_only_its_own_subjects_with_it_and_all_of_them_the_node() {
    let cluster = Cluster::start().unwrap();
    let store = TieredStore::new(RedisStore::connect(&cluster.urls().join(",")).unwrap());
    let subjects = [
        subject_on(&cluster, 0, &store).await,
        subject_on(&cluster, 1, &store).await,
    ];
    for (lost, server) in cluster.servers().iter().enumerate().take(2) {
        for hangs in [true, false] {
            if hangs {
                server.freeze().unwrap();
            } else {
                server.kill();
            }
            until_decided(&store, &subjects[lost], by_outage).await;
            let began = Instant::now();
            while began.elapsed() < Duration::from_secs(1) {
                assert!(by_outage(provenance(&store, &subjects[lost]).await));
                assert_eq!(
                    store.stats().mode,
                    Mode::Connected,
                    "{lost}, hangs: {hangs}"
                );
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let other = provenance(&store, &subjects[1 - lost]).await;
            assert!(!by_outage(other), "{other:?}");
            if hangs {
                server.thaw().unwrap();
            } else {
                server.start_again().unwrap();
            }
            cluster.wait_until_whole().unwrap();
            until_decided(&store, &subjects[lost], |provenance| !by_outage(provenance)).await;
        }
    }
    for server in cluster.servers() {
        server.kill();
    }
    until(|| matches!(store.stats().mode, Mode::Out { .. }).then_some(())).await;
}
