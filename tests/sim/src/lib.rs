//! A seeded simulator: nodes, a store and a network that fails, around the very code that production runs.
//!
//! Nothing here waits: time is a number. A [family] and a seed decide everything, so that a run can be repeated
//! exactly. The nodes drive `tidegate_core::tiered` and the breaker as the tiered store does; the store is
//! `tidegate_core::shared`, against which the real stores are tested; the [oracle] knows every request. When all is
//! over, the [invariants] are looked at, one file for each guarantee.

#![allow(
    missing_docs,
    reason = "an internal package; its fields say what they are"
)]

pub mod bars;
mod draw;
pub mod event;
pub mod family;
pub mod fault;
pub mod found;
pub mod invariants;
pub mod model;
pub mod network;
pub mod node;
pub mod oracle;
pub mod runner;
pub mod scenario;
pub mod shrink;
pub mod store;
pub mod story;
pub mod svg;
pub mod time;
pub mod timeline;
pub mod traffic;
pub mod world;
