//! A replica under a token bucket: running totals, and when the bucket is full again as far as this node knows.

use super::base::{as_remembered, first_totals};
use super::moment::Moment;
use super::replica::Told;
use super::{Finished, Share};
use crate::shared::{BucketReport, Reply, Report, Totals};
use crate::{Quota, Timestamp, Usage};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct BucketReplica {
    /// What this node used, on top of where this life of the subject began.
    pub(super) own: Totals,
    /// What the store knows of that. Where it began, until the store has said so.
    pub(super) known: Totals,
    /// When the bucket is full again: the store's last word, and what this node has used since.
    pub(super) full_at: Timestamp,
    /// The store's last word on that.
    pub(super) heard: Timestamp,
    /// When a bucket would be full again from which only what is unsent had been taken. It tells the store from when
    /// on that was flowing in again, exactly as if it had been reported one by one. The epoch, if nothing is unsent.
    pub(super) unsent_until: Timestamp,
    /// Admitted while the answer of a call was missing, and perhaps granted by it.
    pub(super) pending: u64,
    pub(super) part: Part,
    pub(super) informed: bool,
    /// Whether some of what is unsent was admitted without the store.
    pub(super) isolated: bool,
    pub(super) demand: Option<u32>,
    pub(super) mark: Mark,
    /// Until when a call that was given up may still be carried out.
    pub(super) doubted_until: Moment,
}

/// How this node stands with its share, which still holds for a while after the store has come back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Part {
    /// When the share's bucket is full again.
    until: Timestamp,
    /// What this node had used in its life when that was reckoned.
    used: u64,
}

impl Part {
    /// No share holds at present: of one that comes to hold, nothing is used.
    #[inline]
    pub(super) const fn none(used: u64) -> Self {
        Self {
            until: Timestamp::EPOCH,
            used,
        }
    }
}

/// Where a stretch of time began over which demand is measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark {
    /// To the millisecond.
    pub(super) at: Timestamp,
    pub(super) own: u64,
    pub(super) spent: u64,
    pub(super) isolated: bool,
}

impl Mark {
    /// What this node has used since, and what all have, as a reply says.
    const fn until(self, reply: &Reply) -> (u64, u64) {
        (
            own_of(reply).saturating_sub(self.own),
            reply.spent.saturating_sub(self.spent),
        )
    }
}

/// What this node has used in its life, as the store knows it.
const fn own_of(reply: &Reply) -> u64 {
    reply.mine.local.saturating_add(reply.mine.granted)
}

impl BucketReplica {
    /// One of which nothing is known, or nothing any more.
    pub(super) fn new(quota: &Quota, now: Timestamp) -> Self {
        let base = first_totals(quota, now);
        Self {
            own: base,
            known: base,
            part: Part::none(base.net()),
            ..Self::default()
        }
    }

    /// Moves to `now`: after a step back of the store's clock, no more can be missing than a bucket may owe (G7, L4).
    pub(super) fn roll(&mut self, quota: &Quota, now: Timestamp) {
        let repaired = |at| quota.brought_forward(Usage::bucket(at), now).at();
        self.full_at = repaired(self.full_at);
        self.heard = repaired(self.heard);
        self.unsent_until = repaired(self.unsent_until);
        self.part.until = repaired(self.part.until);
    }

    /// After a large step back of the store's clock nothing that was heard before says what is missing now: what is unsent
    /// is all that is known (G7, L4). After a small one, no more is missing than a bucket may owe.
    pub(super) fn step_back(&mut self, quota: &Quota, now: Timestamp) {
        let owed = self.full_at.nanos_since(now);
        self.roll(quota, now);
        if owed > 2 * self.full_at.nanos_since(now) {
            let nothing = Usage::bucket(Timestamp::EPOCH);
            self.full_at = quota.charged(nothing, self.unsent(), now).at();
            self.heard = now.min(self.heard);
            if self.unsent() > 0 {
                self.unsent_until = self.full_at;
            }
        }
    }

