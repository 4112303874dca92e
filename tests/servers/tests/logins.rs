//! What an address says beside host and port: a user, a password, a database, TLS, of servers of every kind.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

mod common;

use common::{ALGORITHMS, LONG, Servers, UNHURRIED, rule};
use tidegate_core::shared::{NodeId, Report};
use tidegate_core::{PolicyName, Rule};
use tidegate_store::{Request, SharedStore, Store, SyncRequest};
use tidegate_store_redis::{Builder, RedisStore, Tls};
use tidegate_test_servers::{Authority, Cluster, Options, Sentinels, Server};

/// All that a user needs, as the book says; without `+info` a failover is only not seen.
const RIGHTS: &str = "~tg1:* -@all +evalsha +eval +time +mget +set +setrange +pttl +pexpire +unlink +zadd +zrem +zcard \
                      +zremrangebyscore +zremrangebyrank";

/// What a cluster's user needs besides.
const RIGHTS_IN_A_CLUSTER: &str = "+cluster|slots +asking";

/// Does everything that a store can do.
async fn exercise(builder: Builder) {
    let store = builder.deadline(UNHURRIED).build().unwrap();
    let mut rules: Vec<Rule> = Vec::new();
    for (algorithm, name) in ALGORITHMS.into_iter().zip(["one", "two", "three"]) {
        let quota = *rule(10, LONG, algorithm).quota();
        rules.push(Rule::new(PolicyName::new(name).unwrap(), quota));
    }
    // So many that a cluster's servers all have some.
    for number in 0..12 {
        let subject = format!("subject-{number}");
        let request = Request::new(subject.as_str(), &rules);
        let decision = store.acquire(&request).await.unwrap();
        assert!(decision.is_allowed());
        store.refund(&request, &decision).await.unwrap();
        let decision = store.peek(&request).await.unwrap();
        assert_eq!(decision.statuses()[0].remaining(), 10);
        store.reset(&request).await.unwrap();
    }
    let node = NodeId::from_random(7);
    assert_eq!(store.register(node).await.unwrap().nodes, 1);
    let reports: Vec<_> = rules.iter().map(|rule| (*rule, Report::NOTHING)).collect();
    let request = SyncRequest {
        subject: "alice".into(),
        reports: &reports,
        want: 1,
    };
    let answers = store.sync(node, &[request]).await.unwrap();
    assert_eq!(answers[0].as_ref().unwrap()[0].got, 1);
    store.deregister(node).await.unwrap();
}

/// What stands in a server's databases, in the server's words.
fn keyspace(server: &Server) -> String {
    server.admin().run(&["INFO", "keyspace"]).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_needs_few_rights() {
    let options = Options::new().user("on", "app", "secret", RIGHTS);
    let server = options.start().unwrap();
    exercise(RedisStore::builder(&server.url_as("app", "secret"))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_without_a_user_is_the_default_users() {
    let server = Options::new().password("p@ss/word").start().unwrap();
    exercise(RedisStore::builder(&server.url_as("", "p%40ss%2Fword"))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_holds_all_the_keys() {
    let server = Server::start().unwrap();
    exercise(RedisStore::builder(&format!("{}/3", server.url()))).await;
    let shown = keyspace(&server);
    assert!(shown.contains("db3:") && !shown.contains("db0:"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_sentinels_name_has_databases_and_users_too() {
    let rights = format!("{RIGHTS} +role +select");
    let options = Options::new().user("on", "app", "secret", &rights);
    let trio = Sentinels::start_with(&options).unwrap();
    let url = format!("{}/3", trio.url_as("app", "secret"));
    exercise(RedisStore::builder(&url)).await;
    let shown = keyspace(trio.primary().unwrap());
    assert!(shown.contains("db3:") && !shown.contains("db0:"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clusters_members_all_take_the_same_login() {
    let rights = format!("{RIGHTS} {RIGHTS_IN_A_CLUSTER}");
    let options = Options::new().user("on", "app", "secret", &rights);
    let cluster = Cluster::start_with(&options).unwrap();
    let urls = cluster.urls().join(",");
    let url = urls.replacen("://", "://app:secret@", 1);
    exercise(RedisStore::builder(&url)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clusters_members_all_speak_tls() {
    let authority = Authority::new().unwrap();
    let options = Options::new().tls(&authority.server().unwrap());
    let cluster = Cluster::start_with(&options).unwrap();
    let tls = Tls::new().authority(authority.certificate());
    exercise(cluster.builder().tls(tls)).await;
}
