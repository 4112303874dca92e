//! What tests share: a small HTTP client that hides nothing.

mod client;

pub use client::{Client, Request, Response};
