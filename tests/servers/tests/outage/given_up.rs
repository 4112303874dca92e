//! A server that hung carries out what it was sent meanwhile. What was given up does not count where it would say that a node is
//! there.

use std::time::Instant;

use tidegate_core::shared::NodeId;
use tidegate_store::{ErrorKind, SharedStore};
use tidegate_store_redis::RedisStore;
use tidegate_test_servers::Server;

use crate::common::UNHURRIED;
use crate::{DEADLINE, store};

/// G4: who is back after an outage is who registers then.
#[tokio::test]
async fn g4_a_registration_that_was_given_up_does_not_list_the_node() {
    let server = Server::start().unwrap();
    let patient = RedisStore::builder(&server.url())
        .deadline(UNHURRIED)
        .build()
        .unwrap();
    let store = store(&server.url());
    let [node, other] = [1, 2].map(NodeId::from_random);
    // Connected, and told the server's time.
    assert_eq!(patient.register(other).await.unwrap().nodes, 1);
    assert_eq!(store.register(node).await.unwrap().nodes, 2);
    store.deregister(node).await.unwrap();

    let calls = || server.admin().stats().unwrap().calls_of("evalsha");
    let before = calls();
    server.freeze().unwrap();
    let sent = Instant::now();
    let error = store.register(node).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    while sent.elapsed() < DEADLINE * 2 {
        tokio::time::sleep(DEADLINE).await;
    }
    server.thaw().unwrap();
    let registry = patient.register(other).await.unwrap();
    assert_eq!(calls(), before + 2, "both were carried out");
    assert_eq!(registry.nodes, 1, "it does not wait any more");
    assert_eq!(store.register(node).await.unwrap().nodes, 2, "now it does");
}
