//! tidegate for axum, and for every other tower service that speaks HTTP.
//!
//! ```no_run
//! use std::net::SocketAddr;
//!
//! use axum::{Router, routing::get};
//! use tidegate_adapter_axum::{RateLimitLayer, key};
//! use tidegate_limiter::{Limiter, Policy, Quota};
//! use tidegate_store_memory::MemoryStore;
//!
//! # async fn main_() -> Result<(), Box<dyn std::error::Error>> {
//! let limiter = Limiter::builder(MemoryStore::new())
//!     .policy(Policy::new("per-client", Quota::per_minute(100)?))
//!     .build()?;
//! let app = Router::new()
//!     .route("/", get(|| async { "hello" }))
//!     .layer(RateLimitLayer::new(limiter, key::client_ip()));
//!
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
//! // without this the server does not know where its clients are
//! let app = app.into_make_service_with_connect_info::<SocketAddr>();
//! axum::serve(listener, app).await?;
//! # Ok(())
//! # }
//! ```
//!
//! - A denied request gets a 429 (or a 503, if the store is away and the policy is set to refuse then) with
//!   `Retry-After` and a problem body. That is an ordinary response: layers outside of this one see it.
//! - An admitted request carries the [`Decision`](tidegate_limiter::Decision) in its extensions; so does the response
//!   of a denied one. Where layers are put on each other, it is the innermost's, and [`OuterDecisions`] has the others'.
//!   [`Options::without_decision`] leaves it out.
//! - By what requests are limited, at what cost, and which headers are sent, is up to [`key`] and [`Options`].
//! - Layers may be put on a whole router, on some routes, on some methods of a route, and on each other; around a client,
//!   a layer limits one's own calls.
//!
//! Without the feature `axum` (which is on by default) the crate needs nothing but `bytes`, `http`, `tower-layer` and
//! `tower-service`; whoever accepts the connections then puts a [`PeerAddr`] into each request's extensions. The
//! response's body must be something that bytes can be made into (`From<Bytes>`), such as axum's `Body`.

mod layer;
mod service;
mod view;

pub use http::request::Parts;
pub use layer::RateLimitLayer;
pub use service::{Http, Pending, RateLimit, ResponseFuture};
pub use tidegate_adapter_common::OuterDecisions;
pub use tidegate_http::{
    Answer, CidrError, Cidrs, ClientAddress, Dialect, Dialects, ForwardedField, HashKey,
    HashKeyError, HeaderNameError, KeyError, PrefixError, Proxies, ZeroHops, key,
};
pub use view::PeerAddr;

/// How requests are limited. See [`tidegate_http::Options`].
///
/// ```
/// use tidegate_adapter_axum::{Options, key};
///
/// let options = Options::new(key::client_ip())
///     .cost_by(|request| if request.uri.path() == "/report" { 10 } else { 1 })
///     .skip(|request| request.uri.path() == "/healthz");
/// ```
pub type Options = tidegate_http::Options<Parts>;

/// By what requests are limited. See [`tidegate_http::Key`].
///
/// ```
/// use tidegate_adapter_axum::{Key, key};
///
/// #[derive(Clone)]
/// struct User(String);
///
/// // what an authenticating layer outside of this one has put into the extensions
/// let by_user: Key = key::from_fn("user", |request: &tidegate_adapter_axum::Parts| {
///     request.extensions.get().map(|User(name)| name.clone())
/// });
/// let by = by_user.or(key::client_ip());
/// ```
pub type Key = tidegate_http::Key<Parts>;
