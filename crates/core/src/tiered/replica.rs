//! A replica of the shared counter of one subject under one policy, whatever the algorithm.

use alloc::boxed::Box;
use core::mem;

use super::bucket::BucketReplica;
use super::compact::Compact;
use super::compact_bucket::CompactBucket;
use super::moment::Moment;
use super::window::WindowReplica;
use super::{Finished, Share, View};
use crate::shared::{Reply, Report, Totals};
use crate::{Algorithm, Quota, Timestamp, Usage};

#[derive(Clone, Debug)]
pub(super) enum Replica {
    /// A window replica about which nothing is unusual.
    Compact(Compact),
    /// Any other.
    Window(Box<WindowReplica>),
    /// A token bucket's about which nothing is unusual.
    CompactBucket(CompactBucket),
    /// Any other.
    Bucket(Box<BucketReplica>),
}

/// An answer of the store.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answer<'a> {
    pub(super) reply: &'a Reply,
    /// How much of what was granted went to requests.
    pub(super) used: u64,
    /// How long after a window's end its counts are final, in nanoseconds.
    pub(super) settling: u64,
    /// How long nodes take until they have told a store again what it lost, in nanoseconds.
    pub(super) again: u64,
}

/// What was admitted without the store.
#[derive(Clone, Copy, Debug)]
pub(super) struct Isolated<'a> {
    /// The quota that was enforced: this node's share, or the whole.
    pub(super) part: &'a Quota,
    pub(super) cost: u64,
    /// Whether the store was asked and may have granted the cost.
    pub(super) unanswered: bool,
}

/// What a reply told a replica.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Told {
    /// The final counts that it contained for the first time.
    pub(super) finished: Option<Finished>,
    /// Whether others were seen to use the subject since this node heard of it before.
    pub(super) others: bool,
}

impl Replica {
    pub(super) fn new(quota: &Quota, now: Timestamp) -> Self {
        match quota.algorithm() {
            Algorithm::TokenBucket => Self::bucket(BucketReplica::new(quota, now), quota),
            Algorithm::FixedWindow | Algorithm::SlidingWindow => {
                Self::window(WindowReplica::default())
            }
        }
    }

    #[inline]
    fn window(replica: WindowReplica) -> Self {
        Compact::of(&replica).map_or_else(|| Self::Window(Box::new(replica)), Self::Compact)
    }

    fn bucket(replica: BucketReplica, quota: &Quota) -> Self {
        CompactBucket::of(&replica, quota)
            .map_or_else(|| Self::Bucket(Box::new(replica)), Self::CompactBucket)
    }

    #[inline]
    fn read<T>(
        &self,
        quota: &Quota,
        window: impl FnOnce(&WindowReplica) -> T,
        bucket: impl FnOnce(&BucketReplica) -> T,
    ) -> T {
        match self {
            Self::Compact(compact) => window(&compact.widen()),
            Self::Window(replica) => window(replica),
            Self::CompactBucket(compact) => bucket(&compact.widen(quota)),
            Self::Bucket(replica) => bucket(replica),
        }
    }

    #[inline]
    fn change<T>(
        &mut self,
        quota: &Quota,
        window: impl FnOnce(&mut WindowReplica) -> T,
        bucket: impl FnOnce(&mut BucketReplica) -> T,
    ) -> T {
        match self {
            Self::Compact(compact) => {
                let mut replica = compact.widen();
                let result = window(&mut replica);
                match Compact::of(&replica) {
                    Some(changed) => *compact = changed,
                    None => *self = Self::Window(Box::new(replica)),
                }
                result
            }
            Self::Window(replica) => {
                let result = window(replica);
                if let Some(compact) = Compact::of(replica) {
                    *self = Self::Compact(compact);
                }
                result
            }
            Self::CompactBucket(compact) => {
                let mut replica = compact.widen(quota);
                let result = bucket(&mut replica);
                *self = Self::bucket(replica, quota);
                result
            }
            Self::Bucket(replica) => {
                let result = bucket(replica);
                if let Some(compact) = CompactBucket::of(replica, quota) {
                    *self = Self::CompactBucket(compact);
                }
                result
            }
        }
    }

