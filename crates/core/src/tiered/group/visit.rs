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
