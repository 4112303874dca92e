//! A store that must be awaited, or does not answer.

use std::task::Poll;

use tidegate_limiter::{
    Capabilities, Decision, ErrorKind, Request, Store, StoreError, async_trait,
};

use crate::config::How;

pub(crate) struct Flaky<S> {
    inner: S,
    how: How,
}

impl<S: Store> Flaky<S> {
    pub(crate) const fn new(inner: S, how: How) -> Self {
        Self { inner, how }
    }

    /// Is not ready at first, and then perhaps an error.
    async fn answer(&self) -> Result<(), StoreError> {
        let mut polled = false;
        std::future::poll_fn(|cx| {
            if std::mem::replace(&mut polled, true) {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
        match self.how {
            How::Down => Err(StoreError::new(ErrorKind::Unavailable, "away for a test")),
            _ => Ok(()),
        }
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
