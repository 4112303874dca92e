//! The part of a limit that one node takes while it cannot reach the store.

use crate::quota::{MAX_COUNT, MAX_REFILL, Shape};
use crate::time::saturating_nanos;
use crate::{Algorithm, Quota};

const WHOLE: u64 = WHOLE_U32 as u64;
const WHOLE_U32: u32 = 1_000_000_000;

/// How much of a share follows demand; the rest is split evenly, so that a node that had no traffic is not shut out.
const DEMAND_PERCENT: u64 = 80;

/// The part of a limit that one node enforces alone, above 0 and at most 1, in billionths, rounded down.
///
/// `p = 0.8 x own / total + 0.2 / N`, from the last window whose final counts the node has heard; `1 / N` without
/// one. Amounts are rounded up: if the nodes' parts sum to 1, what they admit together is at most L + N (G4).
///
/// ```
/// use tidegate_core::tiered::Share;
///
/// assert_eq!(Share::even(3).of(100), 34);
/// // three nodes, and this one had 5 % of the traffic: 0.8 x 0.05 + 0.2 / 3
/// assert_eq!(Share::by_demand(5, 100, 3).of(100), 11);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share {
    billionths: u32,
}

impl Share {
    /// The whole limit.
    pub const WHOLE: Self = Self {
        billionths: WHOLE_U32,
    };

    /// One of `nodes` equal parts.
    pub fn even(nodes: u32) -> Self {
        Self::from_billionths(WHOLE / u64::from(nodes.max(1)))
    }

    /// A part by demand: this node admitted `own` of the `total` that all admitted.
    pub fn by_demand(own: u64, total: u64, nodes: u32) -> Self {
        if total == 0 {
            return Self::even(nodes);
        }
        let finished = Finished {
            own,
            total,
            allowance: 0,
        };
        Self::from_demand(finished.demand(), nodes)
    }

    /// A part by a demand that is itself given in billionths.
    pub(super) fn from_demand(demand: u32, nodes: u32) -> Self {
        let followed = u64::from(demand) * DEMAND_PERCENT / 100;
        let even = WHOLE * (100 - DEMAND_PERCENT) / 100 / u64::from(nodes.max(1));
        Self::from_billionths(followed + even)
    }

    fn from_billionths(billionths: u64) -> Self {
        Self {
            billionths: u32::try_from(billionths.clamp(1, WHOLE)).unwrap_or(1),
        }
    }

    /// This part of an amount, rounded up.
    pub fn of(self, amount: u64) -> u64 {
        scale(amount, self.billionths, true)
    }

    /// This part of an amount, rounded down.
    pub fn floor_of(self, amount: u64) -> u64 {
        scale(amount, self.billionths, false)
    }

    /// As a fraction, for people to read.
    pub fn as_fraction(self) -> f64 {
        f64::from(self.billionths) / 1e9
    }
}

fn scale(amount: u64, billionths: u32, up: bool) -> u64 {
    let product = u128::from(amount) * u128::from(billionths);
    let part = if up {
        product.div_ceil(u128::from(WHOLE))
    } else {
        product / u128::from(WHOLE)
    };
    u64::try_from(part).unwrap_or(u64::MAX)
}

/// A stretch of time that is over: a window, or as long a time under a token bucket, with its final counts.
///
/// ```
/// use tidegate_core::tiered::{Finished, Share};
///
/// let finished = Finished { own: 5, total: 100, allowance: 100 };
/// // What of the next one this node takes if it must do without the store, as one of three.
/// let share = Share::by_demand(finished.own, finished.total, 3);
/// assert_eq!(share.of(finished.allowance), 11);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finished {
    /// What this node admitted.
    pub own: u64,
    /// What all nodes admitted.
    pub total: u64,
    /// What they were allowed: the limit, or the burst and what flowed in.
    pub allowance: u64,
}

impl Finished {
    /// This node's part of what all admitted, in billionths; nothing of nothing.
    pub(super) fn demand(self) -> u32 {
        let whole = u128::from(WHOLE_U32);
        let part = u128::from(self.own.min(self.total)) * whole;
        u32::try_from(part / u128::from(self.total.max(1))).unwrap_or(WHOLE_U32)
    }
}

impl Quota {
    /// One node's part of this quota: the limit, and a token bucket's burst, scaled and rounded up.
    ///
    /// ```
    /// use tidegate_core::tiered::Share;
    /// use tidegate_core::Quota;
    ///
    /// let part = Quota::per_minute(100)?.share(Share::even(3));
    /// assert_eq!((part.limit(), part.window()), (34, Quota::per_minute(100)?.window()));
    /// # Ok::<(), tidegate_core::QuotaError>(())
    /// ```
    #[must_use]
    pub fn share(&self, share: Share) -> Self {
        let limit = share.of(self.limit()).clamp(1, MAX_COUNT);
        let Shape::Bucket { burst, .. } = self.shape() else {
            // Only a token bucket's shape can be refused.
            return self.with_limit(limit).unwrap_or(*self);
        };
        // A part of a slow bucket, rounded up, can take longer to fill than is allowed: then it holds a little less.
        let interval = self.window_nanos().div_ceil(limit);
        let longest = saturating_nanos(MAX_REFILL).saturating_sub(self.window_nanos());
        let burst = share.of(burst).min(longest / interval).max(1);
        let part = self
            .with_limit(limit)
            .and_then(|quota| quota.with_burst(burst));
        part.or_else(|_| {
            let slow = Self::new(limit, self.window())?.with_algorithm(Algorithm::TokenBucket);
            slow.or_else(|_| Self::new(1, self.window())?.with_algorithm(Algorithm::TokenBucket))
        })
        .unwrap_or(*self)
    }
}