    /// The quota is to be replaced by another: what follows from it is kept as it is.
    pub(super) fn leave(&mut self, quota: &Quota) {
        if let Self::CompactBucket(compact) = self {
            *self = Self::Bucket(Box::new(compact.widen(quota)));
        }
    }

    /// Moves to `now`.
    #[inline]
    pub(super) fn roll(&mut self, quota: &Quota, now: Timestamp) {
        self.change(
            quota,
            |replica| replica.roll(quota, now),
            |replica| replica.roll(quota, now),
        );
    }

    /// What could no longer be reported, and was not taken before.
    pub(super) const fn take_dropped(&mut self) -> u64 {
        match self {
            Self::Compact(replica) => mem::replace(&mut replica.dropped, 0) as u64,
            Self::Window(replica) => mem::replace(&mut replica.dropped, 0),
            Self::CompactBucket(_) | Self::Bucket(_) => 0,
        }
    }

    /// The store's clock stepped back to `now`, perhaps. Window replicas see that when they are rolled.
    pub(super) fn step_back(&mut self, quota: &Quota, now: Timestamp) {
        self.change(quota, |_| (), |replica| replica.step_back(quota, now));
    }

    #[inline]
    pub(super) fn estimate(&self, quota: &Quota) -> Usage {
        self.read(quota, WindowReplica::estimate, BucketReplica::estimate)
    }

    pub(super) fn estimate_within(&self, quota: &Quota, share: Share) -> Usage {
        self.read(
            quota,
            |replica| replica.estimate_within(share),
            |replica| replica.estimate_within(share),
        )
    }

    /// What counts against a share that still holds after the store has come back.
    pub(super) fn estimate_returning(&self, quota: &Quota, share: Share) -> Usage {
        self.read(
            quota,
            |replica| replica.estimate_returning(share),
            BucketReplica::estimate_returning,
        )
    }

    /// The store answers, and everybody has told it what it used.
    #[inline]
    pub(super) fn follow(&mut self, quota: &Quota) {
        // A compact one follows always.
        if let Self::Bucket(_) = self {
            self.change(quota, |_| (), BucketReplica::follow);
        }
    }

    /// The store answers, but this node's `part` still holds.
    pub(super) fn settle(&mut self, quota: &Quota, part: &Quota, now: Timestamp) {
        self.change(quota, |_| (), |replica| replica.settle(part, now));
    }

    pub(super) fn share(&self, view: &View) -> Share {
        let demand = match self {
            Self::Compact(replica) => replica.demand(),
            Self::Window(replica) => replica.demand(),
            Self::CompactBucket(replica) => replica.demand(),
            Self::Bucket(replica) => replica.demand(),
        };
        demand.map_or_else(
            || Share::even(view.nodes),
            |demand| Share::from_demand(demand, view.nodes),
        )
    }

    #[inline]
    pub(super) fn unsent(&self) -> u64 {
        match self {
            Self::Compact(replica) => replica.unsent(),
            Self::Window(replica) => replica.unsent(),
            Self::CompactBucket(replica) => replica.unsent(),
            Self::Bucket(replica) => replica.unsent(),
        }
    }

    /// What of all that this node admitted by itself the store does not know yet, and can still be told.
    pub(super) fn unsent_in_all(&self, quota: &Quota) -> u64 {
        self.read(quota, WindowReplica::unsent_of_both, BucketReplica::unsent)
    }

    #[inline]
    pub(super) fn is_untold(&self) -> bool {
        match self {
            Self::Compact(replica) => replica.is_untold(),
            Self::Window(replica) => replica.is_untold(),
            Self::CompactBucket(replica) => replica.unsent() > 0,
            Self::Bucket(replica) => replica.is_untold(),
        }
    }

    /// Whether the store was told anything that still matters.
    pub(super) fn is_told(&self, quota: &Quota, now: Timestamp) -> bool {
        self.read(quota, WindowReplica::is_told, |replica| {
            replica.is_told(now)
        })
    }

    #[inline]
    pub(super) fn is_informed(&self) -> bool {
        match self {
            Self::Compact(replica) => replica.is_informed(),
            Self::Window(replica) => replica.is_informed(),
            Self::CompactBucket(replica) => replica.is_informed(),
            Self::Bucket(replica) => replica.is_informed(),
        }
    }

