//! Waiting for code that is not ours: for a limited time, and whatever it does.

use std::pin::pin;

use tokio::time::{Instant, timeout_at};

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
/// The timer is made within what is caught, too: it panics where there is no tokio runtime with timers.
pub(crate) async fn bounded<T>(
    until: Instant,
    call: impl Future<Output = T>,
) -> Result<T, Unbounded> {
    let timed = pin!(async { timeout_at(until, call).await });
    match Caught(timed).await {
        Ok(Ok(output)) => Ok(output),
        Ok(Err(_elapsed)) => Err(Unbounded::Late),
        Err(panicked) => Err(Unbounded::Panicked(panicked)),
    }
}
