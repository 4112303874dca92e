//! Counts in Redis or Valkey, shared by any number of nodes: every decision is one atomic script call (G1).

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
