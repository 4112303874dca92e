//! The service: asks the limiter before the inner service.

use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse};
use actix_web::{Error, HttpMessage, HttpRequest};
use tidegate_adapter_common::{Call, Entry, Gate, Passage};
use tidegate_http::{Answer, Header};
use tidegate_limiter::Decision;

use crate::translate;
use crate::view::View;

/// A service whose requests are limited. [`RateLimitLayer`](crate::RateLimitLayer) makes it.
#[derive(Debug)]
pub struct RateLimit<S> {
    inner: Rc<S>,
    gate: Arc<Gate<HttpRequest>>,
}

/// The future of [`RateLimit`]'s responses.
pub type ResponseFuture<S> = Passage<Pending<Rc<S>>, HttpRequest>;

/// A request, and the service that it is for.
#[derive(Debug)]
pub struct Pending<S> {
    service: S,
    request: ServiceRequest,
}

impl<S> RateLimit<S> {
    pub(crate) fn new(inner: S, gate: Arc<Gate<HttpRequest>>) -> Self {
        Self {
            inner: Rc::new(inner),
            gate,
        }
    }
}

impl<S, B> Service<ServiceRequest> for RateLimit<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = ResponseFuture<S>;

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let head = request.request();
        let mut decision = None;
        let entry = self.gate.enter(head, &View(head), &mut decision);
        let service = Rc::clone(&self.inner);
        let call = Pending { service, request };
        match entry {
            Entry::Now(outcome) => Passage::now(&self.gate, outcome, decision, call),
            Entry::Later(outcome) => Passage::later(&self.gate, outcome, call),
        }
    }
}

impl<S, B> Call for Pending<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    type Inner = ServiceResponse<B>;
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = S::Future;

    fn pass(self, decision: Option<Decision>) -> S::Future {
        if let Some(decision) = decision {
            self.request.extensions_mut().insert(decision);
        }
        self.service.call(self.request)
    }

    fn refuse(self, answer: Answer, decision: Option<Decision>) -> Self::Response {
        translate::response(self.request, answer, decision)
    }

    fn status(response: &ServiceResponse<B>) -> u16 {
        response.status().as_u16()
    }

    fn finish(mut response: ServiceResponse<B>, headers: Vec<Header>) -> Self::Response {
        translate::add_headers(response.headers_mut(), headers);
        response.map_into_left_body()
    }
}
