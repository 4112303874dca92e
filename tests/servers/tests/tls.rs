//! TLS: a server that cannot be trusted is refused, and nothing is ever said in plaintext instead.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

mod common;

use common::{ALGORITHMS, LONG, Servers, TlsServer, rule, until_answered, until_open};
use tidegate_store::{ErrorKind, Request, Store};
use tidegate_store_redis::{RedisStore, Tls};
use tidegate_test_servers::{Authority, Options, Proxy};

#[tokio::test(flavor = "multi_thread")]
async fn l2_a_server_of_an_unknown_authority_is_refused() {
    let authority = Authority::new().unwrap();
    let server = Options::new()
        .tls(&authority.server().unwrap())
        .start()
        .unwrap();
    let before = server.admin().stats().unwrap();
    let store = RedisStore::connect(&server.url()).unwrap();
    let rules = [rule(10, LONG, ALGORITHMS[0])];
    let (_, error) = until_open(&store, &Request::new("alice", &rules)).await;
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    assert!(
        error.to_string().contains("rediss://") || error.to_string().contains("TLS"),
        "{error}"
    );
    let scripts = server
        .admin()
        .stats()
        .unwrap()
        .since(&before)
        .calls_of("evalsha");
    assert_eq!(scripts, 0, "a script ran on a server that is not trusted");
}

#[tokio::test(flavor = "multi_thread")]
async fn l3_a_trusted_server_is_used_and_used_again_after_an_outage() {
    let trusted = TlsServer::start().unwrap();
    let store = trusted.builder().build().unwrap();
    let rules = [rule(10, LONG, ALGORITHMS[0])];
    let request = Request::new("alice", &rules);
    until_answered(&store, &request).await;
    trusted.server.freeze().unwrap();
    until_open(&store, &request).await;
    trusted.server.thaw().unwrap();
    until_answered(&store, &request).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l2_a_server_under_another_name_is_refused() {
    let authority = Authority::new().unwrap();
    let identity = authority.identity(&["redis.example"]).unwrap();
    let server = Options::new().tls(&identity).start().unwrap();
    let tls = Tls::new().authority(authority.certificate());
    let store = server.builder().tls(tls).build().unwrap();
    let rules = [rule(10, LONG, ALGORITHMS[0])];
    let (_, error) = until_open(&store, &Request::new("alice", &rules)).await;
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plaintext_server_is_told_nothing_where_tls_was_asked_for() {
    let server = Options::new()
        .user("on", "app", "secret", "~tg1:* +@all")
        .start()
        .unwrap();
    let proxy = Proxy::start(server.address()).unwrap();
    let before = server.admin().stats().unwrap();
    let url = format!("rediss://app:secret@127.0.0.1:{}", proxy.port());
    let store = RedisStore::connect(&url).unwrap();
    let rules = [rule(10, LONG, ALGORITHMS[0])];
    let request = Request::new("alice", &rules);
    until_open(&store, &request).await;
    // Why it is not asked any more; who waited is told only that there was no answer.
    let error = store.acquire(&request).await.unwrap_err();
    assert!(error.to_string().contains("TLS"), "{error}");
    let since = server.admin().stats().unwrap().since(&before);
    for command in ["hello", "auth", "ping", "evalsha", "client|setinfo"] {
        assert_eq!(
            since.calls_of(command),
            0,
            "{command} was sent in plaintext"
        );
    }
    assert!(proxy.traffic().to_server > 0, "nobody tried");
    assert_eq!(server.admin().keys().unwrap().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tls_server_is_not_reached_in_plaintext() {
    let identity = Authority::new().unwrap().server().unwrap();
    let server = Options::new().tls(&identity).start().unwrap();
    let url = server.url().replacen("rediss", "redis", 1);
    let store = RedisStore::connect(&url).unwrap();
    let rules = [rule(10, LONG, ALGORITHMS[0])];
    until_open(&store, &Request::new("alice", &rules)).await;
    let keys = server.admin().keys().unwrap();
    assert!(keys.is_empty(), "{keys:?}");
}