    pub(super) const fn estimate(&self) -> Usage {
        Usage::bucket(self.full_at)
    }

    pub(super) const fn unsent(&self) -> u64 {
        self.own
            .local
            .saturating_sub(self.known.local)
            .saturating_add(self.pending)
    }

    pub(super) fn is_untold(&self) -> bool {
        self.pending > 0 || self.own != self.known
    }

    /// Of a bucket that is full nothing matters.
    pub(super) fn is_told(&self, now: Timestamp) -> bool {
        self.informed && self.full_at > now
    }

    pub(super) const fn is_informed(&self) -> bool {
        self.informed
    }

    pub(super) const fn demand(&self) -> Option<u32> {
        self.demand
    }

    fn charge(&mut self, quota: &Quota, cost: u64, now: Timestamp) {
        let unsent = Usage::bucket(self.unsent_until);
        self.unsent_until = quota.charged(unsent, cost, now).at();
        self.full_at = quota.charged(Usage::bucket(self.full_at), cost, now).at();
    }

    pub(super) fn admit(&mut self, quota: &Quota, cost: u64, now: Timestamp) {
        self.charge(quota, cost, now);
        self.own.local = self.own.local.saturating_add(cost);
    }

    /// `part` is the quota that was enforced, this node's share: a smaller bucket that fills more slowly, so that
    /// the same cost takes longer to flow in again.
    pub(super) fn admit_isolated(
        &mut self,
        part: &Quota,
        cost: u64,
        unanswered: bool,
        now: Timestamp,
    ) {
        self.charge(part, cost, now);
        self.isolate();
        if unanswered {
            self.pending = self.pending.saturating_add(cost);
        } else {
            self.own.local = self.own.local.saturating_add(cost);
        }
        self.settle(part, now);
        self.part.until = self.part.until.max(self.full_at);
    }

    /// What is used from now on counts against the share, if there comes a time when that holds.
    pub(super) const fn follow(&mut self) {
        self.part = Part::none(self.used());
    }

    /// Takes what was used since the last time out of `part`, this node's share.
    pub(super) fn settle(&mut self, part: &Quota, now: Timestamp) {
        let more = self.used().saturating_sub(self.part.used);
        if more > 0 {
            let until = Usage::bucket(self.part.until);
            self.part.until = part.charged(until, more, now).at();
        }
        self.part.used = self.used();
    }

    const fn used(&self) -> u64 {
        self.own.net().saturating_add(self.pending)
    }

    pub(super) const fn isolate(&mut self) {
        self.isolated = true;
        self.mark.isolated = true;
    }

    pub(super) fn give_back(&mut self, quota: &Quota, cost: u64, charged: Usage, now: Timestamp) {
        let usage = quota.refunded(Usage::bucket(self.full_at), cost, charged, now);
        // What has flowed in again by itself is not given back a second time.
        let back = self.full_at.nanos_since(usage.at()) / quota.flow_nanos(1).max(1);
        self.full_at = usage.at();
        if !self.informed && self.own.returned == 0 {
            // What was given back in an earlier life may be more than that.
            (self.own.returned, self.known.returned) = (self.known.local, self.known.local);
        }
        self.own.returned = self.own.returned.saturating_add(back);
    }

    pub(super) fn report(&self, quota: &Quota) -> Report {
        Report::Bucket(BucketReport {
            totals: self.own,
            acknowledged: self.known,
            heard: self.heard,
            since: self.unsent_since(quota),
            isolated: self.isolated,
        })
    }

    fn unsent_since(&self, quota: &Quota) -> Timestamp {
        let unsent = self.own.local.saturating_sub(self.known.local);
        Timestamp::from_nanos(
            self.unsent_until
                .as_nanos()
                .saturating_sub(quota.flow_nanos(unsent)),
        )
    }

