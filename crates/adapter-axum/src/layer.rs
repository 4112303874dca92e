//! The layer: a limiter and options, put around services.

use std::sync::Arc;

use tidegate_adapter_common::Gate;
use tidegate_limiter::Limiter;
use tower_layer::Layer;

use crate::{Http, Options, RateLimit};

/// Limits the requests of every service that it is put around, all of them together.
///
/// ```
/// use axum::{Router, routing::get};
/// use tidegate_adapter_axum::{Options, RateLimitLayer, key};
/// use tidegate_limiter::{Limiter, Policy, Quota};
/// use tidegate_store_memory::MemoryStore;
///
/// let limiter = Limiter::builder(MemoryStore::new())
///     .policy(Policy::new("per-customer", Quota::per_minute(100)?))
///     .build()?;
/// // a layer outside of this one refuses keys that it does not know
/// let by = key::header("x-api-key")?.or(key::client_ip());
/// let layer = RateLimitLayer::new(limiter, Options::new(by).skip_preflights());
///
/// let app: Router = Router::new().route("/", get(|| async { "hello" })).layer(layer);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct RateLimitLayer {
    gate: Arc<Gate<Http>>,
}

impl RateLimitLayer {
    /// Limits by `limiter` as `options` say; a [`Key`](crate::Key) alone is enough.
    pub fn new(limiter: Limiter, options: impl Into<Options>) -> Self {
        Self {
            gate: Gate::new(limiter, options),
        }
    }
}

impl<S> Layer<S> for RateLimitLayer {
    type Service = RateLimit<S>;

    fn layer(&self, inner: S) -> RateLimit<S> {
        RateLimit::new(inner, Arc::clone(&self.gate))
    }
}
