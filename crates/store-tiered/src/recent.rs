//! What finished windows told lately: how much of it was this node's, and how far past the limit it went.

use std::time::Duration;

use parking_lot::Mutex;
use tidegate_core::Timestamp;
use tidegate_core::tiered::{Finished, Share};

/// Figures are of the running period and of the one before, so that none is older than two of these.
const PERIOD: Duration = Duration::from_secs(60);

/// Figures of the windows whose final counts were heard in the last one to two minutes.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    periods: Mutex<Periods>,
}

#[derive(Debug, Default)]
struct Periods {
    began: Timestamp,
    running: Period,
    before: Period,
}

#[derive(Clone, Copy, Debug, Default)]
struct Period {
    own: u64,
    total: u64,
    /// What the worst window admitted over what it was allowed.
    worst: f64,
}

impl Recent {
    pub(crate) fn add(&self, finished: Finished, now: Timestamp) {
        let mut periods = self.periods.lock();
        periods.move_to(now);
        let running = &mut periods.running;
        running.own = running.own.saturating_add(finished.own);
        running.total = running.total.saturating_add(finished.total);
        #[allow(clippy::cast_precision_loss, reason = "a ratio, for people to read")]
        let ratio = finished.total as f64 / finished.allowance.max(1) as f64;
        running.worst = running.worst.max(ratio);
    }

    /// The share that this node would take of all that was admitted; `None` if nothing was.
    pub(crate) fn share(&self, nodes: u32, now: Timestamp) -> Option<f64> {
        let (running, before) = self.both(now);
        let total = running.total.saturating_add(before.total);
        let own = running.own.saturating_add(before.own);
        (total > 0).then(|| Share::by_demand(own, total, nodes).as_fraction())
    }

    /// What the worst window admitted over its limit; `None` if none has finished.
    pub(crate) fn overshoot(&self, now: Timestamp) -> Option<f64> {
        let (running, before) = self.both(now);
        let worst = running.worst.max(before.worst);
        (worst > 0.0).then_some(worst)
    }

    fn both(&self, now: Timestamp) -> (Period, Period) {
        let mut periods = self.periods.lock();
        periods.move_to(now);
        (periods.running, periods.before)
    }
}

impl Periods {
    fn move_to(&mut self, now: Timestamp) {
        let lasted = now.since(self.began);
        // A clock that went back begins anew.
        if lasted < PERIOD && now >= self.began {
            return;
        }
        let running = std::mem::take(&mut self.running);
        self.before = if lasted < PERIOD * 2 && now >= self.began {
            running
        } else {
            Period::default()
        };
        self.began = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn window(own: u64, total: u64) -> Finished {
        Finished {
            own,
            total,
            allowance: 100,
        }
    }

    #[test]
    fn the_worst_window_is_shown_for_a_minute_or_two() {
        let recent = Recent::default();
        let start = Timestamp::from_secs(1_000);
        assert_eq!(
            (recent.overshoot(start), recent.share(4, start)),
            (None, None)
        );
        recent.add(window(50, 120), start);
        recent.add(window(0, 80), start + Duration::from_secs(59));
        let later = start + Duration::from_secs(70);
        assert_eq!(recent.overshoot(later), Some(1.2));
        // 0.8 x 50 / 200 + 0.2 / 4
        assert_eq!(recent.share(4, later), Some(0.25));
        recent.add(window(10, 10), later);
        let much_later = start + Duration::from_secs(135);
        assert_eq!(recent.overshoot(much_later), Some(0.1));
        assert_eq!(recent.overshoot(start), None, "the clock went back");
    }
}
