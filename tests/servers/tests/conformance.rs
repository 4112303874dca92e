//! The Redis store keeps the contract of stores, and of shared ones, wherever it can be.

mod common;

use common::{Fresh, Servers};
use tidegate_store::conformance::{run, run_shared};
use tidegate_test_servers::{Flavor, Options, Server};

async fn keeps_the_contract(servers: impl Servers) {
    let fixture = Fresh::on(servers);
    run(&fixture).await.assert_passed();
    run_shared(&fixture).await.assert_passed();
}

#[tokio::test(flavor = "multi_thread")]
async fn conformance_redis() {
    keeps_the_contract(Server::start().unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn conformance_valkey() {
    let options = Options::new().flavor(Flavor::Valkey);
    keeps_the_contract(options.start().unwrap()).await;
}
