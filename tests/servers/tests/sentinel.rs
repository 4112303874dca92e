//! Sentinel: the primary is found by its name, and its heir after a failover.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

mod common;

use std::time::Duration;

use common::{ALGORITHMS, LONG, Servers, UNHURRIED, rule, until_answered, until_open};
use tidegate_store::{ErrorKind, Request, Store};
use tidegate_store_redis::{RedisStore, Sentinels as SentinelSettings, Tls};
use tidegate_test_servers::{Authority, Options, Sentinels};

#[tokio::test(flavor = "multi_thread")]
async fn l3_a_failover_is_followed() {
    let trio = Sentinels::start().unwrap();
    let store = trio.builder().build().unwrap();
    let rules = [rule(1_000, LONG, ALGORITHMS[0])];
    let request = Request::new("alice", &rules);
    until_answered(&store, &request).await;
    let heir = trio.fail_over().unwrap();
    let took = until_answered(&store, &request).await;
    assert!(
        took < Duration::from_secs(10),
        "healed {took:?} after the failover"
    );
    assert!(
        !heir.admin().keys().unwrap().is_empty(),
        "the heir holds the counts now"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn l2_a_store_starts_while_no_sentinel_answers() {
    let trio = Sentinels::start().unwrap();
    for sentinel in trio.sentinels() {
        sentinel.freeze().unwrap();
    }
    let store = trio.builder().build().unwrap();
    let rules = [rule(1_000, LONG, ALGORITHMS[0])];
    let request = Request::new("alice", &rules);
    until_open(&store, &request).await;
    for sentinel in trio.sentinels() {
        sentinel.thaw().unwrap();
    }
    until_answered(&store, &request).await;
}

/// The machine that is lost may well be the primary's and a Sentinel's.
#[tokio::test(flavor = "multi_thread")]
async fn l3_a_failover_is_followed_while_a_sentinel_hangs() {
    let trio = Sentinels::start().unwrap();
    let store = trio.builder().build().unwrap();
    let rules = [rule(1_000, LONG, ALGORITHMS[0])];
    let request = Request::new("alice", &rules);
    until_answered(&store, &request).await;
    trio.fail_over().unwrap();
    trio.sentinels()[0].freeze().unwrap();
    until_answered(&store, &request).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l2_a_sentinel_that_hangs_is_not_waited_for() {
    let trio = Sentinels::start().unwrap();
    let rules = [rule(1_000, LONG, ALGORITHMS[0])];
    let request = Request::new("alice", &rules);
    trio.sentinels()[0].freeze().unwrap();
    let store = trio.builder().build().unwrap();
    until_answered(&store, &request).await;
}

/// The Sentinels' own password is another one than the servers'.
#[tokio::test(flavor = "multi_thread")]
async fn sentinels_with_a_password_of_their_own_are_asked_with_it() {
    let servers = Options::new().user("on", "app", "secret", "~tg1:* +@all");
    let trio = Sentinels::start_guarded(&servers, &Options::new().password("watchword")).unwrap();
    let rules = [rule(1_000, LONG, ALGORITHMS[0])];
    let request = Request::new("alice", &rules);
    let url = trio.url_as("app", "secret");
    for builder in [
        RedisStore::builder(&format!("{url}?sentinel_password=watchword")),
        RedisStore::builder(&url).sentinels(SentinelSettings::new().password("watchword")),
    ] {
        let store = builder.build().unwrap();
        until_answered(&store, &request).await;
    }
    let others = [url.clone(), format!("{url}?sentinel_password=wrongword")];
    for url in others {
        let store = RedisStore::connect(&url).unwrap();
        let (failures, error) = until_open(&store, &request).await;
        assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
        assert_eq!(failures, 1, "a refusal opens the breaker at once");
        let told = error.to_string();
        assert!(told.contains("Sentinel at 127.0.0.1:"), "{told}");
        assert!(told.contains("sentinel_password"), "{told}");
        for secret in ["secret", "wrongword"] {
            assert!(!format!("{error:?}").contains(secret), "{error:?}");
        }
    }
}

/// A user of the Sentinels who may do no more than find the primary.
#[tokio::test(flavor = "multi_thread")]
async fn a_user_of_the_sentinels_needs_no_right_but_to_find_the_primary() {
    let rights = "-@all +auth +sentinel|get-master-addr-by-name";
    let sentinels = Options::new().user("on", "watch", "watchword", rights);
    let trio = Sentinels::start_guarded(&Options::new(), &sentinels).unwrap();
    let settings = SentinelSettings::new().user("watch").password("watchword");
    let store = trio.builder().sentinels(settings).build().unwrap();
    let rules = [rule(1_000, LONG, ALGORITHMS[0])];
    let request = Request::new("alice", &rules);
    until_answered(&store, &request).await;
    trio.fail_over().unwrap();
    until_answered(&store, &request).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sentinels_and_servers_with_tls_are_trusted_by_one_authority() {
    let authority = Authority::new().unwrap();
    let identity = authority.server().unwrap();
    let options = Options::new()
        .tls(&identity)
        .config("tls-replication", "yes");
    let trio = Sentinels::start_guarded(&options, &options).unwrap();
    let tls = Tls::new().authority(authority.certificate());
    let rules = [rule(1_000, LONG, ALGORITHMS[0])];
    let request = Request::new("alice", &rules);
    let store = trio.builder().tls(tls.clone()).build().unwrap();
    until_answered(&store, &request).await;
    let distrustful = SentinelSettings::new().tls(Tls::new());
    let store = trio.builder().tls(tls).sentinels(distrustful).build();
    let (_, error) = until_open(&store.unwrap(), &request).await;
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    assert!(error.to_string().contains("Sentinel at"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_the_sentinels_do_not_know_is_named() {
    let trio = Sentinels::start().unwrap();
    let url = trio.url().replace(Sentinels::NAME, "nobody");
    let store = RedisStore::connect(&url).unwrap();
    let rules = [rule(1_000, LONG, ALGORITHMS[0])];
    let (_, error) = until_open(&store, &Request::new("alice", &rules)).await;
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(error.to_string().contains("\"nobody\""), "{error}");
}

/// R2: that three Sentinels name the same server is no reason to connect to it three times.
#[tokio::test(flavor = "multi_thread")]
async fn r2_a_server_that_all_sentinels_name_is_asked_once() {
    let trio = Sentinels::start().unwrap();
    let rules = [rule(1_000, LONG, ALGORITHMS[0])];
    let request = Request::new("alice", &rules);
    let before = trio.primary().unwrap().admin().stats().unwrap();
    const STORES: u64 = 10;
    for _ in 0..STORES {
        let builder = trio.builder().connections(1).deadline(UNHURRIED);
        let _ = builder.build().unwrap().acquire(&request).await.unwrap();
    }
    let made = trio.primary().unwrap().admin().stats().unwrap();
    assert_eq!(made.since(&before).calls_of("role"), STORES);
}
