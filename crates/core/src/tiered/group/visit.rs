//! When a subject is to be looked at next, to be reported or asked about: the group says so, once for each visit.

use core::time::Duration;

use super::call::Call;
use super::marks::Mark;
use super::{Group, slack};
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
    /// that all nodes divide by the same total (G4). A report is due after T; a driver that looks every T comes up to two T
    /// later, and the report is under way for about another.
    pub(super) fn settling(&self, quota: &Quota) -> u64 {
        saturating_nanos(self.report * 5).min(quota.window_nanos() / 2)
    }

    /// How long all nodes take until they have told a store again what it lost, in nanoseconds: who is asked for the subject
    /// looks at its counts meanwhile, and who is not registers.
    pub(super) fn again(&self) -> u64 {
        saturating_nanos(self.refresh * 2)
    }
}

/// When the driver is to visit a subject: to compose what is [due](Group::due), and to say that it was there
/// ([`visited`](Group::visited)).
///
/// ```
/// use std::sync::Arc;
/// use tidegate_core::tiered::{Group, Mode, Timing, Urgency, View};
/// use tidegate_core::{PolicyName, Quota, Rule, Timestamp};
///
/// let rules = [Rule::new(PolicyName::new("per-client")?, Quota::per_minute(100)?)];
/// let view = View { nodes: 3, alone: false, mode: Mode::Connected, suspected: false };
/// let (timing, now) = (Timing::default(), Timestamp::from_secs(1_000_000));
/// let mut group = Group::default();
/// group.acquire(&rules, 1, &view, now, &mut |rule| Arc::new(*rule));
///
/// // The store has not heard of this subject yet, and is told at once.
/// let visit = group.plan(None, &view, &timing, now).ok_or("no visit")?;
/// assert_eq!(visit.urgency, Urgency::Now);
/// group.visited(visit.urgency, now);
/// assert!(group.compose(None, now).is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Visit {
    /// On which of its lists the driver is to put the subject.
    pub urgency: Urgency,
    /// When it is to come, on the store's clock.
    pub at: Timestamp,
}

impl Visit {
    /// The visit after a request that was admitted by a [`Front`](super::Front), whose verdict is not
    /// [covered](super::Verdict::is_covered): T later, to report.
    ///
    /// ```
    /// use tidegate_core::Timestamp;
    /// use tidegate_core::tiered::{Timing, Urgency, Visit};
    ///
    /// let (timing, now) = (Timing::default(), Timestamp::from_secs(1_000_000));
    /// let visit = Visit::soon(&timing, now);
    /// assert_eq!((visit.urgency, visit.at), (Urgency::Soon, now + timing.report));
    /// ```
    #[inline]
    pub fn soon(timing: &Timing, now: Timestamp) -> Self {
        Self {
            urgency: Urgency::Soon,
            at: now + timing.report,
        }
    }
}

/// How soon the driver is to visit a subject. It has a list for each, on which a subject is at most once: a visit that is
/// far ahead need not be found and brought forward when something turns up that must be told soon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// Later than T from now.
    Later,
    /// Within T, the longest that a count may stay unreported.
    Soon,
    /// At once.
    Now,
}

impl Urgency {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Later, Self::Soon, Self::Now];

    fn of(at: Timestamp, timing: &Timing, now: Timestamp) -> Self {
        if at <= now {
            Self::Now
        } else if at <= now + timing.report {
            Self::Soon
        } else {
            Self::Later
        }
    }
}

/// On which of the driver's lists the subject is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Planned(u8);

impl Planned {
    pub(super) fn is_none(self) -> bool {
        self.0 == 0
    }

    /// Whether the driver comes within T.
    pub(super) fn is_soon(self) -> bool {
        self.covers(Urgency::Soon)
    }

    /// Three bits.
    pub(super) const fn bits(self) -> u8 {
        self.0
    }

    pub(super) const fn from_bits(bits: u8) -> Self {
        Self(bits)
    }

    /// Whether the driver comes as soon as this, or sooner.
    pub(super) fn covers(self, urgency: Urgency) -> bool {
        self.0 >= Self::bit(urgency)
    }

    pub(super) fn add(&mut self, urgency: Urgency) {
        self.0 |= Self::bit(urgency);
    }

    fn remove(&mut self, urgency: Urgency) {
        self.0 &= !Self::bit(urgency);
    }

