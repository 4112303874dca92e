//! A group in two parts: its [`Front`], by which nearly every request is decided, and the rest.

#[cfg(test)]
mod tests;

use alloc::sync::Arc;

use super::call::Call;
use super::front::{Denies, Front};
use super::marks::{Mark, Marks};
use super::pace::Pace;
use super::visit::Planned;
use super::{Group, Urgency};
use crate::tiered::lifetime::Lifetime;
use crate::tiered::members::{Member, Members};
use crate::tiered::moment::Moment;
use crate::tiered::replica::Replica;
use crate::tiered::told::Told;
use crate::{Rule, Timestamp};

/// What is left of a [`Group`] without its [`Front`] and its rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rest {
    told: Told,
    next_call: u32,
    /// How much the front was given to admit.
    given: u16,
    state: State,
    pace: Pace,
}

// It is kept for every subject: what this grows by is paid for a million times.
const _: () = assert!(size_of::<Rest>() == 40);

impl Group {
    /// The only rule that the group knows, if it is the only one.
    pub fn only_rule(&self) -> Option<&Arc<Rule>> {
        match &self.members {
            Members::One(member) => Some(&member.rule),
            Members::Many(_) => None,
        }
    }

    /// Takes the group apart, if nothing about it is unusual: what is done next is [joined](Rest::join) with the rest, and the
    /// group as it was is not used any more.
    ///
    /// `number` is how the caller knows the rule, which has to be brought along; `nodes` is among how many the slack is divided.
    pub fn split(&self, number: u16, nodes: u32) -> Option<(Front, Rest)> {
        let Members::One(Member { rule, replica }) = &self.members else {
            return None;
        };
        let since = self.untold_since.known();
        let unusual = rule.is_shadow() || self.call == Call::Wants || self.is_cut_off();
        if unusual || since == Some(Timestamp::EPOCH) {
            return None;
        }
        let (words, told) = Told::split(replica, rule.quota())?;
        let quiet = self.is_quiet(replica);
        let front = Front {
            words,
            heard_at: self.heard_at.known()?,
            untold_since: since.unwrap_or(Timestamp::EPOCH),
            number,
            nodes: u16::try_from(nodes).ok()?,
            left: self.left(nodes, told.room(words, rule.quota()), quiet),
            denies: self.denies(nodes),
            lifetime: Lifetime::at_least(rule.quota().window_nanos()),
        };
        let rest = Rest {
            told,
            next_call: self.next_call,
            given: front.left,
            state: State::new(self.planned, self.call, self.marks, quiet),
            pace: self.pace,
        };
        Some((front, rest))
    }

    /// How much may be admitted without another look at the group. While a call is under way: as much as
    /// [`acquire_usual`](Self::acquire_usual) would admit, once something is untold since it began, because nothing is planned until
    /// it ends. (The first says since when, and the front would have a visit planned with that.) Otherwise as much as that would call
    /// covered, after the first of a [quiet](Self::is_quiet) group.
    fn left(&self, nodes: u32, room: u64, quiet: bool) -> u16 {
        let untold = self.untold_since.known().is_some();
        let Some((slack, early)) = self.early_at(nodes) else {
            return 0;
        };
        let most = if untold && self.call != Call::None {
            slack
        } else if quiet || (untold && self.planned.is_soon()) {
            slack.min(early - 1)
        } else {
            0
        };
        let left = most.saturating_sub(self.unsent());
        u16::try_from(left.min(room)).unwrap_or(u16::MAX)
    }

    /// Whether the driver does not come within T, and would have nothing to do: after the next request that is admitted it has
    /// to [come by then](super::Visit::soon), and nothing else.
    fn is_quiet(&self, replica: &Replica) -> bool {
        let planned = self.planned.is_soon() || self.call != Call::None;
        let said = self.untold_since.known().is_some() || self.marks != Marks::default();
        !planned && !said && self.has_nothing_to_tell(replica)
    }

    /// Whether it need not be asked to deny a request: as long as [`plan`](Self::plan) would plan nothing after that.
    fn denies(&self, nodes: u32) -> Denies {
        if !self.marks.has(Mark::Refused) {
            return Denies::No;
        }
        // While a call is under way nothing is planned.
        if self.planned.covers(Urgency::Now) || self.call != Call::None {
            return Denies::Yes;
        }
        if self.planned.is_soon() {
            let early = self.early_at(nodes).map_or(0, |(_, early)| early);
            return if self.unsent() < early {
                Denies::Yes
            } else {
                Denies::No
            };
        }
        let quiet = match &self.members {
            Members::One(member) => self.has_nothing_to_tell(&member.replica),
            Members::Many(_) => false,
        };
        if quiet && !self.planned.is_none() {
            Denies::UntilRefreshed
        } else {
            Denies::No
        }
    }

    /// The slack, and at how much that is unsent a report is due early.
    fn early_at(&self, nodes: u32) -> Option<(u64, u64)> {
        let Members::One(Member { rule, .. }) = &self.members else {
            return None;
        };
        let slack = rule.tolerance().slack(rule.quota().limit(), nodes);
        Some((slack, self.pace.early_at(slack)))
    }
}

impl Rest {
    /// The group again, after its front decided: `rule` is the one with the front's [number](Front::number).
    pub fn join(self, front: &Front, rule: Arc<Rule>) -> Group {
        let used = self.given - front.left;
        let untold = (front.untold_since != Timestamp::EPOCH).then_some(front.untold_since);
        let replica = self.told.joined(front.words, used, rule.quota());
        let (_, call, marks) = self.state.parts();
        Group {
            members: Members::One(Member { rule, replica }),
            untold_since: Moment::from(untold),
            heard_at: front.heard_at.into(),
            next_call: self.next_call,
            call,
            marks,
            planned: self.planned(front),
            pace: self.pace,
        }
    }

    /// When the driver comes: also within T, if the group was quiet and its front has admitted anything since.
    fn planned(&self, front: &Front) -> Planned {
        let (mut planned, ..) = self.state.parts();
        if self.state.is_quiet() && front.untold_since != Timestamp::EPOCH {
            planned.add(Urgency::Soon);
        }
        planned
    }

    /// Whether the group may be forgotten; a little later than [`Group::is_idle`] says, since the rule is not at hand.
    pub fn is_idle(&self, front: &Front, now: Timestamp) -> bool {
        let (_, call, _) = self.state.parts();
        let planned = self.planned(front);
        let (since, full_at) = self.told.matters_since(front.words);
        let until = since.plus(front.lifetime.as_nanos().saturating_mul(2));
        call == Call::None && planned.is_none() && until.max(full_at) <= now
    }
}

/// What a group remembers beside its counts, in a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State(u8);

impl State {
    const CALL: u8 = 1 << 3;
    const MARKS: u32 = 4;
    const QUIET: u8 = 1 << 7;

    fn new(planned: Planned, call: Call, marks: Marks, quiet: bool) -> Self {
        let reports = if call == Call::None { 0 } else { Self::CALL };
        let quiet = if quiet { Self::QUIET } else { 0 };
        Self(planned.bits() | reports | marks.bits() << Self::MARKS | quiet)
    }

    const fn is_quiet(self) -> bool {
        self.0 & Self::QUIET != 0
    }

    fn parts(self) -> (Planned, Call, Marks) {
        let call = if self.0 & Self::CALL == 0 {
            Call::None
        } else {
            Call::Reports
        };
        let planned = Planned::from_bits(self.0 & (Self::CALL - 1));
        (
            planned,
            call,
            Marks::from_bits((self.0 & !Self::QUIET) >> Self::MARKS),
        )
    }
}
