//! tidegate's tiered store: it answers from memory, tells a shared store in the background, and goes on without it.
//!
//! Several nodes share a limit through any [`SharedStore`](tidegate_store::SharedStore), yet almost no request waits
//! for it. Each node may admit a little by itself (the policy's tolerance) before it must speak to the store;
//! reports carry running totals, so that repeating one does no harm. When the store does not answer, each
//! policy's outage setting decides, by default this node's share of the limit; when it is back, even empty,
//! the nodes say their totals again and the counts are whole.
//!
//! What is decided, reported, heard and given up is [`tidegate_core::tiered`]'s business, which a simulator
//! drives as well. This crate is the driver around it: a table, tasks, timers. It knows nothing of Redis.
//!
//! ```
//! use tidegate_core::{PolicyName, Quota, Rule};
//! use tidegate_store::{Request, Store};
//! use tidegate_store_memory::MemoryStore;
//! use tidegate_store_tiered::TieredStore;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // A memory store in place of the shared one: for tests, and for a first try.
//! let store = TieredStore::new(MemoryStore::new());
//! let rules = [Rule::new(PolicyName::new("per-client")?, Quota::per_minute(100)?)];
//! let decision = store.acquire(&Request::new("alice", &rules)).await?;
//! assert!(decision.is_allowed());
//! # Ok(())
//! # }
//! ```

mod again;
mod agenda;
mod aside;
mod batch;
mod builder;
mod driver;
mod flush;
mod hand;
mod held;
mod inner;
mod membership;
mod out;
mod overflow;
mod panics;
mod recent;
mod rules;
mod sending;
mod shutdown;
mod slot;
mod stats;
mod store;
mod strangers;
mod subject;
mod unserved;
mod wishes;

pub use builder::{BuildError, Builder};
pub use shutdown::Unsent;
pub use stats::TieredStats;
pub use store::TieredStore;
