//! A replica under a window algorithm: the current window and the one before.

use super::moment::Moment;
use super::replica::{Answer, Told};
use super::tally::Tally;
use super::{Finished, Share};
use crate::shared::{Reply, Report, Totals, WindowReport};
use crate::{Quota, Timestamp, Usage};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct WindowReplica {
    pub(super) start: Timestamp,
    pub(super) current: Tally,
    pub(super) previous: Tally,
    /// This node's part of what all used in the last window whose final counts it heard, in billionths.
    pub(super) demand: Option<u32>,
    /// Whether the previous window's final counts have been heard.
    pub(super) closed: bool,
    /// Until when a call that was given up may still be carried out.
    pub(super) doubted_until: Moment,
    /// Until when it is not believed that others have used less than before: the store may have lost its data, and they have not
    /// told it again.
    pub(super) kept_until: Moment,
    /// What the store says of the others meanwhile, in the current window and in the one before; nothing at other times.
    pub(super) said: [u64; 2],
    /// What could no longer be reported, because its window was too long past, and nobody has been told so.
    pub(super) dropped: u64,
}

/// How much later than another, which was decided before it, a request can have looked at the clock.
const OVERTAKEN: u64 = 1_000_000_000;

impl WindowReplica {
    /// Moves into the window that holds `now`. What can no longer be reported is noted.
    pub(super) fn roll(&mut self, quota: &Quota, now: Timestamp) {
        let window = quota.window_nanos();
        if now < self.start {
            // A request that was overtaken is taken for one of this window. Anything earlier is a step of the store's clock:
            // what is counted from here on is of another window.
            if self.start.nanos_since(now) > OVERTAKEN.min(window / 2) {
                self.step_back(window, start_of(window, now));
            }
            return;
        }
        if now.nanos_since(self.start) < window {
            return;
        }
        let start = start_of(window, now);
        if start <= self.start {
            return;
        }
        self.note_dropped(self.previous);
        if self.start.plus(window) == start {
            self.previous = core::mem::take(&mut self.current);
            self.said = [0, self.said[0]];
        } else {
            self.said = [0; 2];
            self.note_dropped(self.current);
            self.previous = Tally::default();
            self.current = Tally::default();
        }
        self.start = start;
        self.closed = false;
    }

    const fn note_dropped(&mut self, tally: Tally) {
        self.dropped = self.dropped.saturating_add(tally.unsent());
    }

    pub(super) const fn estimate(&self) -> Usage {
        Usage::window(
            self.start,
            self.current.estimate(),
            self.previous.estimate(),
        )
    }

    pub(super) fn estimate_within(&self, share: Share) -> Usage {
        let (current, previous) = (&self.current, &self.previous);
        Usage::window(
            self.start,
            current.estimate_within(share),
            previous.estimate_within(share),
        )
    }

    pub(super) fn estimate_returning(&self, share: Share) -> Usage {
        let (current, previous) = (&self.current, &self.previous);
        Usage::window(
            self.start,
            current.estimate_returning(share),
            previous.estimate_returning(share),
        )
    }

    pub(super) const fn unsent(&self) -> u64 {
        self.current.unsent()
    }

    /// What of all that this node admitted by itself the store does not know yet, and can still be told.
    pub(super) const fn unsent_of_both(&self) -> u64 {
        self.current.unsent().saturating_add(self.previous.unsent())
    }

    /// With what was dropped the next answer is awaited too, since it says how much that was.
    pub(super) fn is_untold(&self) -> bool {
        self.current.is_untold() || self.previous.is_untold() || self.dropped > 0
    }

    pub(super) fn is_told(&self) -> bool {
        let told = |tally: &Tally| tally.known != Totals::default();
        told(&self.current) || told(&self.previous)
    }

    pub(super) const fn is_informed(&self) -> bool {
        self.current.informed
    }

    pub(super) const fn demand(&self) -> Option<u32> {
        self.demand
    }

    /// When the current window began, if its predecessor's final counts should be asked for at all.
    pub(super) fn window_to_close(&self) -> Option<Timestamp> {
        let wanted = !self.closed && !self.previous.isolated && self.previous.own.net() > 0;
        wanted.then_some(self.start)
    }

    pub(super) fn admit(&mut self, cost: u64) {
        self.current.own.local = self.current.own.local.saturating_add(cost);
    }

    pub(super) fn admit_isolated(&mut self, cost: u64, unanswered: bool) {
        self.current.isolated = true;
        if unanswered {
            self.current.pending = self.current.pending.saturating_add(cost);
        } else {
            self.admit(cost);
        }
    }

    pub(super) const fn isolate(&mut self) {
        self.current.isolated = true;
    }

    /// Gives `cost` back to the window that it was charged to, if that can still be reported.
    pub(super) fn give_back(&mut self, cost: u64, charged: Usage, window: u64) {
        let tally = if charged.at() == self.start {
            &mut self.current
        } else if charged.at().plus(window) == self.start {
            &mut self.previous
        } else {
            return;
        };
        tally.own.returned = tally.own.returned.saturating_add(cost);
    }

