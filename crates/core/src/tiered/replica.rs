//! A replica of the shared counter of one subject under one policy, whatever the algorithm.

use alloc::boxed::Box;

use super::bucket::BucketReplica;
use super::compact::Compact;
use super::moment::Moment;
use super::window::WindowReplica;
use super::{Finished, Share, View};
use crate::shared::{Reply, Report};
use crate::{Algorithm, Quota, Timestamp, Usage};

#[derive(Clone, Debug)]
pub(super) enum Replica {
    /// A window replica about which nothing is unusual.
    Compact(Compact),
    /// Any other.
    Window(Box<WindowReplica>),
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
}

/// What a reply told a replica.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Told {
    /// How much can no longer be reported.
    pub(super) dropped: u64,
    /// The final counts that it contained for the first time.
    pub(super) finished: Option<Finished>,
}

impl Replica {
    pub(super) fn new(quota: &Quota) -> Self {
        match quota.algorithm() {
            Algorithm::TokenBucket => Self::Bucket(Box::default()),
            Algorithm::FixedWindow | Algorithm::SlidingWindow => {
                Self::window(WindowReplica::default())
            }
        }
    }

    #[inline]
    fn window(replica: WindowReplica) -> Self {
        Compact::of(&replica).map_or_else(|| Self::Window(Box::new(replica)), Self::Compact)
    }

    /// Its compact form, if it has that.
    #[inline]
    pub(super) const fn compact(&self) -> Option<&Compact> {
        match self {
            Self::Compact(compact) => Some(compact),
            Self::Window(_) | Self::Bucket(_) => None,
        }
    }

    #[inline]
    pub(super) const fn compact_mut(&mut self) -> Option<&mut Compact> {
        match self {
            Self::Compact(compact) => Some(compact),
            Self::Window(_) | Self::Bucket(_) => None,
        }
    }

    #[inline]
    fn read<T>(
        &self,
        window: impl FnOnce(&WindowReplica) -> T,
        bucket: impl FnOnce(&BucketReplica) -> T,
    ) -> T {
        match self {
            Self::Compact(compact) => window(&compact.widen()),
            Self::Window(replica) => window(replica),
            Self::Bucket(replica) => bucket(replica),
        }
    }

    #[inline]
    fn change<T>(
        &mut self,
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
            Self::Bucket(replica) => bucket(replica),
        }
    }

    /// Moves to `now`; says how much can no longer be reported.
    #[inline]
    pub(super) fn roll(&mut self, quota: &Quota, now: Timestamp) -> u64 {
        self.change(
            |replica| replica.roll(quota, now),
            |replica| {
                replica.roll(quota, now);
                0
            },
        )
    }

    /// The store's clock stepped back to `now`, perhaps. Window replicas wait for the store's word.
    pub(super) fn step_back(&mut self, quota: &Quota, now: Timestamp) {
        if let Self::Bucket(replica) = self {
            replica.step_back(quota, now);
        }
    }

    #[inline]
    pub(super) fn estimate(&self) -> Usage {
        self.read(WindowReplica::estimate, BucketReplica::estimate)
    }

    pub(super) fn estimate_within(&self, share: Share) -> Usage {
        self.read(
            |replica| replica.estimate_within(share),
            |replica| replica.estimate_within(share),
        )
    }

    /// What counts against a share that still holds after the store has come back.
    pub(super) fn estimate_returning(&self, share: Share) -> Usage {
        self.read(
            |replica| replica.estimate_returning(share),
            BucketReplica::estimate_returning,
        )
    }

    /// The store answers, and everybody has told it what it used.
    #[inline]
    pub(super) const fn follow(&mut self) {
        if let Self::Bucket(replica) = self {
            replica.follow();
        }
    }

    /// The store answers, but this node's `part` still holds.
    pub(super) fn settle(&mut self, part: &Quota, now: Timestamp) {
        if let Self::Bucket(replica) = self {
            replica.settle(part, now);
        }
    }

    pub(super) fn share(&self, view: &View) -> Share {
        let demand = self.read(WindowReplica::demand, BucketReplica::demand);
        demand.map_or_else(
            || Share::even(view.nodes),
            |demand| Share::from_demand(demand, view.nodes),
        )
    }

    #[inline]
    pub(super) fn unsent(&self) -> u64 {
        self.read(WindowReplica::unsent, BucketReplica::unsent)
    }

    #[inline]
    pub(super) fn is_untold(&self) -> bool {
        self.read(WindowReplica::is_untold, BucketReplica::is_untold)
    }

    #[inline]
    pub(super) fn is_informed(&self) -> bool {
        self.read(WindowReplica::is_informed, BucketReplica::is_informed)
    }

    #[inline]
    pub(super) fn window_to_close(&self) -> Option<Timestamp> {
        self.read(WindowReplica::window_to_close, |_| None)
    }

    /// Until when a call that was given up may still be carried out, if there is one.
    #[inline]
    pub(super) fn doubted_until(&self) -> Option<Timestamp> {
        match self {
            Self::Compact(_) => None,
            Self::Window(replica) => replica.doubted_until.known(),
            Self::Bucket(replica) => replica.doubted_until.known(),
        }
    }

    /// A call was given up, and may still be carried out until then.
    pub(super) fn doubt(&mut self, until: Timestamp) {
        let until = Moment::from(until);
        self.change(
            |replica| replica.doubted_until = until,
            |replica| replica.doubted_until = until,
        );
    }

    #[inline]
    pub(super) fn admit(&mut self, quota: &Quota, cost: u64, now: Timestamp) {
        self.change(
            |replica| replica.admit(cost),
            |replica| replica.admit(quota, cost, now),
        );
    }

    pub(super) fn admit_isolated(
        &mut self,
        part: &Quota,
        cost: u64,
        unanswered: bool,
        now: Timestamp,
    ) {
        self.change(
            |replica| replica.admit_isolated(cost, unanswered),
            |replica| replica.admit_isolated(part, cost, unanswered, now),
        );
    }

    pub(super) fn isolate(&mut self) {
        self.change(WindowReplica::isolate, BucketReplica::isolate);
    }

    pub(super) fn give_back(&mut self, quota: &Quota, cost: u64, charged: Usage, now: Timestamp) {
        self.change(
            |replica| replica.give_back(cost, charged, quota.window_nanos()),
            |replica| replica.give_back(quota, cost, charged, now),
        );
    }

    pub(super) fn report(&self, quota: &Quota) -> Report {
        self.read(
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
            |replica| {
                settled(&mut replica.doubted_until);
                replica.hear(quota, answer, now)
            },
            |replica| {
                settled(&mut replica.doubted_until);
                Told {
                    dropped: 0,
                    finished: replica.hear(quota, answer.reply, answer.used),
                }
            },
        )
    }

    pub(super) fn idle_at(&self, quota: &Quota) -> Timestamp {
        self.read(
            |replica| replica.idle_at(quota),
            |replica| replica.idle_at(quota),
        )
    }

    pub(super) fn forget(&mut self, now: Timestamp) {
        self.change(WindowReplica::forget, |replica| replica.forget(now));
    }
}
