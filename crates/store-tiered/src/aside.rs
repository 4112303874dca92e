//! Stepping aside before a call is composed, so that requests which are about to wait ask along with it (R3).

use std::future::poll_fn;
use std::mem;
use std::task::Poll;
use std::time::Duration;

use tokio::time::Instant;

/// As long as a step is quick: about what a call takes, and little of what a request may wait (L1).
const QUICK: Duration = Duration::from_micros(200);
/// For so many times as long as a step took that was not quick there is none: a hundredth of the time at most is lost by those.
const REST: u32 = 100;

/// Whether it is worth it: where workers are busy, requests wait for the driver long enough.
#[derive(Debug)]
pub(crate) struct Aside {
    not_before: Instant,
}

impl Aside {
    pub(crate) fn new() -> Self {
        Self {
            not_before: Instant::now(),
        }
    }

    /// Lets the tasks go first that are ready to run on this worker, unless that took long lately.
    ///
    /// It may take long once, since nobody knows before; that is the price. Where requests are no tasks of their own (in actix-web
    /// a worker's are turns of one), those go first that have their turn anyway.
    pub(crate) async fn step(&mut self) {
        let began = Instant::now();
        if began < self.not_before {
            return;
        }
        behind_who_is_ready().await;
        let took = began.elapsed();
        if took > QUICK {
            self.not_before = Instant::now() + took * REST;
        }
    }
}

/// Goes to the end of this worker's queue, however long that is: who is in it had its turn then. (tokio's own `yield_now` goes on
/// when the worker has run out of tasks or has run some dozens, also of those that became ready meanwhile.)
async fn behind_who_is_ready() {
    let mut stepped = false;
    poll_fn(|cx| {
        if mem::replace(&mut stepped, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// Starts a task that takes so long for its one turn; says whether it had that when the driver comes back.
    async fn steps_behind(aside: &mut Aside, turn: Duration) -> bool {
        let turns = Arc::new(AtomicU32::new(0));
        let other = Arc::clone(&turns);
        let other = tokio::spawn(async move {
            other.fetch_add(1, Ordering::SeqCst);
            tokio::time::advance(turn).await;
        });
        aside.step().await;
        let stepped = turns.load(Ordering::SeqCst) > 0;
        other.await.unwrap();
        stepped
    }

    #[tokio::test(start_paused = true)]
    async fn l1_it_does_not_stand_behind_busy_workers_again_and_again() {
        // A task, as the driver is: what a test runs by itself stands in no queue.
        let driver = tokio::spawn(async {
            let mut aside = Aside::new();
            assert!(steps_behind(&mut aside, QUICK).await);
            for long in [1, 40, 3].map(Duration::from_millis) {
                assert!(steps_behind(&mut aside, long).await, "for {long:?}");
                tokio::time::advance(long * (REST - 1)).await;
                assert!(!steps_behind(&mut aside, long).await, "after {long:?}");
            }
        });
        driver.await.unwrap();
    }
}
