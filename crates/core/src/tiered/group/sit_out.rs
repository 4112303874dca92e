//! What becomes of a subject while the store is not to be asked: it is not kept for the store's sake for longer than that can be
//! told anything of use (R1).

use super::{Group, Timing, Urgency};
use crate::Timestamp;
use crate::tiered::View;

impl Group {
    /// The driver has come, as it was told to with that urgency, while the store is not to be asked. Once nothing about the
    /// subject matters any more, what is still untold can no longer be reported, and all is forgotten.
    ///
    /// Returns how much was dropped, and when the driver is to come again, if it is: not before anything is forgotten, unless
    /// the store answers.
    pub fn sit_out(
        &mut self,
        urgency: Urgency,
        view: &View,
        timing: &Timing,
        now: Timestamp,
    ) -> (u64, Option<Timestamp>) {
        self.visited(urgency, now);
        self.forget_idle(now);
        let due = self.due(view, timing);
        let until = due.map_or(now, |_| self.matters_until());
        if due.is_none() || until > now {
            return (0, due.map(|_| until));
        }
        self.roll(now);
        let dropped = self.take_dropped().saturating_add(self.unsent());
        *self = Self {
            next_call: self.next_call,
            planned: self.planned,
            ..Self::default()
        };
        (dropped, None)
    }

    fn matters_until(&self) -> Timestamp {
        let idle_at = self.members.iter();
        idle_at
            .map(|member| member.replica.idle_at(member.rule.quota()))
            .max()
            .unwrap_or_default()
    }
}
