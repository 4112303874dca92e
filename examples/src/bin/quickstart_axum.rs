//! A hundred requests a minute for every client, in axum. Try `curl -i http://127.0.0.1:3000/`.

use std::net::SocketAddr;

use anyhow::Context;
use axum::{Router, routing::get};
use tidegate_adapter_axum::{RateLimitLayer, key};
use tidegate_limiter::{Limiter, Policy, Quota};
use tidegate_store_memory::MemoryStore;

const ADDRESS: &str = "127.0.0.1:3000";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let limiter = Limiter::builder(MemoryStore::new())
        .policy(Policy::new("per-client", Quota::per_minute(100)?))
        .build()?;

    let app = Router::new()
        .route("/", get(|| async { "hello\n" }))
        .layer(RateLimitLayer::new(limiter, key::client_ip()));

    let listener = tokio::net::TcpListener::bind(ADDRESS)
        .await
        .context(ADDRESS)?;
    println!("listening on http://{}", listener.local_addr()?);
    // tells the server where its clients are
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, app).await?;
    Ok(())
}
