//! A subject that the store does not serve, although it serves others: it is in a part that is lost, such as a member of a cluster.

use super::marks::Mark;
use super::{CallId, Group, Timing};
use crate::Timestamp;

impl Group {
    /// Whether the store did not serve this subject when it was last asked, although it serves others: then it is decided as if
    /// the store were [out](crate::tiered::Mode::Out), and no request waits, until a call is answered again.
    pub fn is_cut_off(&self) -> bool {
        self.marks.has(Mark::CutOff)
    }

    /// The call failed, as one that is [given up](Self::give_up), because the subject is in a part of the store that is lost. The
    /// store is tried again while there is anything to tell, or to ask for: otherwise not before the next request.
    ///
    /// Returns how much was dropped meanwhile, of which no answer will say so; `None` if it was not this group's call.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::time::Duration;
    /// use tidegate_core::tiered::{Group, Mode, Timing, View};
    /// use tidegate_core::{Fallback, PolicyName, Provenance, Quota, Rule, Timestamp};
    ///
    /// let rules = [Rule::new(PolicyName::new("per-client")?, Quota::per_minute(100)?)];
    /// let view = View { nodes: 3, alone: false, mode: Mode::Connected, suspected: false };
    /// let (timing, now) = (Timing::default(), Timestamp::from_secs(1_000_000));
    /// let mut group = Group::default();
    /// group.acquire(&rules, 1, &view, now, &mut |rule| Arc::new(*rule));
    ///
    /// let told = group.compose(None, now).ok_or("it is untold")?;
    /// assert_eq!(group.cut_off(told.call, &timing, now), Some(0));
    /// let seen = view.cut_off(Duration::ZERO);
    /// let decision = group.acquire(&rules, 1, &seen, now, &mut |rule| Arc::new(*rule));
    /// let decision = decision.ok_or("nobody waits for a part that is lost")?;
    /// assert_eq!(decision.provenance(), Provenance::Outage(Fallback::Share));
    /// assert_eq!(group.due(&view, &timing), Some(now + timing.report));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn cut_off(&mut self, call: CallId, timing: &Timing, now: Timestamp) -> Option<u64> {
        if !self.give_up(call, timing, now) {
            return None;
        }
        self.roll(now);
        let dropped = self.take_dropped();
        let asked = self.marks.has(Mark::Refused) || self.is_untold();
        let of_use = asked || !self.marks.has(Mark::TriedTwice);
        if !of_use {
            for member in self.members.iter_mut() {
                member.replica.end_doubt(member.rule.quota());
            }
        }
        let tried = [Mark::CutOff, Mark::Tried].map(|mark| self.marks.has(mark));
        for (mark, yes) in [
            (Mark::CutOff, true),
            (Mark::Tried, tried[0]),
            (Mark::TriedTwice, tried[1]),
        ] {
            self.marks.set(mark, yes && of_use);
        }
        self.marks.set(Mark::Refused, false);
        Some(dropped)
    }

    /// A request was answered without the store, and charged nothing: if the subject is cut off, the store is tried again although
    /// there may be nothing to tell.
    pub(super) fn ask_on(&mut self) {
        if self.is_cut_off() {
            self.marks.set(Mark::Refused, true);
        }
    }

    /// A call was answered.
    pub(super) fn end_cut_off(&mut self) {
        for mark in [Mark::CutOff, Mark::Tried, Mark::TriedTwice] {
            self.marks.set(mark, false);
        }
    }

    /// When the store is tried again for a subject that is cut off: soon, if it was only a moment; and in the end as seldom as one
    /// that is being denied is looked at, since there may be many.
    pub(super) fn retry_due(&self, timing: &Timing) -> Option<Timestamp> {
        let rest = match (
            self.marks.has(Mark::Tried),
            self.marks.has(Mark::TriedTwice),
        ) {
            (false, _) => timing.report,
            (true, false) => timing.report * 4,
            (true, true) => timing.refresh,
        };
        let since = self.untold_since.known().unwrap_or(Timestamp::EPOCH);
        self.is_cut_off().then(|| since + rest.min(timing.refresh))
    }
}