    pub(super) fn hear(&mut self, quota: &Quota, reply: &Reply, used: u64) -> Told {
        let others = self.shows_others(reply);
        let said = (reply.mine, reply.got);
        let most = if self.informed {
            u64::MAX
        } else {
            quota.capacity()
        };
        self.own = as_remembered(self.own, self.known, said, most);
        let lost = reply
            .mine
            .granted
            .saturating_sub(self.own.granted)
            .saturating_sub(reply.got);
        let covered = lost.min(self.pending);
        // Nobody knows when a lost grant was made. If the bucket may have been full since, it has flowed in again by itself, and
        // would be admitted twice if it were given back (G2).
        let wasted = if self.heard > reply.now {
            lost - covered
        } else {
            0
        };
        let unused = wasted.saturating_add(reply.got.saturating_sub(used));
        self.own.local = self.own.local.saturating_add(self.pending - covered);
        self.own.granted = self.own.granted.max(reply.mine.granted);
        self.own.returned = self.own.returned.saturating_add(unused);
        (self.known, self.pending, self.informed) = (reply.mine, 0, true);
        self.heard = reply.usage.at();
        let unsent = self.own.local.saturating_sub(self.known.local);
        self.isolated &= unsent > 0;
        if unsent > 0 {
            let from = reply.usage.at().max(self.unsent_since(quota));
            self.full_at = from.plus(quota.flow_nanos(unsent));
        } else {
            (self.full_at, self.unsent_until) = (reply.usage.at(), Timestamp::EPOCH);
        }
        let back = quota.flow_nanos(self.own.returned.saturating_sub(self.known.returned));
        self.full_at = Timestamp::from_nanos(self.full_at.as_nanos().saturating_sub(back));
        Told {
            finished: self.learn_demand(quota, reply),
            others,
        }
    }

    /// Whether others have used the subject since the stretch began over which demand is measured.
    const fn shows_others(&self, reply: &Reply) -> bool {
        let (own, spent) = self.mark.until(reply);
        self.informed && spent > own
    }

    /// Demand is measured over stretches of a window's length, none of them spent without the store.
    fn learn_demand(&mut self, quota: &Quota, reply: &Reply) -> Option<Finished> {
        if reply.now < self.mark.at {
            // The store's clock stepped back: the stretch begins anew.
            self.mark.at = Timestamp::EPOCH;
        }
        let long_enough = reply.now.nanos_since(self.mark.at) >= quota.window_nanos();
        if !long_enough && !self.mark.isolated && self.mark.spent <= reply.spent {
            return None;
        }
        let began = self.mark;
        let (own, total) = began.until(reply);
        self.mark = Mark {
            at: Timestamp::from_millis(reply.now.as_nanos() / 1_000_000),
            own: own_of(reply),
            spent: reply.spent,
            isolated: false,
        };
        let lasted = reply.now.nanos_since(began.at);
        let finished = Finished {
            own,
            total,
            allowance: quota
                .capacity()
                .saturating_add(lasted / quota.flow_nanos(1).max(1)),
        };
        let whole = began.at != Timestamp::EPOCH && began.spent < reply.spent;
        if !whole || began.isolated {
            return None;
        }
        self.demand = Some(finished.demand());
        Some(finished)
    }

    pub(super) fn estimate_within(&self, _share: Share) -> Usage {
        // The time until the bucket is full is the same for the part as for the whole: a part lacks its part of what
        // is missing, and fills as much more slowly.
        self.estimate()
    }

    /// The same while others may not have told the store yet what they used: what this node used of its share, if by that it
    /// is full again later.
    pub(super) fn estimate_returning(&self) -> Usage {
        Usage::bucket(self.full_at.max(self.part.until))
    }

    pub(super) fn idle_at(&self, quota: &Quota) -> Timestamp {
        self.full_at
            .max(self.mark.at.plus(2 * quota.window_nanos()))
    }

    pub(super) fn forget(&mut self, now: Timestamp) {
        (self.known, self.pending, self.full_at) = (self.own, 0, now.min(self.full_at));
        (self.heard, self.unsent_until) = (self.full_at, Timestamp::EPOCH);
    }
}
