//! The Redis store keeps the contract of stores, and of shared ones, wherever it can be.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

mod common;

use common::{Fresh, Servers, TlsServer};
use tidegate_store::conformance::{run, run_shared};
use tidegate_test_servers::{Cluster, Flavor, Options, Sentinels, Server};

/// Runs both suites at the same time, each on servers of its own: one of them makes its servers forget everything.
async fn keeps_the_contract<S: Servers>(start: impl Fn() -> anyhow::Result<S>) {
    let (stores, shared) = (Fresh::on(start().unwrap()), Fresh::on(start().unwrap()));
    let (stores, shared) = tokio::join!(run(&stores), run_shared(&shared));
    stores.assert_passed();
    shared.assert_passed();
}

#[tokio::test(flavor = "multi_thread")]
async fn conformance_redis() {
    keeps_the_contract(Server::start).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn conformance_valkey() {
    keeps_the_contract(|| Options::new().flavor(Flavor::Valkey).start()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn conformance_sentinel() {
    keeps_the_contract(Sentinels::start).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn conformance_cluster() {
    keeps_the_contract(Cluster::start).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn conformance_tls() {
    keeps_the_contract(TlsServer::start).await;
}
