//! Stopping: what is unsent is sent, for as long as is allowed (L7).

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tidegate_clock::Clock;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::batch::Which;
use crate::held::Held;
use crate::inner::Inner;
use crate::panics::caught;

/// What could not be sent before the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unsent {
    /// Of how many subjects the store lacks something.
    pub subjects: u64,
    /// How much was admitted that the store does not know, and could still have been told.
    pub cost: u64,
}

/// Sends what is unsent, then says goodbye. Returns what was left when the time was over.
pub(crate) async fn shut_down<C: Clock>(inner: &Arc<Inner<C>>, within: Duration) -> Unsent {
    let end = Instant::now() + within;
    inner.stopping.store(true, Ordering::Release);
    inner.agenda.wake();
    let mut left = inner.agenda.take_all();
    loop {
        for chunk in left.chunks(256) {
            let batch = inner.compose(chunk, Which::Untold);
            if !batch.is_empty() && timeout_at(end, inner.send(batch)).await.is_err() {
                break;
            }
        }
        // Looked at first: what the driver still has in hand is then in a batch, or on the agenda.
        let is_driven = inner.sending.is_driven();
        left.extend(inner.sending.digests());
        left.extend(inner.agenda.take_all());
        let mut seen = HashSet::new();
        left.retain(|digest| seen.insert(*digest) && inner.unsent(*digest).is_some());
        if (left.is_empty() && !is_driven) || Instant::now() >= end {
            break;
        }
        sleep(inner.agenda.tick().min(end - Instant::now())).await;
    }
    // Nobody would be answered.
    inner.membership.close(inner.clock.now());
    let farewell = inner
        .deadline
        .min(end.saturating_duration_since(Instant::now()));
    // A node that cannot say goodbye is forgotten after a few seconds.
    let _ = timeout(farewell, caught(|| inner.store.deregister(inner.node))).await;
    let costs = left.iter().filter_map(|digest| inner.unsent(*digest));
    costs.fold(Unsent::default(), |sum, cost| Unsent {
        subjects: sum.subjects + 1,
        cost: sum.cost + cost,
    })
}

impl<C: Clock> Inner<C> {
    /// How much of the subject the store lacks, if anything.
    fn unsent(&self, digest: tidegate_table::Digest) -> Option<u64> {
        let now = self.now();
        let unsent = |held: &Held| {
            let group = &held.group;
            group.is_untold().then(|| group.unsent_requests(now))
        };
        self.inspect(digest, unsent)?
    }
}
