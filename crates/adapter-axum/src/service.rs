//! The service: asks the limiter before the inner service.

use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::request::Parts;
use http::{Request, Response};
use tidegate_adapter_common::{Call, Entry, Gate, Outcome, Passage};
use tidegate_http::{Answer, Header};
use tidegate_limiter::Decision;
use tower_service::Service;

use crate::translate;
use crate::view::View;

/// A service whose requests are limited. [`RateLimitLayer`](crate::RateLimitLayer) makes it.
#[derive(Clone, Debug)]
pub struct RateLimit<S> {
    inner: S,
    gate: Arc<Gate<Parts>>,
}

/// The future of [`RateLimit`]'s responses.
pub type ResponseFuture<S, ReqBody> = Passage<Pending<S, ReqBody>, Parts>;

/// A request, and the service that is ready for it.
#[derive(Debug)]
pub struct Pending<S, ReqBody> {
    ready: S,
    request: Request<ReqBody>,
}

impl<S> RateLimit<S> {
    pub(crate) const fn new(inner: S, gate: Arc<Gate<Parts>>) -> Self {
        Self { inner, gate }
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for RateLimit<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Clone,
    ResBody: From<String>,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = ResponseFuture<S, ReqBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let (parts, body) = request.into_parts();
        let mut decision = None;
        let entry = self.gate.enter(&parts, &View(&parts), &mut decision);
        let request = Request::from_parts(parts, body);
        match entry {
            Entry::Now(outcome @ Outcome::Refuse(_)) => {
                let ready = &mut self.take_ready();
                Passage::now(&self.gate, outcome, decision, Pending { ready, request })
            }
            Entry::Now(outcome) => {
                let ready = &mut self.inner;
                Passage::now(&self.gate, outcome, decision, Pending { ready, request })
            }
            Entry::Later(outcome) => {
                let ready = self.take_ready();
                Passage::later(&self.gate, outcome, Pending { ready, request })
            }
        }
    }
}

impl<S: Clone> RateLimit<S> {
    /// Takes the service that was polled ready, and leaves a clone of it that was not. What is ready may hold
    /// something that others wait for (a permit), so a refused request must not leave it behind.
    fn take_ready(&mut self) -> S {
        let unready = self.inner.clone();
        mem::replace(&mut self.inner, unready)
    }
}

impl<S, ReqBody, ResBody> Call for Pending<S, ReqBody>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ResBody: From<String>,
{
    type Inner = Response<ResBody>;
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = S::Future;

    fn pass(mut self, decision: Option<Decision>) -> S::Future {
        if let Some(decision) = decision {
            self.request.extensions_mut().insert(decision);
        }
        self.ready.call(self.request)
    }

    fn refuse(mut self, answer: Answer, decision: Option<Decision>) -> Response<ResBody> {
        // Emptied, those of the request serve for the response: it is cheaper than to make new ones.
        let mut extensions = mem::take(self.request.extensions_mut());
        extensions.clear();
        let mut response = translate::response(answer);
        if let Some(decision) = decision {
            extensions.insert(decision);
        }
        *response.extensions_mut() = extensions;
        response
    }

    fn status(response: &Response<ResBody>) -> u16 {
        response.status().as_u16()
    }

    fn finish(mut response: Response<ResBody>, headers: Vec<Header>) -> Response<ResBody> {
        translate::add_headers(response.headers_mut(), headers);
        response
    }
}
