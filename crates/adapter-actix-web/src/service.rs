//! The service: asks the limiter before the inner service.

use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{Extensions, Service, ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::{Error, HttpMessage, HttpRequest, HttpResponse};
use tidegate_adapter_common::{
    Call, Entry, Gate, Outcome, OuterDecisions, Passage, Why, framework,
};
use tidegate_limiter::Decision;

use crate::view::View;

/// The types of actix-web.
#[derive(Debug)]
pub struct ActixWeb;

framework!(ActixWeb, HttpRequest, HeaderName, HeaderValue, HeaderMap);

/// A service whose requests are limited. [`RateLimitLayer`](crate::RateLimitLayer) makes it.
#[derive(Debug)]
pub struct RateLimit<S> {
    inner: Rc<S>,
    gate: Arc<Gate<ActixWeb>>,
}

/// The future of [`RateLimit`]'s responses.
pub type ResponseFuture<S> = Passage<Pending<Rc<S>>>;

/// A request, and the service that it is for.
#[derive(Debug)]
pub struct Pending<S> {
    service: S,
    request: ServiceRequest,
}

impl<S> RateLimit<S> {
    pub(crate) fn new(inner: S, gate: Arc<Gate<ActixWeb>>) -> Self {
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
        let mut slot = None;
        match self.gate.enter(head, &View(head), &mut slot) {
            Entry::Now(Outcome::Pass(exit)) => {
                if self.gate.tells_decision() {
                    tell(slot, &request);
                }
                Passage::passed(self.inner.call(request), exit)
            }
            Entry::Now(Outcome::Refuse(why)) => Passage::refused(refuse(&self.gate, request, why)),
            Entry::Later(decision, subject) => {
                let service = Rc::clone(&self.inner);
                let call = Pending { service, request };
                Passage::later(&self.gate, decision, subject, call)
            }
        }
    }
}

/// Puts the decision, if there is one, into an admitted request's extensions.
#[inline(always)]
fn tell(decision: Option<Decision>, request: &ServiceRequest) {
    if let Some(decision) = decision {
        let mut extensions = request.extensions_mut();
        if let Some(outer) = extensions.insert(decision) {
            keep(outer, &mut extensions);
        }
    }
}

/// Keeps what a limiter further outside decided.
#[cold]
fn keep(outer: Decision, extensions: &mut Extensions) {
    let others = extensions.remove::<OuterDecisions>().unwrap_or_default();
    extensions.insert(others.with(outer));
}

fn refuse<B>(
    gate: &Gate<ActixWeb>,
    request: ServiceRequest,
    why: Why<'_>,
) -> ServiceResponse<EitherBody<B>> {
    let mut response = HttpResponse::with_body(StatusCode::TOO_MANY_REQUESTS, ());
    let (status, body) = gate.refuse(&why, response.headers_mut());
    // An `Answer` leaves none that cannot be sent, whatever a user's function made of it.
    if let Ok(status) = StatusCode::from_u16(status) {
        *response.status_mut() = status;
    }
    if gate.tells_decision()
        && let Some(decision) = why.into_decision()
    {
        response.extensions_mut().insert(decision);
    }
    let response = response.set_body(EitherBody::right(BoxBody::new(body.into_bytes())));
    request.into_response(response)
}

impl<S, B> Call for Pending<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    type Framework = ActixWeb;
    type Inner = ServiceResponse<B>;
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = S::Future;

    fn pass(self, decision: Option<Decision>) -> S::Future {
        tell(decision, &self.request);
        self.service.call(self.request)
    }

    fn refuse(self, gate: &Gate<ActixWeb>, why: Why<'_>) -> Self::Response {
        refuse(gate, self.request, why)
    }

    fn status(response: &ServiceResponse<B>) -> u16 {
        response.status().as_u16()
    }

    fn error_status(error: &Error) -> Option<u16> {
        Some(error.as_response_error().status_code().as_u16())
    }

    fn headers(response: &mut ServiceResponse<B>) -> &mut HeaderMap {
        response.headers_mut()
    }

    fn finish(response: ServiceResponse<B>) -> Self::Response {
        response.map_into_left_body()
    }
}
