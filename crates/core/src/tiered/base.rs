//! From where this node's totals count, in each life that a subject has on it.
//!
//! A bucket's totals only ever grow, and the store merges them by maximum for as long as anybody keeps its record alive. A node
//! forgets a subject of which nothing matters any more, and begins anew when it is asked for it: were it to begin at zero, the
//! store, which remembers what was told in the life before, would take what is told now for old news (G2, G5).
//!
//! # Why what is told in a new life is counted
//!
//! So it begins where no earlier life has got to, and says that this is what the store acknowledged: a store that knows less
//! believes that, as after a loss of data, charges nothing for it, and counts from there. It begins at as many units as have
//! flowed in since the epoch. In a life that began at x at most as many were used as flowed in until the bucket was full again,
//! and it is not forgotten before. So a later life begins at x and what was used, or beyond. Nothing need be asked for first, and a
//! report may be lost, repeated or late like any other.
//!
//! What makes this untrue is seen in the first answer, by [`as_remembered`]: a count that begins anew after a lap (so that numbers
//! stay small), what was used beyond the limit or given back, a clock that was wrong. Unseen it stays only if the earlier life
//! ended within what was told before that answer: less than the slack, of a lap of eight million.

use crate::shared::Totals;
use crate::{Quota, Timestamp};

/// Three bytes in the store, while no more is used than that again.
const LAP: u64 = 1 << 23;

/// What the totals of a life that begins now begin with.
pub(super) fn first_totals(quota: &Quota, now: Timestamp) -> Totals {
    let flowed = now.as_nanos() / quota.flow_nanos(1).max(1) % LAP;
    Totals {
        local: flowed,
        granted: flowed,
        // Given back is so seldom that it begins when it is.
        returned: 0,
    }
}

/// This node's totals after an answer: `own` itself, unless the store counts from elsewhere than from `base`, which it
/// acknowledged, or which this life began with. Then what was used since comes on top of what it remembers, and is still to be told.
///
/// `mine` is what the store says of this node, with what it `got` in this call. More granted than that was granted by a call of
/// this life whose answer was lost; but not if it is more than `most`, or if the store is seen to remember another life.
pub(super) fn as_remembered(
    own: Totals,
    base: Totals,
    (mine, got): (Totals, u64),
    most: u64,
) -> Totals {
    let granted = mine.granted.saturating_sub(got);
    let another = mine.local > own.local || granted.saturating_sub(base.granted) > most;
    Totals {
        local: counted_from(own.local, base.local, mine.local),
        granted: if another {
            granted
        } else {
            own.granted.min(granted)
        },
        returned: counted_from(own.returned, base.returned, mine.returned),
    }
}

/// A total of this node, by what the store says of it.
fn counted_from(own: u64, base: u64, mine: u64) -> u64 {
    if (base..=own).contains(&mine) {
        own
    } else {
        mine.saturating_add(own.saturating_sub(base))
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::Algorithm;

    proptest! {
        /// Whatever a bucket was used for, and whenever it is full again: the next life begins beyond that.
        #[test]
        fn g5_a_later_life_begins_beyond_an_earlier_one(
            // No more than one unit in 100 ns, or else it is no quota.
            limit in 1_u64..10_000,
            millis in 1_u64..100_000,
            begins in 0_u64..100_000_000_000,
            used in 0_u64..10_000,
        ) {
            let quota = Quota::new(limit, Duration::from_millis(millis)).unwrap();
            let quota = quota.with_algorithm(Algorithm::TokenBucket).unwrap();
            // In one lap.
            let lap = quota.flow_nanos(LAP - used);
            let begins = Timestamp::from_nanos(begins % lap.max(1));
            let full_at = begins.plus(quota.flow_nanos(used));
            let (first, second) = (first_totals(&quota, begins), first_totals(&quota, full_at));
            prop_assert!(second.local >= first.local + used, "{first:?} {second:?}");
            prop_assert!(second.granted >= first.granted + used, "{first:?} {second:?}");
        }

        /// All that can have been granted by a call whose answer was lost is taken for that, and one more is not.
        #[test]
        fn g5_as_much_as_a_bucket_holds_may_have_been_granted_by_a_lost_call(
            base in 0_u64..100, most in 1_u64..100, got in 0_u64..3,
        ) {
            let totals = |granted| Totals { granted, ..Totals::default() };
            let known = |lost: u64| {
                let mine = totals(base + lost + got);
                as_remembered(totals(base), totals(base), (mine, got), most).granted
            };
            prop_assert_eq!(known(most), base);
            prop_assert_eq!(known(most + 1), base + most + 1);
        }

        /// Small enough for the compact form, and for three bytes in the store.
        #[test]
        fn it_begins_with_small_numbers(limit in 1_u64..1 << 39, nanos in any::<u64>()) {
            let quota = Quota::per_day(limit).unwrap();
            let quota = quota.with_algorithm(Algorithm::TokenBucket).unwrap();
            let totals = first_totals(&quota, Timestamp::from_nanos(nanos));
            prop_assert!(totals.local < 1 << 23 && totals.granted < 1 << 23);
        }
    }
}
