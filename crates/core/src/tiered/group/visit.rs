//! When a subject is to be looked at next, to be reported or asked about: the group says so, once for each visit.

use core::time::Duration;

use super::Group;
use super::call::Call;
use crate::tiered::{Mode, View};
use crate::time::saturating_nanos;
use crate::{Quota, Timestamp};

/// How long a node waits before it speaks to the store by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// T: how long a count may stay unreported.
    pub report: Duration,
    /// How often the view of a subject that is being denied is refreshed.
    pub refresh: Duration,
}

impl Default for Timing {
    /// Reports after 50 ms; denied subjects are looked at once a second.
    fn default() -> Self {
        Self {
            report: Duration::from_millis(50),
            refresh: Duration::from_secs(1),
        }
    }
}

impl Timing {
    /// How long after a window's end its counts are final, in nanoseconds: the others' last reports of it have come in, so
    /// that all nodes divide by the same total (G4).
    pub(super) fn settling(&self, quota: &Quota) -> u64 {
        saturating_nanos(self.report * 2).min(quota.window_nanos() / 2)
    }
}

/// When the driver is to visit a subject: to compose what is [due](Group::due), and to say that it was there
/// ([`visited`](Group::visited)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visit {
    /// At once.
    Now,
    /// At that time, on the store's clock.
    At(Timestamp),
}

/// For when the driver was told to come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Planned {
    #[default]
    No,
    Later,
    Now,
}

impl Group {
    /// When this subject should be reported or looked at next; `None` while a call is in flight, or if nothing
    /// calls for it.
    pub fn due(&self, view: &View, timing: &Timing) -> Option<Timestamp> {
        if self.call != Call::None {
            return None;
        }
        let members = self.members.iter().filter_map(|member| {
            let (quota, replica) = (member.rule.quota(), &member.replica);
            if replica.is_untold() {
                let slack = member.rule.tolerance().slack(quota.limit(), view.nodes);
                let early = !replica.is_informed() || replica.unsent() >= self.early_at(slack);
                return Some(self.report_due(early, view, timing));
            }
            replica
                .window_to_close()
                .map(|start| start.plus(timing.settling(quota)))
        });
        let refresh = self.refused.then(|| self.refresh_due(timing));
        members.chain(refresh).chain(self.doubt_due(timing)).min()
    }

    /// When the driver is to come, unless it was told so before: what was `wanted`, or else when something is due.
    #[inline]
    pub fn plan(
        &mut self,
        wanted: Option<Visit>,
        view: &View,
        timing: &Timing,
        now: Timestamp,
    ) -> Option<Visit> {
        if self.planned == Planned::Now {
            return None;
        }
        let visit = match wanted {
            Some(visit) => visit,
            None => Visit::At(self.due(view, timing)?),
        };
        match visit {
            Visit::At(at) if at > now => {
                let known = self.planned == Planned::Later;
                self.planned = Planned::Later;
                (!known).then_some(visit)
            }
            Visit::At(_) | Visit::Now => {
                self.planned = Planned::Now;
                Some(Visit::Now)
            }
        }
    }

    /// The driver has come, at `now`: if the store's clock stepped back, what is due is so from now on, also if no request
    /// comes.
    pub fn visited(&mut self, now: Timestamp) {
        self.planned = Planned::No;
        self.keep_time(now);
    }

    /// When the view of a subject that is being denied is refreshed; at once if it is of no age that could be told.
    fn refresh_due(&self, timing: &Timing) -> Timestamp {
        match (self.heard_at.known(), self.untold_since.known()) {
            (Some(at), _) => at + timing.refresh,
            // Or T after a call that failed.
            (None, Some(since)) => since + timing.report,
            (None, None) => Timestamp::EPOCH,
        }
    }

    fn report_due(&self, early: bool, view: &View, timing: &Timing) -> Timestamp {
        let since = self.untold_since.known();
        // After a call that failed, even what is urgent waits for T.
        let at_once = early && (since.is_none() || view.mode == Mode::Connected);
        let since = since.unwrap_or(Timestamp::EPOCH);
        if at_once {
            since
        } else {
            since + timing.report
        }
    }

    /// At how much that is unsent a report is started, so that its answer comes before the slack is used up: as early as
    /// at half of it, and as late as twice the pace allows, since every call should tell as much as it can (R3).
    fn early_at(&self, slack: u64) -> u64 {
        let meanwhile = match self.pace {
            0 => 0,
            exponent => 1_u64 << (exponent - 1),
        };
        let late = slack.saturating_sub(meanwhile.saturating_mul(2).saturating_add(1));
        late.max(slack.div_ceil(2)).max(1)
    }

    /// So much was admitted while a call was under way.
    pub(super) fn learn_pace(&mut self, meanwhile: u64) {
        let rounded_up = meanwhile.checked_next_power_of_two().unwrap_or(1 << 63);
        let exponent = if meanwhile == 0 {
            0
        } else {
            // At most 63 and one.
            u8::try_from(rounded_up.trailing_zeros() + 1).unwrap_or(64)
        };
        // Slower only step by step, as traffic comes in bursts.
        self.pace = exponent.max(self.pace.saturating_sub(1));
    }

    fn doubt_due(&self, timing: &Timing) -> Option<Timestamp> {
        let doubts = self.members.iter();
        let until = doubts
            .filter_map(|member| member.replica.doubted_until())
            .max()?;
        let soon = (until - timing.refresh) + timing.report;
        let heard = self.heard_at.known();
        [soon, until]
            .into_iter()
            .find(|check| heard.is_none_or(|heard| heard < *check))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r3_a_report_tells_nearly_all_of_the_slack_unless_much_happens_meanwhile() {
        let mut group = Group::default();
        assert_eq!(group.early_at(50), 49);
        group.learn_pace(3);
        assert_eq!(group.early_at(50), 41, "4 and 4 more, and the next one");
        group.learn_pace(1_000);
        assert_eq!(group.early_at(50), 25, "never later than at half of it");
        for _ in 0..11 {
            group.learn_pace(0);
        }
        assert_eq!(group.early_at(50), 49);
        assert_eq!(
            (group.early_at(0), group.early_at(1), group.early_at(2)),
            (1, 1, 1)
        );
        group.learn_pace(u64::MAX);
        assert_eq!(group.early_at(u64::MAX), u64::MAX / 2 + 1);
    }
}
