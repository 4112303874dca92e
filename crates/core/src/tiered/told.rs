//! A usual replica in two parts: what nearly every decision needs, in [two words](Words), and what only calls to the store need.

use super::compact::{Compact, Counts};
use super::compact_bucket::CompactBucket;
use super::replica::Replica;
use super::stamped::Stamped;
use super::words::Words;
use crate::{Quota, Timestamp};

/// What else there is of the replica. What this node admits meanwhile is only counted in the words; how much that was is
/// said when the two are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Window(WindowTold),
    Bucket(BucketTold),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WindowTold {
    current: Mine,
    previous: Mine,
    demand: u32,
    dropped: u16,
    marks: u8,
    // A bool, because the values that it cannot have are where the enum around it keeps its tag.
    closed: bool,
}

/// What this node used, and what the store knows of that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mine {
    local: u32,
    known: u32,
    granted: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BucketTold {
    marked_unsent: Stamped,
    own: u32,
    granted: u32,
    marked_own: u32,
    marked_spent: u32,
    demand: u32,
}

impl Told {
    /// Takes a replica apart, if there is nothing unusual about it.
    pub(super) fn split(replica: &Replica, quota: &Quota) -> Option<(Words, Self)> {
        match replica {
            Replica::Compact(replica) => Self::of_window(replica),
            Replica::CompactBucket(replica) => Self::of_bucket(replica, quota),
            // One that was not looked at since it became usual.
            Replica::Bucket(replica) => {
                let compact = CompactBucket::of(replica, quota)?;
                Self::of_bucket(&compact, quota)
            }
            Replica::Window(_) => None,
        }
    }

    /// Puts it together again, after this node admitted `used`.
    pub(super) fn joined(self, words: Words, used: u16, quota: &Quota) -> Replica {
        match self {
            Self::Window(told) => Replica::Compact(told.joined(words, used)),
            Self::Bucket(told) => Replica::CompactBucket(told.joined(words, used, quota)),
        }
    }

    /// How much more can be admitted before the two are joined.
    pub(super) fn room(&self, words: Words, quota: &Quota) -> u64 {
        match self {
            Self::Window(told) => {
                let [current, _] = words.counts();
                u64::from(u32::MAX - current.max(told.current.local))
            }
            Self::Bucket(told) => {
                // A front can admit no more than that.
                let most = u64::from(u16::MAX);
                let most = most.min(Stamped::MOST - told.marked_unsent.count());
                // When it is full again must be told exactly, or else it could not be joined.
                let exact = words.0.checked_add(quota.flow_nanos(most)).is_some();
                let own = u64::from(u32::MAX - told.own);
                if exact { most.min(own) } else { 0 }
            }
        }
    }

    /// When what it holds began to matter: see [`Replica::idle_at`], which is two windows later, and not before a bucket is
    /// full.
    pub(super) fn matters_since(&self, words: Words) -> (Timestamp, Timestamp) {
        match self {
            Self::Window(_) => (Timestamp::from_nanos(words.0), Timestamp::EPOCH),
            Self::Bucket(told) => {
                let full_at = Timestamp::from_nanos(words.0.max(words.1));
                (told.marked_unsent.at(), full_at)
            }
        }
    }

    fn of_window(replica: &Compact) -> Option<(Words, Self)> {
        let (current, mine) = Mine::split(replica.current)?;
        let (previous, mine_before) = Mine::split(replica.previous)?;
        let told = WindowTold {
            current: mine,
            previous: mine_before,
            demand: replica.demand,
            dropped: replica.dropped,
            marks: replica.marks,
            closed: replica.closed,
        };
        let words = Words::window(replica.start(), current, previous);
        Some((words, Self::Window(told)))
    }

    fn of_bucket(replica: &CompactBucket, quota: &Quota) -> Option<(Words, Self)> {
        let flow = quota.flow_nanos(replica.unsent());
        let charged_until = replica.heard.time().as_nanos().checked_add(flow)?;
        let told = BucketTold {
            marked_unsent: replica.marked_unsent,
            own: replica.own,
            granted: replica.granted,
            marked_own: replica.marked_own,
            marked_spent: replica.marked_spent,
            demand: replica.demand,
        };
        let charged_until = Timestamp::from_nanos(charged_until);
        let words = Words::bucket(charged_until, replica.unsent_until.time());
        Some((words, Self::Bucket(told)))
    }
}

impl Mine {
    /// What all have used, and this node's part in it. None where the store knows more than was heard of, or where it is too
    /// much.
    fn split(counts: Counts) -> Option<(u32, Self)> {
        let Counts {
            local,
            known,
            granted,
            heard,
        } = counts;
        let used = u64::from(heard) + u64::from(local);
        let used = used.checked_sub(known.into())?;
        let mine = Self {
            local,
            known,
            granted,
        };
        Some((u32::try_from(used).ok()?, mine))
    }

    const fn joined(self, used: u32, more: u16) -> Counts {
        let local = self.local.wrapping_add(more as u32);
        Counts {
            local,
            known: self.known,
            granted: self.granted,
            // What was heard did not change, and fits: only what is in between may not.
            heard: used.wrapping_add(self.known).wrapping_sub(local),
        }
    }
}

