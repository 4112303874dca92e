//! A store that must be awaited, or does not answer.

use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use tidegate_limiter::{
    Capabilities, Decision, ErrorKind, Request, Store, StoreError, async_trait,
};

use crate::Turnstile;

/// How often an answer is asked for in vain: more than once, because a caller may look twice in a row.
const POLLS: u32 = 3;

/// A store whose answers must all be awaited: none is there when it is first asked for.
#[derive(Debug)]
pub struct Flaky<S> {
    inner: S,
    answers: AtomicBool,
    turnstile: Option<Turnstile>,
}

impl<S: Store> Flaky<S> {
    /// It answers what `inner` does, but later.
    pub const fn slow(inner: S) -> Self {
        Self {
            inner,
            answers: AtomicBool::new(true),
            turnstile: None,
        }
    }

    /// It answers nothing but errors.
    pub const fn down(inner: S) -> Self {
        Self {
            inner,
            answers: AtomicBool::new(false),
            turnstile: None,
        }
    }

    /// It answers what `inner` does, after a turnstile.
    pub const fn held(inner: S, turnstile: Turnstile) -> Self {
        Self {
            inner,
            answers: AtomicBool::new(true),
            turnstile: Some(turnstile),
        }
    }

    /// Whether it answers anything but errors from now on.
    pub fn set_answers(&self, answers: bool) {
        self.answers.store(answers, Ordering::SeqCst);
    }

    async fn answer(&self) -> Result<(), StoreError> {
        if let Some(turnstile) = &self.turnstile {
            turnstile.pass().await;
        }
        let mut polls = 0;
        std::future::poll_fn(|cx| {
            polls += 1;
            if polls > POLLS {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
        if self.answers.load(Ordering::SeqCst) {
            return Ok(());
        }
        Err(StoreError::new(ErrorKind::Unavailable, "away for a test"))
    }
}

#[async_trait]
impl<S: Store> Store for Flaky<S> {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            immediate: false,
            ..self.inner.capabilities()
        }
    }

    fn try_acquire(&self, _: &Request<'_>) -> Option<Result<Decision, StoreError>> {
        None
    }

    async fn acquire(&self, request: &Request<'_>) -> Result<Decision, StoreError> {
        self.answer().await?;
        self.inner.acquire(request).await
    }

    async fn peek(&self, request: &Request<'_>) -> Result<Decision, StoreError> {
        self.answer().await?;
        self.inner.peek(request).await
    }

    async fn refund(&self, request: &Request<'_>, decision: &Decision) -> Result<(), StoreError> {
        self.answer().await?;
        self.inner.refund(request, decision).await
    }

    async fn reset(&self, request: &Request<'_>) -> Result<(), StoreError> {
        self.answer().await?;
        self.inner.reset(request).await
    }
}
