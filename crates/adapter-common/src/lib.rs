//! What every adapter does, whatever its framework: for authors of adapters.
//!
//! A [`Gate`] puts a limiter and the HTTP options together. An adapter shows it each request; it says whether to
//! pass it on and which headers to add, or what to answer instead. A [`Passage`] is the future of the response,
//! made from what the framework can do with a request ([`Call`]). What is left for an adapter is to name its framework's
//! types ([`framework!`]), to show its requests, and to make its responses.
//!
//! ```
//! use http::{HeaderMap, HeaderName, HeaderValue};
//! use tidegate_adapter_common::{Entry, Gate, Outcome, framework};
//! use tidegate_http::{PlainRequest, key};
//! use tidegate_limiter::{Limiter, Policy, Quota};
//! use tidegate_store_memory::MemoryStore;
//!
//! struct Mine;
//! framework!(Mine, (), HeaderName, HeaderValue, HeaderMap);
//!
//! let limiter = Limiter::builder(MemoryStore::new())
//!     .policy(Policy::new("per-client", Quota::per_minute(1)?))
//!     .build()?;
//! let gate = Gate::<Mine>::new(limiter, key::client_ip());
//!
//! let request = PlainRequest::new("GET").with_peer([192, 0, 2, 1]);
//! let (mut slot, mut headers) = (None, HeaderMap::new());
//! let Entry::Now(Outcome::Pass(exit)) = gate.enter(&(), &request, &mut slot) else { panic!() };
//! assert!(gate.tells_decision(), "in the request's extensions");
//! assert!(slot.is_some_and(|decision| decision.is_allowed()));
//! exit.leave(200, &mut headers);
//! assert_eq!(headers["ratelimit-policy"], r#""per-client";q=1;w=60"#);
//!
//! let (mut slot, mut headers) = (None, HeaderMap::new());
//! let Entry::Now(Outcome::Refuse(why)) = gate.enter(&(), &request, &mut slot) else { panic!() };
//! let (status, body) = gate.refuse(&why, &mut headers);
//! assert_eq!(status, 429);
//! assert_eq!(headers["content-type"], "application/problem+json");
//! assert!(body.contains("per-client"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod complaints;
mod framework;
mod gate;
mod headers;
mod outer;
mod passage;
#[cfg(test)]
mod plain;

pub use framework::Framework;
pub use gate::{Entry, Exit, Gate, Later, Outcome, Why};
pub use outer::OuterDecisions;
pub use passage::{Call, HeadersOf, Passage};
