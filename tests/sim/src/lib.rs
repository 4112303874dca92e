//! A seeded simulator: nodes, a store and a network that fails, around the very code that production runs.
//!
//! Nothing here waits: time is a number. One seed decides everything, so that a run can be repeated exactly. The
//! nodes drive `tidegate_core::tiered` and the breaker as the tiered store does; the store is
//! `tidegate_core::shared`, against which the real stores are tested; the [`oracle`] knows every request.

#![allow(
    missing_docs,
    reason = "an internal package; its fields say what they are"
)]

pub mod network;
pub mod node;
pub mod oracle;
pub mod scenario;
pub mod store;
pub mod world;