    fn bit(urgency: Urgency) -> u8 {
        1 << (urgency as u8)
    }
}

/// About how much is asked for while a call is under way: a power of two, by its exponent plus one; 0 for nothing. The highest
/// bit says whether a request has to wait for the call under way, although that only reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pace(u8);

impl Pace {
    const WAITED: u8 = 1 << 7;

    /// At how much that is unsent a report is started.
    ///
    /// Every call should tell as much as it can (R3), so it is the whole slack where next to nothing comes before the answer.
    /// The faster requests come, the earlier it is, so that hardly one need wait: at half of the slack at the earliest. And where
    /// more comes meanwhile than the slack allows, so that requests wait whenever it starts, it is left to the first that has
    /// to: its call tells the whole slack, and asks for all who wait besides.
    #[inline]
    pub(super) fn early_at(self, slack: u64) -> u64 {
        let meanwhile = match self.exponent() {
            0 => 0,
            exponent => 1_u64 << (exponent - 1),
        };
        if meanwhile > slack {
            return slack.saturating_add(1);
        }
        let late = slack.saturating_sub(meanwhile.saturating_sub(1));
        late.max(slack.div_ceil(2)).max(1)
    }

    /// A call begins: nobody has had to wait for its end yet.
    pub(super) const fn begins(&mut self) {
        self.0 &= !Self::WAITED;
    }

    /// A request has to wait for the end of a call that only reports: it was started too late.
    pub(super) const fn waits(&mut self) {
        self.0 |= Self::WAITED;
    }

    /// So much was admitted, or would have been, while a call was under way. Where a request had to wait it would have been more:
    /// that request at least, and nobody knows how many others; it is taken for twice as much.
    pub(super) fn learn(&mut self, meanwhile: u64) {
        let waited = self.0 & Self::WAITED != 0;
        let meanwhile = if waited {
            meanwhile.saturating_add(1).saturating_mul(2)
        } else {
            meanwhile
        };
        let rounded_up = meanwhile.checked_next_power_of_two().unwrap_or(1 << 63);
        let exponent = if meanwhile == 0 {
            0
        } else {
            // At most 63 and one.
            u8::try_from(rounded_up.trailing_zeros() + 1).unwrap_or(64)
        };
        // Only step by step, four times or a quarter: traffic comes in bursts, and a call may take long by accident.
        let before = self.exponent();
        self.0 = exponent.clamp(before.saturating_sub(2), before.saturating_add(2));
    }

    const fn exponent(self) -> u8 {
        self.0 & !Self::WAITED
    }
}

impl Group {
    /// When this subject should be reported or looked at next; `None` while a call is in flight, or if nothing
    /// calls for it.
    pub fn due(&self, view: &View, timing: &Timing) -> Option<Timestamp> {
        if self.call != Call::None {
            return None;
        }
        if let Some(retry) = self.retry_due(timing) {
            return Some(retry);
        }
        let members = self.members.iter().filter_map(|member| {
            let (quota, replica) = (member.rule.quota(), &member.replica);
            if replica.is_untold() {
                let slack = slack(&member.rule, view);
                let early = replica.unsent() >= self.pace.early_at(slack);
                // What the store has never told of is told at once (a window that begins anew is not).
                let early = early || self.heard_at.known().is_none();
                return Some(self.report_due(early, view, timing));
            }
            replica
                .window_to_close()
                .map(|start| start.plus(timing.settling(quota)))
        });
        let refused = self.marks.has(Mark::Refused);
        let refresh = refused.then(|| self.refresh_due(timing));
        let lost = self.marks.has(Mark::Lost);
        let again = lost.then(|| self.report_due(false, view, timing));
        members
            .chain(refresh)
            .chain(again)
            .chain(self.doubt_due(timing))
            .min()
    }

    /// When the driver is to come, unless it comes as soon anyway: when it is `wanted`, or else when something is due.
    #[inline]
    pub fn plan(
        &mut self,
        wanted: Option<Timestamp>,
        view: &View,
        timing: &Timing,
        now: Timestamp,
    ) -> Option<Visit> {
        if self.planned.covers(Urgency::Now)
            || (wanted.is_none() && self.is_covered(view, timing, now))
        {
            return None;
        }
        let at = match wanted {
            Some(at) => at,
            None => self.due(view, timing)?,
        };
        let urgency = Urgency::of(at, timing, now);
        if self.planned.covers(urgency) {
            return None;
        }
        self.planned.add(urgency);
        Some(Visit { urgency, at })
    }

