//! A hundred requests a minute for every client, in actix-web. Try `curl -i http://127.0.0.1:3000/`.

use actix_web::{App, HttpServer, web};
use anyhow::Context;
use tidegate_adapter_actix_web::{RateLimitLayer, key};
use tidegate_limiter::{Limiter, Policy, Quota};
use tidegate_store_memory::MemoryStore;

const ADDRESS: &str = "127.0.0.1:3000";

#[actix_web::main]
async fn main() -> anyhow::Result<()> {
    let limiter = Limiter::builder(MemoryStore::new())
        .policy(Policy::new("per-client", Quota::per_minute(100)?))
        .build()?;
    // made once, outside of the closure, which runs in every worker
    let layer = RateLimitLayer::new(limiter, key::client_ip());

    let server = HttpServer::new(move || {
        App::new()
            .wrap(layer.clone())
            .route("/", web::get().to(|| async { "hello\n" }))
    });
    let server = server.bind(ADDRESS).context(ADDRESS)?;
    println!("listening on http://{}", server.addrs()[0]);
    server.run().await?;
    Ok(())
}
