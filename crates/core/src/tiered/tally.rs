//! One window of a replica: what this node used, what the store knows of that, and what it said.

use super::Share;
use super::base::as_remembered;
use crate::shared::Totals;

/// A node's knowledge of one subject in one window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// What this node used.
    pub(super) own: Totals,
    /// What the store knows of that, by its last reply.
    pub(super) known: Totals,
    /// What all nodes had used, by the store's last reply.
    pub(super) heard: u64,
    /// Admitted while the answer of a call was missing, and perhaps granted by it.
    pub(super) pending: u64,
    /// Whether the store has said anything about this window.
    pub(super) informed: bool,
    /// Whether something was decided without the store in this window: such a window says nothing about demand.
    pub(super) isolated: bool,
}

impl Tally {
    /// What all nodes are known to have used: never more than they have (G3, barring refunds).
    pub(super) const fn estimate(&self) -> u64 {
        self.heard
            .saturating_add(self.own.net())
            .saturating_add(self.pending)
            .saturating_sub(self.known.net())
    }

    /// What of `estimate` counts against this node's share: its part of what was heard, and all that it used since.
    pub(super) fn estimate_within(&self, share: Share) -> u64 {
        let heard = share.floor_of(self.heard);
        heard
            .saturating_add(self.own.net())
            .saturating_add(self.pending)
            .saturating_sub(self.known.net())
    }

    /// The same while others may not have told the store yet what they used: all that this node used, if that is more.
    pub(super) fn estimate_returning(&self, share: Share) -> u64 {
        let used = self.own.net().saturating_add(self.pending);
        self.estimate_within(share).max(used)
    }

    /// What this node admitted by itself and the store does not know yet.
    pub(super) const fn unsent(&self) -> u64 {
        self.own
            .local
            .saturating_sub(self.known.local)
            .saturating_add(self.pending)
    }

    /// Whether the store lacks anything that this node knows.
    pub(super) fn is_untold(&self) -> bool {
        self.pending > 0 || self.own != self.known
    }

    /// What the others are known to have used.
    pub(super) const fn others(&self) -> u64 {
        self.heard.saturating_sub(self.known.net())
    }

    /// Goes on to count that others have used so much, although the store says less.
    pub(super) fn keep_others(&mut self, others: u64) {
        self.heard = self.heard.max(self.known.net().saturating_add(others));
    }

    /// Whether a reply shows that others have used more than this node had heard of; not known if it had heard nothing.
    pub(super) const fn shows_others(&self, total: u64, mine: Totals) -> bool {
        self.informed && total.saturating_sub(mine.net()) > self.others()
    }

    /// Takes the store's word into account: the total, what it knows of this node, and how much of what it granted
    /// in this call (`got`) was used.
    pub(super) fn hear(&mut self, total: u64, mine: Totals, got: u64, used: u64) {
        if !self.informed {
            // Only after a step of its clock the store knows more of this node than the node itself: what that used since comes
            // on top, or it would hide behind what is remembered.
            self.own = as_remembered(self.own, self.known, (mine, got), u64::MAX);
        }
        let lost = mine
            .granted
            .saturating_sub(self.own.granted)
            .saturating_sub(got);
        let covered = lost.min(self.pending);
        let unused = (lost - covered).saturating_add(got.saturating_sub(used));
        let own = self.own.merged(mine);
        self.own = Totals {
            local: own.local.saturating_add(self.pending - covered),
            granted: own.granted,
            returned: own.returned.saturating_add(unused),
        };
        self.known = mine;
        self.heard = total;
        self.pending = 0;
        self.informed = true;
    }

    /// Only what the store was never told.
    pub(super) const fn untold(&self) -> Self {
        let (own, known) = (self.own, self.known);
        Self {
            own: Totals {
                local: own.local.saturating_sub(known.local),
                granted: 0,
                returned: own.returned.saturating_sub(known.returned),
            },
            ..*self
        }
    }

    /// Adds what another tally counted of the same window; nobody has told the store of that one.
    pub(super) fn absorb(&mut self, other: &Self) {
        self.own.local = self.own.local.saturating_add(other.own.local);
        self.own.returned = self.own.returned.saturating_add(other.own.returned);
        self.pending = self.pending.saturating_add(other.pending);
        self.isolated |= other.isolated;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g5_what_is_admitted_where_the_store_remembers_more_than_the_node_is_counted_too() {
        let mut tally = Tally::default();
        let remembered = Totals {
            local: 8,
            ..Totals::default()
        };
        tally.hear(20, remembered, 0, 0);
        tally.own.local += 1;
        assert_eq!((tally.own.local, tally.unsent()), (9, 1));
    }

    #[test]
    fn g5_grants_that_the_store_remembers_of_another_time_cover_nothing_and_are_not_given_back() {
        let mut tally = Tally {
            pending: 2,
            ..Tally::default()
        };
        tally.own.local = 3;
        let remembered = Totals {
            local: 8,
            granted: 5,
            returned: 1,
        };
        tally.hear(20, remembered, 1, 1);
        assert_eq!((tally.own.local, tally.own.returned), (8 + 3 + 2, 1));
        assert_eq!((tally.unsent(), tally.estimate()), (5, 25));
    }
}