    /// The driver has come, at `now`, as it was told with that urgency: if the store's clock stepped back, what is due is so
    /// from now on, also if no request comes.
    pub fn visited(&mut self, urgency: Urgency, now: Timestamp) {
        self.planned.remove(urgency);
        self.keep_time(now);
    }

    /// When the view of a subject that is being denied is refreshed; at once if it is of no age that could be told.
    pub(super) fn refresh_due(&self, timing: &Timing) -> Timestamp {
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

    pub(super) fn doubt_due(&self, timing: &Timing) -> Option<Timestamp> {
        let doubts = self.members.iter();
        let until = doubts
            .filter_map(|member| member.replica.doubted_until())
            .max()?;
        let soon = (until - timing.refresh) + timing.report;
        let heard = self.heard_at.known();
        let next = [soon, until]
            .into_iter()
            .find(|check| heard.is_none_or(|heard| heard < *check));
        // Heard since then were others of the subject's policies, if there are too many for one call.
        Some(next.unwrap_or(until))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As often as it takes until what is learned is believed.
    fn learn_for_long(pace: &mut Pace, meanwhile: u64) {
        for _ in 0..64 {
            pace.learn(meanwhile);
        }
    }

    #[test]
    fn r3_a_report_tells_nearly_all_of_the_slack_unless_much_happens_meanwhile() {
        let mut pace = Pace::default();
        assert_eq!(pace.early_at(50), 50);
        pace.learn(1);
        assert_eq!(pace.early_at(50), 50, "one waits at most");
        pace.learn(3);
        assert_eq!(pace.early_at(50), 47, "four, or one of them waits");
        learn_for_long(&mut pace, 17);
        assert_eq!(pace.early_at(50), 25, "never earlier than at half of it");
        learn_for_long(&mut pace, 50);
        assert_eq!(pace.early_at(64), 32, "64 may still come without waiting");
        assert_eq!(pace.early_at(50), 51, "they wait anyway");
        learn_for_long(&mut pace, 0);
        assert_eq!(pace.early_at(50), 50);
        assert_eq!(
            (pace.early_at(0), pace.early_at(1), pace.early_at(2)),
            (1, 1, 2)
        );
        learn_for_long(&mut pace, u64::MAX);
        assert_eq!(pace.early_at(u64::MAX), u64::MAX / 2 + 1);
        assert_eq!(pace.early_at(1 << 62), (1 << 62) + 1);
    }

    #[test]
    fn r3_one_call_that_took_long_does_not_make_the_next_ones_tell_much_less() {
        let mut pace = Pace::default();
        let steps = [
            (1, 50),
            (64, 47),
            (64, 35),
            (64, 51),
            (0, 35),
            (0, 47),
            (0, 50),
        ];
        for (step, (meanwhile, early)) in steps.into_iter().enumerate() {
            pace.learn(meanwhile);
            assert_eq!(pace.early_at(50), early, "after call {step}");
        }
    }

    #[test]
    fn r3_a_request_that_had_to_wait_shows_that_more_came_than_was_admitted() {
        let mut pace = Pace::default();
        learn_for_long(&mut pace, 25);
        assert_eq!(pace.early_at(50), 25);
        pace.waits();
        assert_eq!(pace.early_at(50), 25, "nothing is learned yet");
        pace.learn(25);
        assert_eq!(pace.early_at(50), 51, "they wait anyway");
        pace.learn(25);
        assert_eq!(pace.early_at(50), 25, "nobody had to wait this time");

        let mut pace = Pace::default();
        pace.waits();
        pace.begins();
        pace.learn(0);
        assert_eq!(pace.early_at(50), 50, "it waited for another call");
        // As many are admitted as there is room for, and one waits, however many come.
        for (admitted, early) in [(0, 49), (1, 47), (3, 43), (7, 35), (15, 25)] {
            pace.waits();
            pace.learn(admitted);
            assert_eq!(pace.early_at(50), early);
        }
        pace.waits();
        learn_for_long(&mut pace, u64::MAX);
        assert_eq!(pace.early_at(u64::MAX), u64::MAX / 2 + 1);
    }
}