    pub(super) const fn report(&self, window: u64) -> Report {
        let before = Timestamp::from_nanos(self.start.as_nanos().saturating_sub(window));
        Report::Windows {
            current: WindowReport {
                start: self.start,
                totals: self.current.own,
            },
            previous: WindowReport {
                start: before,
                totals: self.previous.own,
            },
        }
    }

    /// Takes a reply into account, at `now` on the store's clock.
    pub(super) fn hear(&mut self, quota: &Quota, answer: Answer<'_>, now: Timestamp) -> Told {
        let Answer { reply, used, .. } = answer;
        let window = quota.window_nanos();
        let start = reply.usage.at();
        self.roll(quota, start_of(window, now).max(start));
        let mut told = Told::default();
        let others = self.others();
        if start.plus(window) == self.start {
            // The answer was given in the window before, and arrives in this one.
            told.others = self
                .previous
                .shows_others(reply.usage.current(), reply.mine);
            self.previous
                .hear(reply.usage.current(), reply.mine, reply.got, used);
        } else if start == self.start {
            told.others = self.shows_others(reply);
            told.finished = self.hear_current(quota, answer);
        }
        self.keep_others(others, now, answer.again);
        told
    }

    /// What the others are known to have used, in the current window and in the one before.
    const fn others(&self) -> [u64; 2] {
        [self.current.others(), self.previous.others()]
    }

    /// Within a window others can only have used more than before, or else they have given something back, or the store has
    /// lost what they told it (G6). Whoever believed that at once would admit it a second time; so it is believed when all
    /// have had the time to tell the store again, since it lost something last. What was given back is late by as much.
    fn keep_others(&mut self, before: [u64; 2], now: Timestamp, again: u64) {
        let said = self.others();
        let fewer = |than: [u64; 2]| core::iter::zip(said, than).any(|(now, than)| now < than);
        let latest = now.plus(again);
        // Not later than that, should the store's clock have stepped back.
        let until = match self.kept_until.known() {
            Some(until) if !fewer(self.said) => until.min(latest),
            _ => latest,
        };
        if !fewer(before) || until <= now {
            (self.kept_until, self.said) = (Moment::NEVER, [0; 2]);
            return;
        }
        (self.kept_until, self.said) = (until.into(), said);
        self.current.keep_others(before[0]);
        self.previous.keep_others(before[1]);
    }

    /// Whether others have used the subject since this node last heard of it. In a window of which it has heard nothing yet,
    /// that is whatever they have used, if it has heard of the window before.
    const fn shows_others(&self, reply: &Reply) -> bool {
        let (current, mine) = (reply.usage.current(), reply.mine);
        let (previous, mine_before) = (reply.usage.previous(), reply.mine_before);
        let anew = !self.current.informed && self.previous.informed && current > mine.net();
        anew || self.current.shows_others(current, mine)
            || self.previous.shows_others(previous, mine_before)
    }

    fn hear_current(&mut self, quota: &Quota, answer: Answer<'_>) -> Option<Finished> {
        let Answer {
            reply,
            used,
            settling,
            ..
        } = answer;
        let before = self.previous.own;
        self.current
            .hear(reply.usage.current(), reply.mine, reply.got, used);
        self.previous
            .hear(reply.usage.previous(), reply.mine_before, 0, 0);
        // Final: the window is over, all that others used in it is in, and the store knows all that this node did.
        let settled = reply.now >= self.start.plus(settling);
        if self.closed || !settled || self.previous.own != before || reply.mine_before != before {
            return None;
        }
        self.closed = true;
        let finished = Finished {
            own: before.net(),
            total: reply.usage.previous(),
            allowance: quota.limit(),
        };
        if !self.previous.isolated && finished.total > 0 {
            self.demand = Some(finished.demand());
        }
        Some(finished)
    }

    /// The store's current window is an earlier one than this node believed: this node's clock was ahead, or the
    /// store's stepped back. What was counted in the window that begins next belongs to the current one. Of windows further
    /// ahead only what the store was never told does: the rest may be long past, and is to deny nobody now (G7).
    fn step_back(&mut self, window: u64, start: Timestamp) {
        if start.plus(window) == self.start {
            let ahead = core::mem::replace(&mut self.current, core::mem::take(&mut self.previous));
            self.current.absorb(&ahead);
        } else {
            let previous = core::mem::take(&mut self.previous);
            let current = core::mem::take(&mut self.current);
            self.current.absorb(&current.untold());
            self.current.absorb(&previous.untold());
        }
        self.start = start;
        self.closed = true;
    }

    /// From when on the replica holds nothing that matters, unless something is untold.
    pub(super) fn idle_at(&self, quota: &Quota) -> Timestamp {
        // A window longer than the usage itself needs: the demand is worth keeping that long.
        self.start.plus(2 * quota.window_nanos())
    }

    /// Forgets what was used, as the store has just done.
    pub(super) fn forget(&mut self) {
        for tally in [&mut self.current, &mut self.previous] {
            tally.known = tally.own;
            (tally.heard, tally.pending) = (0, 0);
        }
    }
}

const fn start_of(window: u64, now: Timestamp) -> Timestamp {
    Timestamp::from_nanos(now.as_nanos() / window * window)
}
