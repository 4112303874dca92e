//! tidegate for actix-web.
//!
//! ```no_run
//! use actix_web::{App, HttpServer, web};
//! use tidegate_adapter_actix_web::{RateLimitLayer, key};
//! use tidegate_limiter::{Limiter, Policy, Quota};
//! use tidegate_store_memory::MemoryStore;
//!
//! # async fn main_() -> Result<(), Box<dyn std::error::Error>> {
//! let limiter = Limiter::builder(MemoryStore::new())
//!     .policy(Policy::new("per-client", Quota::per_minute(100)?))
//!     .build()?;
//! // made once, outside of the closure, which runs in every worker
//! let layer = RateLimitLayer::new(limiter, key::client_ip());
//!
//! HttpServer::new(move || App::new().wrap(layer.clone()).route("/", web::get().to(|| async { "hello" })))
//!     .bind("127.0.0.1:3000")?
//!     .run()
//!     .await?;
//! # Ok(())
//! # }
//! ```
//!
//! - A denied request gets a 429 (or a 503, if the store is away and the policy is set to refuse then) with
//!   `Retry-After` and a problem body. That is an ordinary response, not an error: middleware around this one sees
//!   it.
//! - An admitted request carries the [`Decision`](tidegate_limiter::Decision) in its extensions; so does the response
//!   of a denied one. Where layers are put on each other, it is the innermost's, and [`OuterDecisions`] has the others'.
//!   [`Options::without_decision`] leaves it out.
//! - By what requests are limited, at what cost, and which headers are sent, is up to [`key`] and [`Options`].
//! - It may wrap an app, scopes and resources, and itself.

mod layer;
mod service;
mod view;

use actix_web::HttpRequest;
pub use layer::RateLimitLayer;
pub use service::{ActixWeb, Pending, RateLimit, ResponseFuture};
pub use tidegate_adapter_common::OuterDecisions;
pub use tidegate_http::{
    Answer, CidrError, Cidrs, ClientAddress, Dialect, Dialects, ForwardedField, HashKey,
    HashKeyError, HeaderNameError, KeyError, PrefixError, Proxies, ZeroHops, key,
};

/// How requests are limited. See [`tidegate_http::Options`].
///
/// ```
/// use tidegate_adapter_actix_web::{Options, key};
///
/// let options = Options::new(key::client_ip())
///     .cost_by(|request| if request.path() == "/report" { 10 } else { 1 })
///     .skip(|request| request.path() == "/healthz");
/// ```
pub type Options = tidegate_http::Options<HttpRequest>;

/// By what requests are limited. See [`tidegate_http::Key`].
///
/// ```
/// use actix_web::{HttpMessage, HttpRequest};
/// use tidegate_adapter_actix_web::{Key, key};
///
/// #[derive(Clone)]
/// struct User(String);
///
/// // what authenticating middleware around this one has put into the extensions
/// let by_user: Key = key::from_fn("user", |request: &HttpRequest| {
///     request.extensions().get().map(|User(name)| name.clone())
/// });
/// let by = by_user.or(key::client_ip());
/// ```
pub type Key = tidegate_http::Key<HttpRequest>;
