//! While the store is not to be asked: nobody waits for it, and nothing is kept for it in vain (R1).

use std::sync::atomic::Ordering;

use tidegate_clock::Clock;
use tidegate_core::Timestamp;
use tidegate_core::tiered::{Urgency, View};
use tidegate_table::Digest;
use tokio::task::yield_now;

use crate::hand::{InHand, LOOKED_AT};
use crate::held::Held;
use crate::inner::Inner;
use crate::wishes;

impl<C: Clock> Inner<C> {
    /// Visits those who wait, and those who are due.
    pub(crate) async fn sit_out(&self) {
        self.sit_out_all(self.agenda.take_now(usize::MAX)).await;
        for due in self.agenda.take_due(self.now()) {
            self.sit_out_all(due).await;
        }
    }

    async fn sit_out_all(&self, mut due: InHand<'_>) {
        while !due.is_empty() {
            for digest in due.next(LOOKED_AT) {
                self.sit_out_one(digest, due.urgency);
                due.visited();
            }
            yield_now().await;
        }
    }

    /// Everybody who waits for the subject is decided by the outage settings.
    fn sit_out_one(&self, digest: Digest, urgency: Urgency) {
        self.with_known(digest, |held, view, now| {
            for waiter in held.take(|waiter| waiter.call.is_none()) {
                wishes::decide(held, waiter, view, false, now);
            }
            ((), self.sit_out_held(held, urgency, view, now))
        });
    }

    fn sit_out_held(
        &self,
        held: &mut Held,
        urgency: Urgency,
        view: &View,
        now: Timestamp,
    ) -> Option<Timestamp> {
        // Whose call is under way is looked at when that ends.
        if held.has_waiters() {
            held.group.visited(urgency, now);
            return None;
        }
        let (dropped, again) = held.group.sit_out(urgency, view, &self.timing, now);
        self.counters.dropped.fetch_add(dropped, Ordering::Relaxed);
        again
    }
}
