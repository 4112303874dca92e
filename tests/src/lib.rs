//! What tests share: a small HTTP client that hides nothing. The code in README and docs is tested here too.

mod client;
mod docs;

pub use client::{Client, Request, Response};
