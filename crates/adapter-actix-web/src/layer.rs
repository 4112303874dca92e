//! The layer: a limiter and options, put around services.

use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::Error;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use tidegate_adapter_common::Gate;
use tidegate_limiter::Limiter;

use crate::{ActixWeb, Options, RateLimit};

/// Limits the requests of everything that it wraps, in all workers together. Make one, and clone it in the
/// closure that makes the workers' apps.
///
/// ```
/// use actix_web::{App, web};
/// use tidegate_adapter_actix_web::{Options, RateLimitLayer, key};
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
/// let app = App::new().service(web::resource("/").wrap(layer).get(|| async { "hello" }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct RateLimitLayer {
    gate: Arc<Gate<ActixWeb>>,
}

impl RateLimitLayer {
    /// Limits by `limiter` as `options` say; a [`Key`](crate::Key) alone is enough.
    pub fn new(limiter: Limiter, options: impl Into<Options>) -> Self {
        Self {
            gate: Gate::new(limiter, options),
        }
    }
}

impl<S, B> Transform<S, ServiceRequest> for RateLimitLayer
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type InitError = ();
    type Transform = RateLimit<S>;
    type Future = Ready<Result<RateLimit<S>, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(RateLimit::new(service, Arc::clone(&self.gate))))
    }
}
