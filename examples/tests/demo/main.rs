//! The demo, started as a user starts it: the real program, in both frameworks.
#![allow(clippy::unwrap_used)] // also in the helpers, which clippy does not take for tests

mod connections;
mod methods;
mod nodes;
mod observing;
mod policies;
mod proxied;
mod serving;
mod support;