    #[inline]
    pub(super) fn window_to_close(&self) -> Option<Timestamp> {
        match self {
            Self::Compact(replica) => replica.window_to_close(),
            Self::Window(replica) => replica.window_to_close(),
            Self::CompactBucket(_) | Self::Bucket(_) => None,
        }
    }

    /// Until when a call that was given up may still be carried out, if there is one.
    #[inline]
    pub(super) fn doubted_until(&self) -> Option<Timestamp> {
        match self {
            Self::Compact(_) | Self::CompactBucket(_) => None,
            Self::Window(replica) => replica.doubted_until.known(),
            Self::Bucket(replica) => replica.doubted_until.known(),
        }
    }

    /// What may have been granted is learned with the next answer, and none is asked for to learn it.
    pub(super) fn end_doubt(&mut self, quota: &Quota) {
        if self.doubted_until().is_some() {
            self.change(
                quota,
                |replica| replica.doubted_until = Moment::NEVER,
                |replica| replica.doubted_until = Moment::NEVER,
            );
        }
    }

    /// A call was given up, and may still be carried out until then.
    pub(super) fn doubt(&mut self, quota: &Quota, until: Timestamp) {
        let until = Moment::from(until);
        self.change(
            quota,
            |replica| replica.doubted_until = until,
            |replica| replica.doubted_until = until,
        );
    }

    /// Counts what this node admits by itself. `shares`: against its share too, which may still hold.
    #[inline]
    pub(super) fn admit(&mut self, quota: &Quota, cost: u64, shares: bool, now: Timestamp) {
        self.change(
            quota,
            |replica| replica.admit(cost),
            |replica| {
                replica.admit(quota, cost, now);
                if !shares {
                    replica.follow();
                }
            },
        );
    }

    pub(super) fn admit_isolated(&mut self, quota: &Quota, admitted: Isolated<'_>, now: Timestamp) {
        let Isolated {
            part,
            cost,
            unanswered,
        } = admitted;
        self.change(
            quota,
            |replica| replica.admit_isolated(cost, unanswered),
            |replica| replica.admit_isolated(part, cost, unanswered, now),
        );
    }

    pub(super) fn isolate(&mut self, quota: &Quota) {
        self.change(quota, WindowReplica::isolate, BucketReplica::isolate);
    }

    pub(super) fn give_back(&mut self, quota: &Quota, cost: u64, charged: Usage, now: Timestamp) {
        self.change(
            quota,
            |replica| replica.give_back(cost, charged, quota.window_nanos()),
            |replica| replica.give_back(quota, cost, charged, now),
        );
    }

    pub(super) fn report(&self, quota: &Quota) -> Report {
        self.read(
            quota,
            |replica| replica.report(quota.window_nanos()),
            |replica| replica.report(quota),
        )
    }

    /// Takes an answer into account.
    pub(super) fn hear(&mut self, quota: &Quota, answer: Answer<'_>, now: Timestamp) -> Told {
        let settled = |doubted: &mut Moment| {
            if doubted.known().is_some_and(|until| until <= now) {
                *doubted = Moment::NEVER;
            }
        };
        self.change(
            quota,
            |replica| {
                settled(&mut replica.doubted_until);
                replica.hear(quota, answer, now)
            },
            |replica| {
                settled(&mut replica.doubted_until);
                replica.hear(quota, answer.reply, answer.used)
            },
        )
    }

    /// Whether it was used in the window that it is now or, where that is all it was used in, in the one before, which can
    /// still be reported; or whether it lacks something.
    pub(super) fn is_in_use(&self, quota: &Quota, now: Timestamp) -> bool {
        self.read(
            quota,
            |replica| {
                let end = replica.start.plus(quota.window_nanos());
                let was_used = replica.current.own != Totals::default();
                end > now || (was_used && end.plus(quota.window_nanos()) > now)
            },
            |replica| replica.full_at > now,
        )
    }

    /// From when on it holds nothing that matters, unless something is untold.
    pub(super) fn idle_at(&self, quota: &Quota) -> Timestamp {
        self.read(
            quota,
            |replica| replica.idle_at(quota),
            |replica| replica.idle_at(quota),
        )
    }

    pub(super) fn forget(&mut self, quota: &Quota, now: Timestamp) {
        self.change(quota, WindowReplica::forget, |replica| replica.forget(now));
    }
}
