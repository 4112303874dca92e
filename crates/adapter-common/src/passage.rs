//! The future of a response: decide, call the inner service, see whether the response counts.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tidegate_limiter::{Decision, SubjectBuf};

use crate::{Exit, Framework, Gate, Later, Outcome};

/// A request on its way to a framework's inner service: what may become of it.
pub trait Call {
    /// The framework's types.
    type Framework: Framework;
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

    /// Answers instead of the inner service, with the decision in the response's extensions. What `write` writes are the
    /// response's headers; it returns the status and the body.
    fn refuse(
        self,
        decision: Option<Decision>,
        write: impl FnOnce(Option<&Decision>, &mut HeadersOf<Self>) -> (u16, String),
    ) -> Self::Response;

    /// The status of a response.
    fn status(response: &Self::Inner) -> u16;

    /// The status of the response that the framework makes of an error, if it makes one.
    fn error_status(error: &Self::Error) -> Option<u16>;

    /// The headers of a response.
    fn headers(response: &mut Self::Inner) -> &mut HeadersOf<Self>;

    /// The inner service's response, as it leaves the limiter.
    fn finish(response: Self::Inner) -> Self::Response;
}

/// The headers of a response to this call.
pub type HeadersOf<C> = <<C as Call>::Framework as Framework>::Headers;

pin_project! {
    /// The future of a limited response.
    #[must_use = "futures do nothing unless polled"]
    pub struct Passage<C>
    where
        C: Call,
    {
        #[pin]
        state: State<C, C::Future, C::Response, C::Framework>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<C, F, Res, W: Framework> {
        /// The store is being asked.
        Deciding {
            decision: Later,
            // There until the decision is known.
            asked: Option<Asked<C, W>>,
        },
        /// The inner service is at work.
        Inner {
            #[pin]
            response: F,
            // There until the response is.
            exit: Option<Exit<W>>,
        },
        /// The response is there, until it is taken.
        Done { response: Option<Res> },
    }
}

/// Who waits for a decision.
struct Asked<C, W: Framework> {
    call: C,
    subject: SubjectBuf,
    gate: Arc<Gate<W>>,
}

impl<C: Call> Passage<C> {
    /// With an outcome that is known, and the decision that led to it, if there was one. The call need not be of the type
    /// that waits: it may borrow its service.
    #[inline(always)]
    pub fn now<N>(
        gate: &Gate<C::Framework>,
        outcome: Outcome<C::Framework>,
        decision: Option<Decision>,
        call: N,
    ) -> Self
    where
        N: Call<
                Framework = C::Framework,
                Future = C::Future,
                Inner = C::Inner,
                Response = C::Response,
                Error = C::Error,
            >,
    {
        Self {
            state: proceed(gate, outcome, decision, call),
        }
    }

    /// With a decision that must be waited for.
    pub fn later(
        gate: &Arc<Gate<C::Framework>>,
        decision: Later,
        subject: SubjectBuf,
        call: C,
    ) -> Self {
        let asked = Some(Asked {
            call,
            subject,
            gate: Arc::clone(gate),
        });
        Self {
            state: State::Deciding { decision, asked },
        }
    }
}

impl<C: Call> Future for Passage<C> {
    type Output = Result<C::Response, C::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                StateProj::Deciding { decision, asked } => {
                    let decision = ready!(decision.as_mut().poll(cx));
                    // It is taken once, and the state is left right after.
                    let Some(Asked {
                        call,
                        subject,
                        gate,
                    }) = asked.take()
                    else {
                        return Poll::Pending;
                    };
                    let outcome = gate.outcome(subject, &decision);
                    proceed(&gate, outcome, Some(decision), call)
                }
                StateProj::Inner { response, exit } => {
                    let left = ready!(response.poll(cx));
                    let left = leave::<C>(exit.take(), left);
                    state.set(State::Done { response: None });
                    return Poll::Ready(left);
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

/// What leaves the limiter when the inner service is done.
#[inline]
fn leave<C: Call>(
    exit: Option<Exit<C::Framework>>,
    left: Result<C::Inner, C::Error>,
) -> Result<C::Response, C::Error> {
    match left {
        Ok(mut response) => {
            if let Some(exit) = exit {
                let status = C::status(&response);
                exit.leave(status, C::headers(&mut response));
            }
            Ok(C::finish(response))
        }
        Err(error) => {
            if let (Some(exit), Some(status)) = (exit, C::error_status(&error)) {
                exit.leave_with_error(status);
            }
            Err(error)
        }
    }
}

/// After the decision. In line, because what is given here would be copied: a decision, and a request's head.
#[inline(always)]
fn proceed<N: Call, C>(
    gate: &Gate<N::Framework>,
    outcome: Outcome<N::Framework>,
    decision: Option<Decision>,
    call: N,
) -> State<C, N::Future, N::Response, N::Framework> {
    match outcome {
        Outcome::Pass(exit) => State::Inner {
            response: call.pass(decision),
            exit: Some(exit),
        },
        Outcome::Refuse(why) => {
            let write = |decision: Option<&Decision>, headers: &mut HeadersOf<N>| {
                gate.refuse(why, decision, headers)
            };
            State::Done {
                response: Some(call.refuse(decision, write)),
            }
        }
    }
}
