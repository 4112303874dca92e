//! Waiting for code that is not ours: for a limited time, and whatever it does.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::task::unconstrained;
use tokio::time::{Sleep, sleep};

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
/// that, ends no later than this one: a call that keeps the deadline by itself has the last word without being waited for
/// any longer. This one is made within what is caught, too: it panics where there is no tokio runtime with timers.
pub(crate) async fn bounded<T>(
    limit: Duration,
    call: impl Future<Output = T>,
) -> Result<T, Unbounded> {
    match Caught(pin!(heard_first(limit, call))).await {
        Ok(Some(output)) => Ok(output),
        Ok(None) => Err(Unbounded::Late),
        Err(panicked) => Err(Unbounded::Panicked(panicked)),
    }
}

/// The resolution of tokio's timers.
const TICK: Duration = Duration::from_millis(1);

/// The call's output; none if the time is over, and a timer of the call's own for the same time has ended too.
async fn heard_first<T>(limit: Duration, call: impl Future<Output = T>) -> Option<T> {
    let mut call = pin!(call);
    let mut timer = pin!(None);
    poll_fn(|context| {
        if let Poll::Ready(output) = call.as_mut().poll(context) {
            return Poll::Ready(Some(output));
        }
        if timer.is_none() {
            timer.set(Some(sleep(limit)));
            // A timer that is over before it has begun, because the thread was taken off its processor, says that the
            // call's is over as well, but not that the call could hear of it: all that ended in the same tick is told in
            // turn, this one out of turn. The next tick's turn comes after all of them.
            while ended(timer.as_mut(), context) {
                timer.set(Some(sleep(TICK)));
            }
        } else if ended(timer.as_mut(), context) {
            // Both may have ended since the call was looked at.
            return Poll::Ready(match call.as_mut().poll(context) {
                Poll::Ready(output) => Some(output),
                Poll::Pending => None,
            });
        }
        Poll::Pending
    })
    .await
}

/// Whether it has, even if the call has used up what a task may do before others get their turn.
fn ended(timer: Pin<&mut Option<Sleep>>, context: &mut Context<'_>) -> bool {
    let timer = timer.as_pin_mut();
    timer.is_some_and(|timer| pin!(unconstrained(timer)).poll(context).is_ready())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn l1_a_call_that_is_always_busy_is_late_too() {
        let busy = async {
            loop {
                tokio::task::consume_budget().await;
            }
        };
        let ended: Result<(), _> = bounded(TICK, busy).await;
        assert!(matches!(ended, Err(Unbounded::Late)));
    }
}
