//! The future of a response: decide, call the inner service, see whether the response counts.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tidegate_limiter::{Decision, SubjectBuf};

use crate::{Exit, Framework, Gate, Later, Outcome, Why};

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

    /// Calls the inner service, with the decision in the request's extensions, if there is one to tell.
    fn pass(self, decision: Option<Decision>) -> Self::Future;

    /// Answers what [`Gate::refuse`] writes instead of the inner service, with the decision in the response's extensions
    /// if it is to be [told](Gate::tells_decision).
    fn refuse(self, gate: &Gate<Self::Framework>, why: Why<'_>) -> Self::Response;

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
        /// The store is being asked. In a box, because whoever waits has a request with it: futures of requests that need not
        /// wait would all be as large.
        Deciding {
            // There until the decision is known.
            asked: Option<Box<Asked<C, W>>>,
        },
        /// The inner service is at work.
        Inner {
            #[pin]
            response: F,
            // There until the response is.
            exit: Option<Exit<W>>,
        },
        /// The response is there without the inner service, until it is taken.
        Done { response: Option<Res> },
    }
}

type StateOf<C> = State<C, <C as Call>::Future, <C as Call>::Response, <C as Call>::Framework>;

/// Who waits for a decision.
struct Asked<C, W: Framework> {
    decision: Later,
    call: C,
    subject: SubjectBuf,
    gate: Arc<Gate<W>>,
}

impl<C: Call> Passage<C> {
    /// Of a request that was passed on.
    #[inline(always)]
    pub const fn passed(response: C::Future, exit: Exit<C::Framework>) -> Self {
        let exit = Some(exit);
        Self {
            state: State::Inner { response, exit },
        }
    }

    /// Of a request that was refused.
    #[inline(always)]
    pub const fn refused(response: C::Response) -> Self {
        let response = Some(response);
        Self {
            state: State::Done { response },
        }
    }

    /// With a decision that must be waited for.
    pub fn later(
        gate: &Arc<Gate<C::Framework>>,
        decision: Later,
        subject: SubjectBuf,
        call: C,
    ) -> Self {
        let asked = Some(Box::new(Asked {
            decision,
            call,
            subject,
            gate: Arc::clone(gate),
        }));
        Self {
            state: State::Deciding { asked },
        }
    }
}

impl<C: Call> Future for Passage<C> {
    type Output = Result<C::Response, C::Error>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        // First what nearly every request comes to, and nothing else: short code is what costs least in a server.
        if let StateProj::Inner { response, exit } = state.as_mut().project() {
            return poll_inner::<C>(response, exit, cx);
        }
        poll_other(state, cx)
    }
}

/// Lets the inner service go on.
#[inline(always)]
fn poll_inner<C: Call>(
    response: Pin<&mut C::Future>,
    exit: &mut Option<Exit<C::Framework>>,
    cx: &mut Context<'_>,
) -> Poll<Result<C::Response, C::Error>> {
    // Who polls again after the response was there waits for ever.
    if exit.is_none() {
        return Poll::Pending;
    }
    let left = ready!(response.poll(cx));
    Poll::Ready(leave::<C>(exit.take(), left))
}

/// Waits for the decision, and begins what follows from it; or hands over a response that there is already.
#[inline(never)]
fn poll_other<C: Call>(
    mut state: Pin<&mut StateOf<C>>,
    cx: &mut Context<'_>,
) -> Poll<Result<C::Response, C::Error>> {
    loop {
        let next = match state.as_mut().project() {
            StateProj::Deciding { asked } => {
                let Some(waiting) = asked else {
                    return Poll::Pending;
                };
                let mut decision = ready!(waiting.decision.as_mut().poll(cx));
                // It is taken once, and the state is left right after.
                let Some(asked) = asked.take() else {
                    return Poll::Pending;
                };
                let (call, gate) = (asked.call, asked.gate);
                match gate.outcome(&asked.subject, &mut decision) {
                    Outcome::Pass(exit) => State::Inner {
                        response: call.pass(gate.tells_decision().then_some(decision)),
                        exit: Some(exit),
                    },
                    Outcome::Refuse(why) => State::Done {
                        response: Some(call.refuse(&gate, why)),
                    },
                }
            }
            StateProj::Inner { response, exit } => return poll_inner::<C>(response, exit, cx),
            StateProj::Done { response } => {
                return response
                    .take()
                    .map_or(Poll::Pending, |r| Poll::Ready(Ok(r)));
            }
        };
        state.set(next);
    }
}

/// What leaves the limiter when the inner service is done.
#[inline(always)]
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
