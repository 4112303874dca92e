//! A replica of the shared counter of one subject under one policy, whatever the algorithm.

use super::bucket::BucketReplica;
use super::window::WindowReplica;
use super::{Share, View};
use crate::shared::{Reply, Report};
use crate::{Algorithm, Quota, Timestamp, Usage};

#[derive(Clone, Debug)]
pub(super) enum Replica {
    Window(WindowReplica),
    Bucket(BucketReplica),
}

impl Replica {
    pub(super) fn new(quota: &Quota) -> Self {
        match quota.algorithm() {
            Algorithm::TokenBucket => Self::Bucket(BucketReplica::default()),
            Algorithm::FixedWindow | Algorithm::SlidingWindow => {
                Self::Window(WindowReplica::default())
            }
        }
    }

    /// Moves to `now`; says how much can no longer be reported.
    pub(super) fn roll(&mut self, quota: &Quota, now: Timestamp) -> u64 {
        match self {
            Self::Window(replica) => replica.roll(quota, now),
            Self::Bucket(_) => 0,
        }
    }

    pub(super) fn estimate(&self) -> Usage {
        match self {
            Self::Window(replica) => replica.estimate(),
            Self::Bucket(replica) => replica.estimate(),
        }
    }

    pub(super) fn estimate_within(&self, share: Share) -> Usage {
        match self {
            Self::Window(replica) => replica.estimate_within(share),
            Self::Bucket(replica) => replica.estimate_within(share),
        }
    }

    pub(super) fn share(&self, view: &View) -> Share {
        let demand = match self {
            Self::Window(replica) => replica.demand(),
            Self::Bucket(replica) => replica.demand(),
        };
        demand.map_or_else(
            || Share::even(view.nodes),
            |demand| Share::from_demand(demand, view.nodes),
        )
    }

    pub(super) fn unsent(&self) -> u64 {
        match self {
            Self::Window(replica) => replica.unsent(),
            Self::Bucket(replica) => replica.unsent(),
        }
    }

    pub(super) fn is_untold(&self) -> bool {
        match self {
            Self::Window(replica) => replica.is_untold(),
            Self::Bucket(replica) => replica.is_untold(),
        }
    }

    pub(super) fn is_informed(&self) -> bool {
        match self {
            Self::Window(replica) => replica.is_informed(),
            Self::Bucket(replica) => replica.is_informed(),
        }
    }

    pub(super) fn final_counts_from(&self) -> Option<Timestamp> {
        match self {
            Self::Window(replica) => replica.final_counts_from(),
            Self::Bucket(_) => None,
        }
    }

    pub(super) fn admit(&mut self, quota: &Quota, cost: u64, now: Timestamp) {
        match self {
            Self::Window(replica) => replica.admit(cost),
            Self::Bucket(replica) => replica.admit(quota, cost, now),
        }
    }

    pub(super) fn admit_isolated(
        &mut self,
        part: &Quota,
        cost: u64,
        unanswered: bool,
        now: Timestamp,
    ) {
        match self {
            Self::Window(replica) => replica.admit_isolated(cost, unanswered),
            Self::Bucket(replica) => replica.admit_isolated(part, cost, unanswered, now),
        }
    }

    pub(super) const fn isolate(&mut self) {
        match self {
            Self::Window(replica) => replica.isolate(),
            Self::Bucket(replica) => replica.isolate(),
        }
    }

    pub(super) fn give_back(&mut self, quota: &Quota, cost: u64, charged: Usage, now: Timestamp) {
        match self {
            Self::Window(replica) => replica.give_back(cost, charged, quota.window_nanos()),
            Self::Bucket(replica) => replica.give_back(quota, cost, charged, now),
        }
    }

    pub(super) fn report(&self, quota: &Quota) -> Report {
        match self {
            Self::Window(replica) => replica.report(quota.window_nanos()),
            Self::Bucket(replica) => replica.report(quota),
        }
    }

    /// Takes a reply into account; says how much can no longer be reported.
    pub(super) fn hear(&mut self, quota: &Quota, reply: &Reply, used: u64, now: Timestamp) -> u64 {
        match self {
            Self::Window(replica) => replica.hear(quota, reply, used, now),
            Self::Bucket(replica) => {
                replica.hear(quota, reply, used);
                0
            }
        }
    }

    pub(super) fn idle_at(&self, quota: &Quota) -> Timestamp {
        match self {
            Self::Window(replica) => replica.idle_at(quota),
            Self::Bucket(replica) => replica.idle_at(quota),
        }
    }

    pub(super) fn forget(&mut self, now: Timestamp) {
        match self {
            Self::Window(replica) => replica.forget(),
            Self::Bucket(replica) => replica.forget(now),
        }
    }
}
