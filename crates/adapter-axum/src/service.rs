//! The service: asks the limiter before the inner service.

use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::request::Parts;
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use tidegate_adapter_common::{
    Call, Entry, Gate, Later, Outcome, OuterDecisions, Passage, Why, framework,
};
use tidegate_limiter::{Decision, SubjectBuf};
use tower_service::Service;

use crate::view::View;

/// The types of the crate `http`.
#[derive(Debug)]
pub struct Http;

framework!(Http, Parts, HeaderName, HeaderValue, HeaderMap);

/// A service whose requests are limited. [`RateLimitLayer`](crate::RateLimitLayer) makes it.
#[derive(Clone, Debug)]
pub struct RateLimit<S> {
    inner: S,
    gate: Arc<Gate<Http>>,
}

/// The future of [`RateLimit`]'s responses.
pub type ResponseFuture<S, ReqBody> = Passage<Pending<S, ReqBody>>;

/// A request, and the service that is ready for it.
#[derive(Debug)]
pub struct Pending<S, ReqBody> {
    ready: S,
    head: Parts,
    body: ReqBody,
}

impl<S> RateLimit<S> {
    pub(crate) const fn new(inner: S, gate: Arc<Gate<Http>>) -> Self {
        Self { inner, gate }
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for RateLimit<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Clone,
    ResBody: From<Bytes>,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = ResponseFuture<S, ReqBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        // In one place until it is passed on: a request's head has some hundred bytes.
        let (mut head, body) = request.into_parts();
        let mut slot = None;
        match self.gate.enter(&head, &View(&head), &mut slot) {
            Entry::Now(Outcome::Pass(exit)) => {
                if self.gate.tells_decision() {
                    tell(slot, &mut head.extensions);
                }
                Passage::passed(self.inner.call(Request::from_parts(head, body)), exit)
            }
            Entry::Now(Outcome::Refuse(why)) => self.refused(head, why),
            Entry::Later(decision, subject) => self.later(decision, subject, head, body),
        }
    }
}

impl<S: Clone> RateLimit<S> {
    // Apart, as is what follows: what admitted requests run is short, since in a server it is never in the innermost cache.
    #[inline(never)]
    fn refused<ReqBody, ResBody>(&mut self, head: Parts, why: Why<'_>) -> ResponseFuture<S, ReqBody>
    where
        S: Service<Request<ReqBody>, Response = Response<ResBody>>,
        ResBody: From<Bytes>,
    {
        drop(take_ready(&mut self.inner));
        Passage::refused(refuse(&self.gate, head, why))
    }

    #[inline(never)]
    fn later<ReqBody, ResBody>(
        &mut self,
        decision: Later,
        subject: SubjectBuf,
        head: Parts,
        body: ReqBody,
    ) -> ResponseFuture<S, ReqBody>
    where
        S: Service<Request<ReqBody>, Response = Response<ResBody>>,
        ResBody: From<Bytes>,
    {
        let ready = take_ready(&mut self.inner);
        let call = Pending { ready, head, body };
        Passage::later(&self.gate, decision, subject, call)
    }
}

/// Puts the decision, if there is one, into an admitted request's extensions.
#[inline(always)]
fn tell(decision: Option<Decision>, extensions: &mut Extensions) {
    if let Some(decision) = decision
        && let Some(outer) = extensions.insert(decision)
    {
        keep(outer, extensions);
    }
}

/// Keeps what a limiter further outside decided.
#[cold]
fn keep(outer: Decision, extensions: &mut Extensions) {
    let others = extensions.remove::<OuterDecisions>().unwrap_or_default();
    extensions.insert(others.with(outer));
}

/// Answers instead of the service. Emptied, the request's headers and extensions serve for the response: they have their
/// memory, and hyper keeps a response's headers for the next request on the connection.
fn refuse<B: From<Bytes>>(gate: &Gate<Http>, head: Parts, why: Why<'_>) -> Response<B> {
    let Parts {
        mut headers,
        mut extensions,
        ..
    } = head;
    headers.clear();
    let (status, body) = gate.refuse(&why, &mut headers);
    let mut response = Response::new(B::from(body.into_bytes()));
    // An `Answer` leaves none that cannot be sent, whatever a user's function made of it.
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::TOO_MANY_REQUESTS);
    *response.headers_mut() = headers;
    extensions.clear();
    if gate.tells_decision()
        && let Some(decision) = why.into_decision()
    {
        extensions.insert(decision);
    }
    *response.extensions_mut() = extensions;
    response
}

/// Takes the service that was polled ready, and leaves a clone of it that was not. What is ready may hold something that
/// others wait for (a permit), so a refused request must not leave it behind.
fn take_ready<S: Clone>(inner: &mut S) -> S {
    let unready = inner.clone();
    mem::replace(inner, unready)
}

impl<S, ReqBody, ResBody> Call for Pending<S, ReqBody>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ResBody: From<Bytes>,
{
    type Framework = Http;
    type Inner = Response<ResBody>;
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = S::Future;

    fn pass(mut self, decision: Option<Decision>) -> S::Future {
        tell(decision, &mut self.head.extensions);
        self.ready.call(Request::from_parts(self.head, self.body))
    }

    fn refuse(self, gate: &Gate<Http>, why: Why<'_>) -> Response<ResBody> {
        refuse(gate, self.head, why)
    }

    fn status(response: &Response<ResBody>) -> u16 {
        response.status().as_u16()
    }

    /// What becomes of an error, tower does not say.
    fn error_status(_: &S::Error) -> Option<u16> {
        None
    }

    fn headers(response: &mut Response<ResBody>) -> &mut HeaderMap {
        response.headers_mut()
    }

    fn finish(response: Response<ResBody>) -> Response<ResBody> {
        response
    }
}
