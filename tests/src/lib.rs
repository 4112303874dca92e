//! What tests share: a small HTTP client that hides nothing, its sibling for HTTP/2, and stores that misbehave. The code in README and docs is tested here too.

mod client;
mod docs;
mod flaky;
mod http2;
mod turnstile;

pub use client::{Client, Request, Response};
pub use flaky::Flaky;
pub use http2::Http2Client;
pub use turnstile::Turnstile;
