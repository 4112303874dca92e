//! The tiered store over a memory store that fails on demand, on tokio's paused clock.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

mod alone;
mod bounds;
mod conformance;
mod faulty;
mod forgotten;
mod healing;
mod logged;
mod many;
mod outage;
mod part;
mod reports;
mod restart;
mod strangers;
mod support;
mod waiting;
