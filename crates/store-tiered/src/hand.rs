//! What the driver has taken from the agenda: what it does not come to goes back there, whatever becomes of the driver.

use tidegate_core::tiered::Urgency;
use tidegate_table::Digest;

use crate::agenda::Agenda;

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
