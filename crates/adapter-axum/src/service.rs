//! The service: asks the limiter before the inner service.

use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use tidegate_adapter_common::{Call, Entry, Gate, Outcome, Passage, framework};
use tidegate_limiter::Decision;
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
    ResBody: From<String>,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = ResponseFuture<S, ReqBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let (head, body) = request.into_parts();
        let ready = &mut self.inner;
        // From here on the request is not moved, unless it must wait.
        let call = Pending { ready, head, body };
        let mut decision = None;
        let view = View(&call.head);
        match self.gate.enter(&call.head, &view, &mut decision) {
            Entry::Now(outcome) => {
                if let Outcome::Refuse(_) = outcome {
                    drop(take_ready(call.ready));
                }
                Passage::now(&self.gate, outcome, decision, call)
            }
            Entry::Later(decision, subject) => {
                let call = call.with(take_ready);
                Passage::later(&self.gate, decision, subject, call)
            }
        }
    }
}

impl<S, ReqBody> Pending<S, ReqBody> {
    fn with<T>(self, other: impl FnOnce(S) -> T) -> Pending<T, ReqBody> {
        Pending {
            ready: other(self.ready),
            head: self.head,
            body: self.body,
        }
    }
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
    ResBody: From<String>,
{
    type Framework = Http;
    type Inner = Response<ResBody>;
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = S::Future;

    #[inline]
    fn pass(mut self, decision: Option<Decision>) -> S::Future {
        if let Some(decision) = decision {
            self.head.extensions.insert(decision);
        }
        self.ready.call(Request::from_parts(self.head, self.body))
    }

    #[inline]
    fn refuse(
        self,
        decision: Option<Decision>,
        write: impl FnOnce(Option<&Decision>, &mut HeaderMap) -> (u16, String),
    ) -> Response<ResBody> {
        let mut headers = HeaderMap::new();
        let (status, body) = write(decision.as_ref(), &mut headers);
        let mut response = Response::new(ResBody::from(body));
        // No other code can come from tidegate; a user's function may have left one that HTTP does not have.
        *response.status_mut() =
            StatusCode::from_u16(status).unwrap_or(StatusCode::TOO_MANY_REQUESTS);
        *response.headers_mut() = headers;
        // Emptied, those of the request serve for the response: it is cheaper than to make new ones.
        let mut extensions = self.head.extensions;
        extensions.clear();
        if let Some(decision) = decision {
            extensions.insert(decision);
        }
        *response.extensions_mut() = extensions;
        response
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
