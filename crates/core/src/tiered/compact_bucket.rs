//! A token bucket's replica as nearly all are, in less than a third of the memory: counts below 2^32, less than 2^19 of them
//! unsent, nothing returned, nothing in doubt, and no share that holds.

use super::bucket::{BucketReplica, Mark, Part};
use super::moment::Moment;
use super::stamped::Stamped;
use crate::shared::Totals;
use crate::{Quota, Timestamp, Usage};

/// What [`BucketReplica`] holds, if nothing about it is unusual. When the bucket is full again is not kept: it follows from
/// the rest, as charging is a maximum and a sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CompactBucket {
    pub(super) heard: Halves,
    pub(super) unsent_until: Halves,
    /// When it was marked, and how much is unsent.
    pub(super) marked_unsent: Stamped,
    pub(super) own: u32,
    pub(super) granted: u32,
    pub(super) marked_own: u32,
    pub(super) marked_spent: u32,
    /// Billionths, or [`UNKNOWN`]; and [`INFORMED`].
    pub(super) demand: u32,
}

/// No demand: it is at most a thousand million.
const UNKNOWN: u32 = INFORMED - 1;
const INFORMED: u32 = 1 << 31;

/// A time in two halves, so that what it is in takes no more room than it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Halves([u32; 2]);

impl CompactBucket {
    /// None, if something is unusual.
    pub(super) fn of(replica: &BucketReplica, quota: &Quota) -> Option<Self> {
        let BucketReplica { own, known, .. } = replica;
        let all_told = own.granted == known.granted && own.returned == 0 && known.returned == 0;
        let no_share = replica.part == Part::none(own.net());
        let isolated = replica.isolated || replica.mark.isolated;
        let doubted = replica.doubted_until.known().is_some();
        if !all_told || !no_share || isolated || doubted || replica.pending > 0 {
            return None;
        }
        let small = |count: u64| u32::try_from(count).ok();
        let informed = if replica.informed { INFORMED } else { 0 };
        let compact = Self {
            heard: replica.heard.into(),
            unsent_until: replica.unsent_until.into(),
            marked_unsent: Stamped::new(replica.mark.at, own.local.checked_sub(known.local)?)?,
            own: small(own.local)?,
            granted: small(own.granted)?,
            marked_own: small(replica.mark.own)?,
            marked_spent: small(replica.mark.spent)?,
            demand: replica.demand.unwrap_or(UNKNOWN) | informed,
        };
        (compact.full_at(quota) == replica.full_at).then_some(compact)
    }

    /// When the bucket is full again. What was charged one by one, each from when the bucket was full again or from its own
    /// time on, adds up to the later of two: all of it after what was heard, or as if only that had been charged.
    #[inline]
    fn full_at(&self, quota: &Quota) -> Timestamp {
        let flow = quota.flow_nanos(self.unsent());
        self.heard.time().plus(flow).max(self.unsent_until.time())
    }

    /// As [`BucketReplica::estimate`].
    #[inline]
    pub(super) fn usage(&self, quota: &Quota) -> Usage {
        Usage::bucket(self.full_at(quota))
    }

    /// As [`BucketReplica::unsent`].
    #[inline]
    pub(super) const fn unsent(&self) -> u64 {
        self.marked_unsent.count()
    }

    /// As [`BucketReplica::is_informed`].
    #[inline]
    pub(super) const fn is_informed(&self) -> bool {
        self.demand & INFORMED != 0
    }

    /// As [`BucketReplica::demand`].
    pub(super) fn demand(&self) -> Option<u32> {
        let demand = self.demand & !INFORMED;
        (demand != UNKNOWN).then_some(demand)
    }

    /// Counts what this node admits by itself, while no share holds, unless that is too much for this form.
    #[inline]
    pub(super) fn admit(&mut self, quota: &Quota, cost: u64, now: Timestamp) -> bool {
        let unsent = self.unsent().saturating_add(cost);
        let own = u32::try_from(u64::from(self.own).saturating_add(cost));
        let (Some(marked_unsent), Ok(own)) = (self.marked_unsent.with_count(unsent), own) else {
            return false;
        };
        let since = now.max(self.unsent_until.time());
        self.unsent_until = since.plus(quota.flow_nanos(cost)).into();
        (self.marked_unsent, self.own) = (marked_unsent, own);
        true
    }

    #[inline]
    pub(super) fn widen(&self, quota: &Quota) -> BucketReplica {
        let totals = |local: u32| Totals {
            local: local.into(),
            granted: self.granted.into(),
            returned: 0,
        };
        let own = totals(self.own);
        let known = Totals {
            local: own.local - self.unsent(),
            ..own
        };
        BucketReplica {
            own,
            known,
            full_at: self.full_at(quota),
            heard: self.heard.time(),
            unsent_until: self.unsent_until.time(),
            pending: 0,
            part: Part::none(own.net()),
            informed: self.is_informed(),
            isolated: false,
            demand: self.demand(),
            mark: Mark {
                at: self.marked_unsent.at(),
                own: self.marked_own.into(),
                spent: self.marked_spent.into(),
                isolated: false,
            },
            doubted_until: Moment::NEVER,
        }
    }
}

impl Halves {
    #[inline]
    pub(super) const fn time(self) -> Timestamp {
        let [low, high] = self.0;
        Timestamp::from_nanos((high as u64) << 32 | low as u64)
    }
}

