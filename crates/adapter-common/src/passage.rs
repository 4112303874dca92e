//! The future of a response: decide, call the inner service, see whether the response counts.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tidegate_http::{Answer, Header};
use tidegate_limiter::Decision;

use crate::{Gate, Later, Outcome, Ticket};

/// A request on its way to a framework's inner service: what may become of it.
pub trait Call {
    /// The inner service's response.
    type Inner;
    /// The response that leaves the limiter.
    type Response;
    /// The inner service's error.
    type Error;
    /// The inner service's future.
    type Future: Future<Output = Result<Self::Inner, Self::Error>>;

    /// Calls the inner service, with the decision in the request's extensions.
    fn pass(self, decision: Option<Decision>) -> Self::Future;

    /// Answers instead of the inner service, with the decision in the response's extensions.
    fn refuse(self, answer: Answer, decision: Option<Decision>) -> Self::Response;

    /// The status of a response.
    fn status(response: &Self::Inner) -> u16;

    /// Adds headers to a response, without those that it [has already](tidegate_http::unsaid).
    fn finish(response: Self::Inner, headers: Vec<Header>) -> Self::Response;
}

pin_project! {
    /// The future of a limited response.
    #[must_use = "futures do nothing unless polled"]
    pub struct Passage<C, R>
    where
        C: Call,
        R: ?Sized,
    {
        #[pin]
        state: State<C, C::Future, C::Response, R>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<C, F, Res, R: ?Sized> {
        /// The store is being asked.
        Deciding {
            outcome: Later<(Outcome, Decision)>,
            // There until the outcome is known.
            call: Option<C>,
            gate: Arc<Gate<R>>,
        },
        /// The inner service is at work.
        Inner {
            #[pin]
            response: F,
            exit: Option<Exit<R>>,
        },
        /// The response is there, until it is taken.
        Done { response: Option<Res> },
    }
}

/// What is left to do with the inner service's response.
struct Exit<R: ?Sized> {
    headers: Vec<Header>,
    ticket: Option<(Box<Ticket>, Arc<Gate<R>>)>,
}

impl<C: Call, R: ?Sized + 'static> Passage<C, R> {
    /// With an outcome that is known, and the decision that led to it, if there was one. The call need not be of the
    /// type that waits: it may borrow its service.
    pub fn now<N>(
        gate: &Arc<Gate<R>>,
        outcome: Outcome,
        decision: Option<Decision>,
        call: N,
    ) -> Self
    where
        N: Call<Future = C::Future, Inner = C::Inner, Response = C::Response, Error = C::Error>,
    {
        Self {
            state: proceed(gate, outcome, decision, call),
        }
    }

    /// With an outcome that must be waited for.
    pub fn later(gate: &Arc<Gate<R>>, outcome: Later<(Outcome, Decision)>, call: C) -> Self {
        Self {
            state: State::Deciding {
                outcome,
                call: Some(call),
                gate: Arc::clone(gate),
            },
        }
    }
}

impl<C: Call, R: ?Sized + 'static> Future for Passage<C, R> {
    type Output = Result<C::Response, C::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                StateProj::Deciding {
                    outcome,
                    call,
                    gate,
                } => {
                    let (outcome, decision) = ready!(outcome.as_mut().poll(cx));
                    // It is taken once, and the state is left right after.
                    let Some(call) = call.take() else {
                        return Poll::Pending;
                    };
                    proceed(gate, outcome, Some(decision), call)
                }
                StateProj::Inner { response, exit } => {
                    let response = ready!(response.poll(cx))?;
                    let response = leave::<C, R>(response, exit.take());
                    state.set(State::Done { response: None });
                    return Poll::Ready(Ok(response));
                }
                StateProj::Done { response } => {
                    // Who polls again after the response was there waits for ever.
                    return response
                        .take()
                        .map_or(Poll::Pending, |r| Poll::Ready(Ok(r)));
                }
            };
            state.set(next);
        }
    }
}

/// After the decision.
fn proceed<N: Call, C, R: ?Sized>(
    gate: &Arc<Gate<R>>,
    outcome: Outcome,
    decision: Option<Decision>,
    call: N,
) -> State<C, N::Future, N::Response, R> {
    match outcome {
        Outcome::Skip => State::Inner {
            response: call.pass(decision),
            exit: None,
        },
        Outcome::Admit(admission) => State::Inner {
            response: call.pass(decision),
            exit: Some(Exit {
                headers: admission.headers,
                ticket: admission.ticket.map(|ticket| (ticket, Arc::clone(gate))),
            }),
        },
        Outcome::Refuse(answer) => State::Done {
            response: Some(call.refuse(answer, decision)),
        },
    }
}

/// After the inner service's response: what leaves the limiter.
fn leave<C: Call, R: ?Sized + 'static>(response: C::Inner, exit: Option<Exit<R>>) -> C::Response {
    let Some(Exit { headers, ticket }) = exit else {
        return C::finish(response, Vec::new());
    };
    if let Some((ticket, gate)) = ticket {
        gate.leave(ticket, C::status(&response));
    }
    C::finish(response, headers)
}
