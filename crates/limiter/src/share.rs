//! One node's share of a quota, for the time in which nodes cannot hear of each other.

use tidegate_core::{Algorithm, Quota, QuotaError};

/// The part of a quota that one of `nodes` enforces alone, rounded up: all shares together are at most `nodes`
/// above the quota (G4). A token bucket's rate and burst are both shared.
pub(crate) fn share(quota: &Quota, nodes: u32) -> Quota {
    if nodes <= 1 {
        return *quota;
    }
    let nodes = u64::from(nodes);
    let limit = quota.limit().div_ceil(nodes);
    of_burst(quota, limit, quota.capacity().div_ceil(nodes))
        // Rounding a slow bucket's parts up can make it too slow to fill. Its rate as burst, and at last one unit
        // per window, can always be built.
        .or_else(|_| quota.with_limit(limit))
        .or_else(|_| quota.with_limit(1))
        .unwrap_or(*quota)
}

fn of_burst(quota: &Quota, limit: u64, burst: u64) -> Result<Quota, QuotaError> {
    let share = quota.with_limit(limit)?;
    match quota.algorithm() {
        Algorithm::TokenBucket => share.with_burst(burst),
        Algorithm::FixedWindow | Algorithm::SlidingWindow => Ok(share),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn bucket(limit: u64, window: Duration, burst: u64) -> Quota {
        let quota = Quota::new(limit, window).unwrap();
        let bucket = quota.with_algorithm(Algorithm::TokenBucket).unwrap();
        bucket.with_burst(burst).unwrap()
    }

    #[test]
    fn g4_shares_sum_to_at_most_the_limit_and_one_per_node() {
        for limit in [1, 2, 3, 7, 10, 99, 100, 1_000_001] {
            for nodes in [1_u32, 2, 3, 4, 7, 64] {
                let quota = Quota::per_minute(limit).unwrap();
                let sum = share(&quota, nodes).limit() * u64::from(nodes);
                assert!(
                    (limit..limit + u64::from(nodes)).contains(&sum),
                    "{limit} {nodes}"
                );
            }
        }
    }

    #[test]
    fn a_share_keeps_algorithm_and_window() {
        let fixed = Quota::per_hour(100).unwrap();
        let fixed = fixed.with_algorithm(Algorithm::FixedWindow).unwrap();
        let share = share(&fixed, 3);
        assert_eq!(share.to_string(), "34 per 3600s, fixed-window");
    }

    #[test]
    fn a_bucket_shares_rate_and_burst() {
        let share = share(&bucket(10, Duration::from_secs(1), 50), 4);
        assert_eq!(share.to_string(), "3 per 1s, token-bucket of 13");
    }

    #[test]
    fn a_bucket_too_slow_to_share_exactly_has_a_smaller_burst() {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        let slow = bucket(100, 50 * DAY, 108);
        let share = share(&slow, 100);
        assert_eq!(share.to_string(), "1 per 4320000s, token-bucket of 1");
    }
}
