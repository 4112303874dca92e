//! The background task: reports at every tick, asks at once for those who wait, probes a store that is gone.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tidegate_clock::Clock;
use tidegate_core::{Outcome, Timestamp};
use tidegate_store::{ErrorKind, Extent, Registry, StoreError};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::again::tell_all_again;
use crate::aside::Aside;
use crate::hand::InHand;
use crate::inner::Inner;
use crate::panics::caught;

/// How many subjects go into one call.
pub(crate) const BATCH: usize = 256;
/// How many calls may be under way at once (R4).
const CALLS: usize = 8;
/// How often a node says that it is alive.
const REGISTER: Duration = Duration::from_secs(1);

/// Sees to it that the node is driven, if this is called in a tokio runtime.
#[cold]
pub(crate) fn start<C: Clock>(inner: &Arc<Inner<C>>) {
    if let Ok(runtime) = Handle::try_current()
        && !inner.started.swap(true, Ordering::AcqRel)
    {
        let started = Started(Arc::clone(inner));
        runtime.spawn(async move { drive(&started.0).await });
    }
}

/// A driver was started. When it has ended, because its runtime is gone or because it panicked, the next request starts another.
struct Started<C: Clock>(Arc<Inner<C>>);

impl<C: Clock> Drop for Started<C> {
    fn drop(&mut self) {
        if self.0.stopping.load(Ordering::Acquire) {
            return;
        }
        if std::thread::panicking() {
            tracing::error!("the task that reports has panicked: the next request starts it anew");
        }
        self.0.started.store(false, Ordering::Release);
    }
}

/// Drives the node until the store is dropped.
async fn drive<C: Clock>(inner: &Arc<Inner<C>>) {
    let _driven = inner.sending.drive();
    let calls = Arc::new(Semaphore::new(CALLS));
    let mut register_at = Instant::now();
    let mut tick_at = Instant::now();
    let mut aside = Aside::new();
    while !inner.stopping.load(Ordering::Acquire) {
        if !inner.membership.is_open_for_calls() {
            inner.sit_out().await;
            probe_when_due(inner, &calls).await;
            if inner.membership.is_open_for_calls() {
                inner.agenda.hasten();
            }
            (register_at, tick_at) = (Instant::now(), Instant::now());
            continue;
        }
        if Instant::now() >= register_at {
            register_at = Instant::now() + jittered(REGISTER);
            tokio::spawn(register(Arc::clone(inner), Arc::clone(&calls)));
        }
        tokio::select! {
            () = inner.agenda.urgent() => {
                if inner.agenda.has_urgent() {
                    aside.step().await;
                }
            }
            () = inner.register_now.notified() => register_at = Instant::now(),
            // Not put off by what is urgent, however much of that there is.
            () = sleep_until(tick_at.min(register_at)) => {
                tick_at = Instant::now() + jittered(inner.agenda.tick());
                for due in inner.agenda.take_due(inner.now()) {
                    send_all(inner, due, &calls).await;
                }
            }
        }
        send_all(inner, inner.agenda.take_now(BATCH), &calls).await;
    }
}

/// Sends what is to be said of these subjects, in batches, the hot ones first, as long as the store is to be asked (R2). The
/// others go back to the agenda.
async fn send_all<C: Clock>(inner: &Arc<Inner<C>>, mut due: InHand<'_>, calls: &Arc<Semaphore>) {
    inner.put_in_order(&mut due).await;
    while !due.is_empty() && send_next(inner, &mut due, calls).await {
        // Requests wait for what is urgent.
        let mut urgent = inner.agenda.take_now(BATCH);
        if !urgent.is_empty() {
            send_next(inner, &mut urgent, calls).await;
        }
    }
}

/// Sends the next batch. Says whether the store is to be asked.
async fn send_next<C: Clock>(
    inner: &Arc<Inner<C>>,
    due: &mut InHand<'_>,
    calls: &Arc<Semaphore>,
) -> bool {
    // Never closed, so there always is a permit in the end.
    let Ok(permit) = Arc::clone(calls).acquire_owned().await else {
        return false;
    };
    if !inner.membership.is_open_for_calls() {
        return false;
    }
    let batch = inner.compose_due(due, BATCH);
    if !batch.is_empty() {
        let inner = Arc::clone(inner);
        tokio::spawn(async move {
            inner.send(batch).await;
            drop(permit);
        });
    }
    true
}

/// Between four and six fifths of a duration, so that nodes do not march in step.
fn jittered(duration: Duration) -> Duration {
    duration.mul_f64(0.8 + 0.4 * fastrand::f64())
}

async fn register<C: Clock>(inner: Arc<Inner<C>>, calls: Arc<Semaphore>) {
    if let Err(error) = ask_registry(&inner).await {
        // Whether that is counted or not, the next registration comes when it is its time.
        let _ = inner.failed(&error);
    }
    tell_all_again(&inner, &calls);
}

/// Says that this node is alive, and hears how many are, and whether the store still has its data.
async fn ask_registry<C: Clock>(inner: &Inner<C>) -> Result<(), StoreError> {
    inner.counters.calls.fetch_add(1, Ordering::Relaxed);
    let sent = inner.clock.now();
    let answer = timeout(inner.patience, caught(|| inner.store.register(inner.node))).await;
    let Registry {
        nodes,
        now,
        generation,
    } = match answer {
        Ok(answer) => answer?,
        Err(_) => return Err(inner.late()),
    };
    let received = inner.clock.now();
    inner.membership.answered(sent, now, received);
    inner.membership.registered(nodes, received);
    if generation.is_some_and(|generation| inner.membership.noticed_generation(generation)) {
        inner.again.lost();
    }
    Ok(())
}

/// Waits until a probe is due and makes it: registering writes, so a store that answers it works.
async fn probe_when_due<C: Clock>(inner: &Arc<Inner<C>>, calls: &Arc<Semaphore>) {
    let now = inner.clock.now();
    let due = inner.membership.next_probe().unwrap_or(Timestamp::EPOCH);
    if due > now {
        // Looked at again soon: a request that was queued when the breaker opened must not wait for a probe.
        sleep(due.since(now).min(inner.agenda.tick())).await;
        return;
    }
    let Some(probe) = inner.membership.start_probe(now) else {
        return;
    };
    let outcome = match ask_registry(inner).await {
        Ok(()) => Outcome::Success,
        // The part that knows the nodes is lost, and others answer.
        Err(error) if error.extent() == Extent::Part => Outcome::Success,
        Err(error) if error.kind() == ErrorKind::Refused => Outcome::Refused,
        Err(_) => Outcome::Failure,
    };
    let now = inner.clock.now();
    if inner
        .membership
        .finish_probe(probe, outcome, now, fastrand::u64(..))
        .is_some()
    {
        tracing::info!("the shared store answers again");
    }
    tell_all_again(inner, calls);
}
