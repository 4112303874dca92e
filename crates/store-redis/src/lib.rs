//! Counts in Redis or Valkey, shared by any number of nodes: every decision is one atomic script call (G1).
//!
//! One server, the primary that Sentinels name, or a cluster; with TLS by the feature `tls`, which is on unless told. Redis
//! 7.0 or newer, or Valkey 8. There is nothing to deploy: a script that the server does not know is sent once.
//!
//! ```
//! use std::time::Duration;
//! use tidegate_store_redis::RedisStore;
//!
//! // It connects when it is first needed: the server need not be there (L2).
//! let store = RedisStore::connect("redis://app:secret@redis.internal:6379/0")?;
//! assert_eq!(store.status().servers[0].open_for, None, "it may be asked");
//!
//! let store = RedisStore::builder("redis://app:secret@one.internal:6379,two.internal:6379")
//!     .prefix("shop:")
//!     .deadline(Duration::from_millis(20))
//!     .build()?;
//!
//! let wrong = RedisStore::connect("http://app:secret@one.internal").unwrap_err();
//! assert!(!wrong.to_string().contains("secret"), "errors show no password");
//! # drop(store);
//! # Ok::<(), tidegate_store_redis::ConfigError>(())
//! ```
//!
//! Used directly it is exact: every decision waits for the server, for at most the deadline (L1). Under
//! `tidegate-store-tiered` it is told of decisions in batches instead.
//!
//! Requests that come at the same time share calls, and those for one subject share the reading of its records; each is
//! still decided on the counts that all earlier ones left. A call whose answer did not come is not sent again: the server
//! may have carried it out.
//!
//! In front of each server is a [circuit breaker](tidegate_core::Breaker). While it is open, calls fail at once, without
//! any I/O; a task in the background finds out, by writing on a new connection, when the server works again. What a caller
//! does with a failed call is its own affair: the limiter follows each policy's outage setting.

mod builder;
mod cluster;
mod codec;
mod dispatch;
mod failure;
mod fleet;
mod key;
mod permits;
mod script;
mod sentinels;
mod server;
mod server_time;
mod shared;
mod store;
mod tally;
mod target;
#[cfg(feature = "tls")]
mod tls;

pub use builder::{Builder, ConfigError};
pub use sentinels::Sentinels;
pub use store::{RedisStore, ServerStatus, Status};
#[cfg(feature = "tls")]
pub use tls::Tls;
