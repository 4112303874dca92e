//! The contract between tidegate and what holds its counts.
//!
//! A store of your own implements [`Store`]: check and consume atomically, for one subject under one or more
//! policies; look; give back; reset. Everything is data in, data out, so that a remote server can do it, and the
//! traits are object-safe. The arithmetic is `tidegate-core`'s ([`decide`](tidegate_core::decide)): a store that
//! keeps [`Usage`](tidegate_core::Usage) values in a map needs about 60 lines, which
//! `examples/src/bin/custom_store.rs` shows.
//!
//! A store that several nodes share also implements [`SharedStore`]: nodes report running totals and are
//! granted more ([`tidegate_core::shared`] is the specification). It is what a tiered store stands on.
//!
//! Whether a store keeps its promises is not for its author to say: the feature `conformance` brings a
//! suite that runs against any store, and names the guarantee that is broken.

mod capabilities;
#[cfg(feature = "conformance")]
pub mod conformance;
mod error;
mod request;
mod shared;
mod store;

pub use async_trait::async_trait;
pub use capabilities::Capabilities;
pub use error::{ErrorKind, Extent, StoreError};
pub use request::Request;
pub use shared::{Registry, SharedStore, SyncRequest};
pub use store::Store;
