//! Stepping aside before a call is composed, so that requests which are about to wait ask along with it (R3).

use std::future::poll_fn;
use std::mem;
use std::task::Poll;
use std::time::Duration;

use tokio::time::Instant;

/// As long as this is quick, next to what a call takes.
const QUICK: Duration = Duration::from_micros(500);
/// How long not to step aside after it was not: workers are busy, and requests wait for the driver (L1).
const REST: Duration = Duration::from_secs(1);

/// Whether it is worth it.
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

    /// Lets the tasks go first that are ready to run, once, unless that took long lately.
    pub(crate) async fn step(&mut self) {
        let began = Instant::now();
        if began < self.not_before {
            return;
        }
        behind_who_is_ready().await;
        if began.elapsed() > QUICK {
            self.not_before = Instant::now() + REST;
        }
    }
}

/// Goes to the end of the queue of tasks that are ready. (tokio's own `yield_now` stands behind those that become ready
/// meanwhile too, up to 61 of them.)
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
            let mut stepped = Vec::new();
            for turn in [QUICK, QUICK + Duration::from_nanos(1), QUICK] {
                stepped.push(steps_behind(&mut aside, turn).await);
            }
            tokio::time::advance(REST).await;
            stepped.push(steps_behind(&mut aside, QUICK).await);
            stepped
        });
        assert_eq!(driver.await.unwrap(), [true, true, false, true]);
    }
}
