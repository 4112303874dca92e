//! Whole seconds: what HTTP's headers count in.

use std::time::Duration;

/// Rounded up, and at least 1: who waits that long has waited long enough (L5).
pub(crate) const fn rounded_up(duration: Duration) -> u64 {
    let seconds = duration
        .as_secs()
        .saturating_add((duration.subsec_nanos() > 0) as u64);
    if seconds == 0 { 1 } else { seconds }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l5_never_too_short_never_zero() {
        assert_eq!(rounded_up(Duration::ZERO), 1);
        assert_eq!(rounded_up(Duration::from_nanos(1)), 1);
        assert_eq!(rounded_up(Duration::from_secs(1)), 1);
        assert_eq!(rounded_up(Duration::from_nanos(1_000_000_001)), 2);
        assert_eq!(rounded_up(Duration::MAX), u64::MAX);
    }
}
