//! What every adapter does, whatever its framework: for authors of adapters.
//!
//! A [`Gate`] puts a limiter and the HTTP options together. An adapter shows it each request; it says whether to
//! pass it on and which headers to add, or what to answer instead. A [`Passage`] is the future of the response,
//! made from what the framework can do with a request ([`Call`]). What is left for an adapter is to translate
//! between its framework's types and these.
//!
//! ```
//! use std::sync::Arc;
//! use tidegate_adapter_common::{Entry, Gate, Outcome};
//! use tidegate_http::{PlainRequest, key};
//! use tidegate_limiter::{Limiter, Policy, Quota};
//! use tidegate_store_memory::MemoryStore;
//!
//! let limiter = Limiter::builder(MemoryStore::new())
//!     .policy(Policy::new("per-client", Quota::per_minute(1)?))
//!     .build()?;
//! let gate: Arc<Gate<()>> = Gate::new(limiter, key::client_ip());
//!
//! let request = PlainRequest::new("GET").with_peer([192, 0, 2, 1]);
//! let mut decision = None;
//! let Entry::Now(Outcome::Admit(admission)) = gate.enter(&(), &request, &mut decision) else { panic!() };
//! assert!(admission.headers.iter().any(|(name, _)| name == "ratelimit"));
//! assert!(decision.as_ref().is_some_and(|decision| decision.is_allowed()));
//! let Entry::Now(Outcome::Refuse(answer)) = gate.enter(&(), &request, &mut decision) else { panic!() };
//! assert_eq!(answer.status, 429);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod gate;
mod names;
mod passage;

pub use gate::{Admission, Entry, Gate, Later, Outcome, Ticket};
pub use passage::{Call, Passage};
