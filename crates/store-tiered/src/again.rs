//! After the store has lost its data: what it was told is told again, also of subjects that nobody asks for any more (G6).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tidegate_clock::Clock;
use tidegate_table::Digest;
use tokio::sync::Semaphore;

use crate::batch::Which;
use crate::driver::BATCH;
use crate::inner::Inner;

/// How often the store has lost its data, as far as was noticed, and whether all has been told again since.
#[derive(Debug, Default)]
pub(crate) struct Again {
    losses: AtomicU64,
    /// After how many of them everything was told again.
    told: AtomicU64,
    /// Whether a task is at it.
    running: AtomicBool,
}

impl Again {
    /// The store has lost its data.
    pub(crate) fn lost(&self) {
        self.losses.fetch_add(1, Ordering::AcqRel);
    }

    /// The number of the last loss, if not all has been told again since.
    fn due(&self) -> Option<u64> {
        let losses = self.losses.load(Ordering::Acquire);
        (losses != self.told.load(Ordering::Acquire)).then_some(losses)
    }
}

/// Sees to it that all is told again, if that is due: by one task, which begins anew if the store loses its data meanwhile.
pub(crate) fn tell_all_again<C: Clock>(inner: &Arc<Inner<C>>, calls: &Arc<Semaphore>) {
    if inner.again.due().is_none() || inner.again.running.swap(true, Ordering::AcqRel) {
        return;
    }
    let (running, calls) = (Running(Arc::clone(inner)), Arc::clone(calls));
    tokio::spawn(async move {
        let inner = &running.0;
        while let Some(loss) = inner.again.due() {
            if inner.stopping.load(Ordering::Acquire) {
                return;
            }
            if go_through(inner, loss, &calls).await {
                inner.again.told.store(loss, Ordering::Release);
            }
        }
    });
}

/// Until it is dropped, a task tells all again.
struct Running<C: Clock>(Arc<Inner<C>>);

impl<C: Clock> Drop for Running<C> {
    fn drop(&mut self) {
        self.0.again.running.store(false, Ordering::Release);
    }
}

/// Goes through the table, and sends one full call after the other, so that requests are not kept waiting (R4). What is asked
/// for meanwhile tells itself earlier. What cannot be sent now is on the agenda. Says whether it came to the end before another
/// loss.
async fn go_through<C: Clock>(inner: &Arc<Inner<C>>, loss: u64, calls: &Semaphore) -> bool {
    let (mut told, mut lost) = (0, Vec::new());
    for shard in 0..inner.table.shards() {
        lost.extend(inner.lost_in(shard));
        // A large table takes a while, and other tasks have their turn meanwhile.
        tokio::task::yield_now().await;
        let is_last = shard + 1 == inner.table.shards();
        while lost.len() >= BATCH || (is_last && !lost.is_empty()) {
            let rest = lost.split_off(lost.len().min(BATCH));
            if !tell(inner, &lost, loss, calls).await {
                return false;
            }
            told += lost.len();
            lost = rest;
        }
    }
    if told > 0 {
        tracing::info!(
            subjects = told,
            "the shared store has other data than before: it is told again what was used"
        );
    }
    true
}

/// Tells the store of some subjects in one call, if it is to be asked. Says whether to go on.
async fn tell<C: Clock>(
    inner: &Arc<Inner<C>>,
    subjects: &[Digest],
    loss: u64,
    calls: &Semaphore,
) -> bool {
    let Ok(_permit) = calls.acquire().await else {
        return false;
    };
    let is_over = inner.again.due() != Some(loss);
    if is_over || inner.stopping.load(Ordering::Acquire) {
        return false;
    }
    if inner.membership.is_open_for_calls() {
        let batch = inner.compose(subjects, Which::UntoldNow);
        if !batch.is_empty() {
            inner.send(batch).await;
        }
    }
    true
}

impl<C: Clock> Inner<C> {
    /// The subjects in a shard of which the store was told something that it must be told again. All are on the agenda.
    fn lost_in(&self, shard: usize) -> Vec<Digest> {
        let mut lost = Vec::new();
        let clock = || self.now();
        self.table.visit(shard, clock, |slot, now| {
            let view = self.membership.view(now);
            let again = slot.work(&self.rules, view.slack_nodes(), |held| {
                let lost = held.group.tell_again(now);
                lost.then(|| {
                    let visit = held.group.plan(None, &view, &self.timing, now);
                    (self.table.digest(&held.subject), visit)
                })
            });
            lost.extend(again.flatten());
        });
        for (digest, visit) in &lost {
            self.agenda.list(*digest, *visit);
        }
        lost.into_iter().map(|(digest, _)| digest).collect()
    }
}