impl From<Timestamp> for Halves {
    #[inline]
    #[allow(clippy::cast_possible_truncation, reason = "into halves")]
    fn from(at: Timestamp) -> Self {
        let nanos = at.as_nanos();
        Self([nanos as u32, (nanos >> 32) as u32])
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::Algorithm;
    use crate::shared::Reply;

    /// Ten a second: a tenth of a second for each.
    fn quota() -> Quota {
        let quota = Quota::per_second(10).unwrap();
        quota.with_algorithm(Algorithm::TokenBucket).unwrap()
    }

    fn count() -> impl Strategy<Value = u64> {
        prop_oneof![
            8 => 0_u64..5,
            1 => Just(Stamped::MOST),
            1 => Just(u64::from(u32::MAX)),
            1 => any::<u64>()
        ]
    }

    fn time() -> impl Strategy<Value = Timestamp> {
        prop_oneof![
            4 => (0_u64..30).prop_map(|tenths| Timestamp::from_millis(tenths * 100)),
            1 => any::<u64>().prop_map(Timestamp::from_nanos),
            1 => any::<u64>().prop_map(|nanos| Timestamp::from_millis(nanos / 1_000_000)),
        ]
    }

    fn totals() -> impl Strategy<Value = Totals> {
        let returned = prop_oneof![8 => Just(0), 1 => count()];
        (count(), 0_u64..2, returned).prop_map(|(local, granted, returned)| Totals {
            local,
            granted,
            returned,
        })
    }

    fn mark() -> impl Strategy<Value = Mark> {
        let isolated = prop_oneof![8 => Just(false), 1 => Just(true)];
        (time(), count(), count(), isolated).prop_map(|(at, own, spent, isolated)| Mark {
            at,
            own,
            spent,
            isolated,
        })
    }

    fn replica() -> impl Strategy<Value = BucketReplica> {
        let seldom = || prop_oneof![8 => Just(false), 1 => Just(true)];
        let full_at = prop_oneof![1 => time().prop_map(Some), 4 => Just(None)];
        (
            (totals(), totals(), time(), time(), full_at),
            (seldom(), seldom(), seldom(), seldom()),
            any::<bool>(),
            proptest::option::of(0_u32..=1_000_000_000),
            mark(),
        )
            .prop_map(|(counts, unusual, informed, demand, mark)| {
                let (own, known, heard, unsent_until, full_at) = counts;
                let (pending, part, isolated, doubted) = unusual;
                let unsent = own.local.saturating_sub(known.local);
                let flow = quota().flow_nanos(unsent);
                BucketReplica {
                    own,
                    known,
                    full_at: full_at.unwrap_or_else(|| heard.plus(flow).max(unsent_until)),
                    heard,
                    unsent_until,
                    pending: pending.into(),
                    part: Part::none(if part { 17 } else { own.net() }),
                    informed,
                    isolated,
                    demand,
                    mark,
                    doubted_until: if doubted { heard.into() } else { Moment::NEVER },
                }
            })
    }

    proptest! {
        /// Whatever is kept in the compact form is kept whole (G5).
        #[test]
        fn nothing_is_lost(replica in replica()) {
            if let Some(compact) = CompactBucket::of(&replica, &quota()) {
                prop_assert_eq!(compact.widen(&quota()), replica);
            }
        }

        /// The compact form tells and counts what the whole one does, as long as no more is admitted than there is room for.
        #[test]
        fn it_is_read_and_changed_alike(
            replica in replica(),
            charges in proptest::collection::vec((1_u64..4, 0_u64..400), 0..20),
        ) {
            let quota = quota();
            let Some(mut compact) = CompactBucket::of(&replica, &quota) else {
                return Ok(());
            };
            let mut wide = replica;
            let mut now = wide.full_at - Duration::from_millis(900);
            for (cost, millis) in charges {
                now = now + Duration::from_millis(millis);
                prop_assert_eq!(compact.usage(&quota), wide.estimate());
                prop_assert_eq!(compact.unsent(), wide.unsent());
                prop_assert_eq!(compact.is_informed(), wide.is_informed());
                prop_assert_eq!(compact.demand(), wide.demand());
                if quota.admits(wide.estimate(), cost, now) && compact.admit(&quota, cost, now) {
                    wide.admit(&quota, cost, now);
                    wide.follow();
                }
                prop_assert_eq!(compact.widen(&quota), wide.clone());
            }
        }
    }

    /// A bucket that nodes spend from and tell the store about is compact all the time.
    #[test]
    fn a_usual_bucket_is_compact() {
        let (quota, mut now) = (quota(), Timestamp::from_secs(1_800_000_000));
        let mut wide = BucketReplica::new(&quota, now);
        assert!(CompactBucket::of(&wide, &quota).is_some());
        let mut spent = 0;
        for turn in 0..100 {
            now = now + Duration::from_micros(40_123);
            wide.roll(&quota, now);
            wide.follow();
            if quota.admits(wide.estimate(), 1, now) {
                wide.admit(&quota, 1, now);
                wide.follow();
                spent += 1;
            }
            if turn % 5 == 0 {
                let reply = Reply {
                    now,
                    usage: wide.estimate(),
                    mine: wide.own,
                    mine_before: Totals::default(),
                    got: 0,
                    spent,
                };
                wide.hear(&quota, &reply, 0);
            }
            let compact = CompactBucket::of(&wide, &quota);
            assert_eq!(
                compact.map(|compact| compact.widen(&quota)),
                Some(wide.clone())
            );
        }
        assert!(wide.demand().is_some() && wide.is_informed());
        assert!(size_of::<CompactBucket>() * 3 < size_of::<BucketReplica>());
    }
}