impl WindowTold {
    fn joined(self, words: Words, used: u16) -> Compact {
        let [current, previous] = words.counts();
        Compact {
            start: Timestamp::from_nanos(words.0),
            current: self.current.joined(current, used),
            previous: self.previous.joined(previous, 0),
            demand: self.demand,
            dropped: self.dropped,
            marks: self.marks,
            closed: self.closed,
        }
    }
}

impl BucketTold {
    fn joined(self, words: Words, used: u16, quota: &Quota) -> CompactBucket {
        let marked_unsent = self.marked_unsent.saturating_add(used.into());
        let flow = quota.flow_nanos(marked_unsent.count());
        let heard = Timestamp::from_nanos(words.0.saturating_sub(flow));
        CompactBucket {
            heard: heard.into(),
            unsent_until: Timestamp::from_nanos(words.1).into(),
            marked_unsent,
            own: self.own.saturating_add(used.into()),
            granted: self.granted,
            marked_own: self.marked_own,
            marked_spent: self.marked_spent,
            demand: self.demand,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Algorithm;

    fn count() -> impl Strategy<Value = u32> {
        prop_oneof![4 => 0_u32..5, 1 => (0_u32..5).prop_map(|less| u32::MAX - less), 1 => any::<u32>()]
    }

    fn counts() -> impl Strategy<Value = Counts> {
        let unsent = prop_oneof![Just(0), 0_u32..5];
        (count(), unsent, count(), count()).prop_map(|(known, unsent, granted, heard)| Counts {
            local: known.saturating_add(unsent),
            known,
            granted,
            heard,
        })
    }

    fn window() -> impl Strategy<Value = Compact> {
        let rest = (any::<u32>(), any::<u16>(), any::<u8>(), any::<bool>());
        (0_u64..1 << 40, counts(), counts(), rest).prop_map(
            |(start, current, previous, (demand, dropped, marks, closed))| Compact {
                start: Timestamp::from_nanos(start),
                current,
                previous,
                demand,
                dropped,
                marks,
                closed,
            },
        )
    }

    fn time() -> impl Strategy<Value = Timestamp> {
        let small = (0_u64..1 << 40).prop_map(Timestamp::from_nanos);
        prop_oneof![8 => small, 1 => Just(Timestamp::MAX), 1 => Just(Timestamp::EPOCH)]
    }

    fn bucket() -> impl Strategy<Value = CompactBucket> {
        let unsent = prop_oneof![4 => 0_u64..5, 1 => Just(Stamped::MOST - 3)];
        let millis = (0..=u64::MAX / 1_000_000).prop_map(Timestamp::from_millis);
        let marked = (millis, count(), count(), any::<u32>());
        (time(), time(), unsent, (count(), count()), marked).prop_map(
            |(heard, unsent_until, unsent, (own, granted), marked)| {
                let (marked_at, marked_own, marked_spent, demand) = marked;
                CompactBucket {
                    heard: heard.into(),
                    unsent_until: unsent_until.into(),
                    marked_unsent: Stamped::new(marked_at, unsent).unwrap(),
                    own: own.max(u32::try_from(unsent).unwrap()),
                    granted,
                    marked_own,
                    marked_spent,
                    demand,
                }
            },
        )
    }

    /// Admits what there is room for, taken apart and as a whole, and compares.
    fn admits_alike<R: Clone + PartialEq + core::fmt::Debug>(
        replica: &R,
        form: impl Fn(R) -> Replica,
        quota: Quota,
        costs: &[u16],
        admit: impl Fn(&mut R, u64, Timestamp) -> bool,
    ) -> Result<(), TestCaseError> {
        let mut now = Timestamp::from_secs(500);
        let Some((mut words, told)) = Told::split(&form(replica.clone()), &quota) else {
            return Ok(());
        };
        let (mut whole, mut used) = (replica.clone(), 0_u16);
        let room = told.room(words, &quota);
        for cost in costs {
            if u64::from(used + cost) > room {
                break;
            }
            now = now.plus(1_000_000);
            words.admit(&quota, *cost, now);
            used += cost;
            prop_assert!(admit(&mut whole, (*cost).into(), now), "there is room");
            let joined = told.joined(words, used, &quota);
            let whole = form(whole.clone());
            prop_assert_eq!(words.usage(&quota), whole.estimate(&quota));
            prop_assert_eq!(alloc::format!("{joined:?}"), alloc::format!("{whole:?}"));
        }
        Ok(())
    }

    proptest! {
        /// What was taken apart is whole again when it is joined, with what was admitted meanwhile (G5).
        #[test]
        fn windows_are_whole_again(replica in window(), costs in proptest::collection::vec(0_u16..4, 1..9)) {
            let quota = Quota::per_second(10).unwrap();
            admits_alike(&replica, Replica::Compact, quota, &costs, |replica, cost, _| {
                replica.admit(cost)
            })?;
        }

        /// Buckets too.
        #[test]
        fn buckets_are_whole_again(replica in bucket(), costs in proptest::collection::vec(0_u16..4, 1..9)) {
            let quota = Quota::per_second(10).unwrap();
            let quota = quota.with_algorithm(Algorithm::TokenBucket).unwrap();
            admits_alike(&replica, Replica::CompactBucket, quota, &costs, |replica, cost, now| {
                replica.admit(&quota, cost, now)
            })?;
        }
    }
}
