//! After the store has lost its data: what it was told is told again, also of subjects that nobody asks for (G6).

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tidegate_clock::Clock;
use tidegate_table::Digest;
use tokio::sync::Semaphore;

use crate::batch::Which;
use crate::driver::BATCH;

use crate::inner::Inner;

/// Goes through the table, and sends one call after the other, so that requests are not kept waiting (R4). What is asked for
/// meanwhile tells itself earlier. What cannot be sent now is on the agenda.
pub(crate) async fn tell_all_again<C: Clock>(inner: &Arc<Inner<C>>, calls: &Semaphore) {
    let mut told = 0;
    for shard in 0..inner.table.shards() {
        let lost = inner.lost_in(shard);
        told += lost.len();
        for chunk in lost.chunks(BATCH) {
            if inner.stopping.load(Ordering::Acquire) {
                return;
            }
            let Ok(_permit) = calls.acquire().await else {
                return;
            };
            if inner.membership.is_open_for_calls() {
                let batch = inner.compose(chunk, Which::UntoldNow);
                if !batch.is_empty() {
                    inner.send(batch).await;
                }
            }
        }
    }
    if told > 0 {
        tracing::info!(
            subjects = told,
            "the shared store has other data than before: it is told again what was used"
        );
    }
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
