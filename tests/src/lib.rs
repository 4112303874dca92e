//! What tests share: a small HTTP client that hides nothing, and stores that misbehave. The code in README and docs is tested here too.

mod client;
mod docs;
mod flaky;

pub use client::{Client, Request, Response};
pub use flaky::Flaky;
