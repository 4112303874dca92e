//! What the driver has taken from the agenda: what it does not come to goes back there, whatever becomes of the driver.

use tidegate_clock::Clock;
use tidegate_core::tiered::Urgency;
use tidegate_table::Digest;
use tokio::task::yield_now;

use crate::agenda::Agenda;
use crate::driver::BATCH;
use crate::inner::Inner;

/// How many subjects are looked at between two pauses.
pub(crate) const LOOKED_AT: usize = 4_096;

/// Subjects that were on a list of the agenda, and are on it again when this is dropped.
#[derive(Debug)]
pub(crate) struct InHand<'a> {
    agenda: &'a Agenda,
    pub(crate) urgency: Urgency,
    left: Vec<Digest>,
}

impl<'a> InHand<'a> {
    pub(crate) fn new(agenda: &'a Agenda, urgency: Urgency, mut listed: Vec<Digest>) -> Self {
        listed.reverse();
        Self {
            agenda,
            urgency,
            left: listed,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    /// The next ones, at most `most`, in the order in which they were listed.
    pub(crate) fn next(&self, most: usize) -> Vec<Digest> {
        self.left.iter().rev().take(most).copied().collect()
    }

    /// The next one was visited.
    pub(crate) fn visited(&mut self) {
        self.left.pop();
    }
}

impl Drop for InHand<'_> {
    fn drop(&mut self) {
        self.left.reverse();
        self.agenda
            .put_back(self.urgency, std::mem::take(&mut self.left));
    }
}

impl<C: Clock> Inner<C> {
    /// Puts those first of which the store lacks most, to a power of two, if there are more than go into one call.
    pub(crate) async fn put_in_order(&self, due: &mut InHand<'_>) {
        if due.left.len() <= BATCH {
            return;
        }
        let mut by_magnitude = vec![Vec::new(); u64::BITS as usize + 1];
        for chunk in due.left.chunks(LOOKED_AT) {
            for digest in chunk {
                let unsent = self.inspect(*digest, |held| held.group.unsent());
                let magnitude = u64::BITS - unsent.unwrap_or(0).leading_zeros();
                by_magnitude[magnitude as usize].push(*digest);
            }
            yield_now().await;
        }
        // The last is the next.
        due.left = by_magnitude.concat();
    }
}
