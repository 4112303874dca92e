//! What nearly every request is decided by, in forty bytes: small enough to lie where the subject is found.
//!
//! # Why it decides as the group would
//!
//! A [`Front`] is what [`split`](super::Group::split) takes out of a group, and until the two are joined again only the front
//! changes, by what it admits. It decides where [`acquire_usual`](super::Group::acquire_usual) would, by the same values, and where
//! no visit would be [planned](super::Group::plan) afterwards, or [one within T](Visit::soon) and nothing else; everything else it
//! leaves to the group. What it cannot see cannot have changed, since the group is only changed as a whole. So these stay true from
//! the split on:
//!
//! - no request waits for a call, what was heard is of an age that can be told, and nothing is in doubt;
//! - the driver comes as it was planned to, since whoever carries out a visit joins the group first.
//!
//! These need not, and are looked at for each request: the policy, how the node stands with the store, among how many the slack
//! is divided, and the time: the window is not over, and the store's clock has not stepped back behind anything that was
//! noted.
//!
//! How much may be admitted was worked out beforehand (`left`): never more than stays within the slack (G2). It is one of three
//! cases:
//!
//! - The driver comes within T and something is untold, so that a report is on its way: less than makes one due early (R3).
//! - A call is under way, and something is untold since it began: the whole slack, since nothing is planned until the call ends.
//! - The driver does not come that soon, and there is nothing that it would do: less than makes a report due early. Then the first
//!   request that is admitted says that the driver is to come, and since when something is untold, and the [rest](super::Rest)
//!   sees by that that it does.
//!
//! A request that was denied needs no visit where one before it has said so already, and the next look at the counts is
//! planned, in time ([`Denies`]).

use super::Timing;
#[cfg(doc)]
use super::Visit;
use super::usual::Verdict;
use crate::tiered::lifetime::Lifetime;
use crate::tiered::words::Words;
use crate::{Rule, Timestamp};

/// The part of a [`Group`](super::Group) by which nearly every request is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Front {
    pub(super) words: Words,
    pub(super) heard_at: Timestamp,
    /// The epoch, if nothing is.
    pub(super) untold_since: Timestamp,
    pub(super) number: u16,
    pub(super) nodes: u16,
    /// How much may be admitted before the group is asked.
    pub(super) left: u16,
    pub(super) denies: Denies,
    pub(super) lifetime: Lifetime,
}

// It is kept for every subject, where free places are kept too.
#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<Front>() == 40);

/// Whether a request may be denied without asking the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Denies {
    /// No: a look at the counts may have to be planned.
    No,
    /// Until it is T before the view is refreshed.
    UntilRefreshed,
    /// Yes: the driver comes within T.
    Yes,
}

impl Front {
    /// The number of the rule, which was said when the group was [split](super::Group::split).
    #[inline]
    pub const fn number(&self) -> u16 {
        self.number
    }

    /// Decides a request as the group would. Where the verdict is not [covered](Verdict::is_covered), the driver is to come
    /// [within T](Visit::soon). `None`: the group is to be asked, and nothing was counted.
    ///
    /// `known` is the rule with that [number](Self::number), `rule` the request's; `nodes` is among how many the slack is
    /// divided, while the store answers ([`View::connected`](crate::tiered::View::connected)).
    // Always inlined, or else the verdict goes through memory.
    #[inline(always)]
    pub fn decide(
        &mut self,
        known: &Rule,
        (rule, cost): (&Rule, u64),
        nodes: u32,
        timing: &Timing,
        now: Timestamp,
    ) -> Option<Verdict> {
        let in_order = now >= self.heard_at && now >= self.untold_since;
        if cost == 0 || !in_order || nodes != self.nodes.into() || !known.is_same(rule) {
            return None;
        }
        let quota = rule.quota();
        let usage = self.words.usage(quota);
        if !Words::is_at(usage, quota, now) {
            return None;
        }
        let violated = !quota.admits(usage, cost, now);
        let mut covered = true;
        let usage = if violated {
            if !self.denies(timing, now) {
                return None;
            }
            usage
        } else {
            let cost = u16::try_from(cost).ok()?;
            let left = self.left.checked_sub(cost)?;
            if self.untold_since == Timestamp::EPOCH {
                if now == Timestamp::EPOCH {
                    return None;
                }
                (self.untold_since, covered) = (now, false);
            }
            self.left = left;
            self.words.admit(quota, cost, now);
            self.words.usage(quota)
        };
        Some(Verdict {
            usage,
            violated,
            age: now.since(self.heard_at),
            covered,
        })
    }

    #[inline]
    fn denies(&self, timing: &Timing, now: Timestamp) -> bool {
        match self.denies {
            Denies::No => false,
            Denies::Yes => true,
            Denies::UntilRefreshed => self.heard_at + timing.refresh > now + timing.report,
        }
    }
}
