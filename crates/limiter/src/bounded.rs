//! Waiting for code that is not ours: for a limited time, and whatever it does.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::timeout;

use crate::panics::{Caught, Panicked};

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unbounded {
    /// It took too long.
    #[error("no answer in time")]
    Late,
    /// It panicked.
    #[error(transparent)]
    Panicked(Panicked),
}

/// The call's output, if there is one in time.
///
/// Time runs from when the call is found to have to wait. So a timer of its own for the same time, which it makes before
/// that, ends no later than this one, and the call is looked at before this one is: a call that keeps the deadline by
/// itself has the last word without being waited for any longer. This one is made within what is caught, too: it panics where there is no tokio runtime with timers.
pub(crate) async fn bounded<T>(
    limit: Duration,
    call: impl Future<Output = T>,
) -> Result<T, Unbounded> {
    let timed = pin!(async {
        let mut call = pin!(call);
        match poll_fn(|context| Poll::Ready(call.as_mut().poll(context))).await {
            Poll::Ready(output) => Ok(output),
            Poll::Pending => timeout(limit, call).await,
        }
    });
    match Caught(timed).await {
        Ok(Ok(output)) => Ok(output),
        Ok(Err(_elapsed)) => Err(Unbounded::Late),
        Err(panicked) => Err(Unbounded::Panicked(panicked)),
    }
}
