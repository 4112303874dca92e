//! The replicas of one subject: one for each policy, nearly always a single one.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::slice;

use super::replica::Replica;
use crate::{Rule, Timestamp};

/// A policy, and the replica of its counter.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) rule: Arc<Rule>,
    pub(super) replica: Replica,
}

/// All of a subject's. One alone needs no memory of its own.
#[derive(Clone, Debug)]
pub(super) enum Members {
    One(Member),
    Many(Several),
}

/// Not exactly one. Whoever has waited longest to be reported comes first.
#[derive(Clone, Debug, Default)]
pub(super) struct Several {
    members: Vec<Member>,
    /// How many of the first are still to be told to a store that has lost its data; all of them if none has been told yet.
    again: usize,
}

/// What the next report is about: the last members, so many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) members: usize,
    /// Whether a store that has lost its data will have been told everything again.
    pub(super) completes: bool,
}

impl Members {
    /// The member for a rule's counter.
    #[inline]
    pub(super) fn find(&self, rule: &Rule) -> Option<&Member> {
        self.iter().find(|member| member.rule.id() == rule.id())
    }

    #[inline]
    pub(super) fn find_mut(&mut self, rule: &Rule) -> Option<&mut Member> {
        self.iter_mut().find(|member| member.rule.id() == rule.id())
    }

    /// Sees to it that there is a replica for a rule, under that very rule, at `now`.
    #[inline]
    pub(super) fn prepare(
        &mut self,
        rule: &Rule,
        now: Timestamp,
        intern: &mut dyn FnMut(&Rule) -> Arc<Rule>,
    ) {
        match self.find_mut(rule) {
            Some(member) => {
                if !member.rule.is_same(rule) {
                    member.replica.leave(member.rule.quota());
                    member.rule = intern(rule);
                }
                member.replica.roll(rule.quota(), now);
            }
            None => {
                let mut replica = Replica::new(rule.quota(), now);
                replica.roll(rule.quota(), now);
                let rule = intern(rule);
                self.push(Member { rule, replica });
            }
        }
    }

    fn push(&mut self, member: Member) {
        *self = match core::mem::take(self) {
            Self::Many(several) if several.members.is_empty() => Self::One(member),
            Self::One(first) => Self::Many(Several {
                members: Vec::from([first, member]),
                again: 0,
            }),
            Self::Many(mut several) => {
                several.members.push(member);
                Self::Many(several)
            }
        };
    }

    /// Forgets those that hold nothing that matters any more, and of which nothing is untold, if there are several.
    pub(super) fn forget_idle(&mut self, now: Timestamp) {
        let Self::Many(several) = self else {
            return;
        };
        several.members.retain(|member| {
            let replica = &member.replica;
            replica.is_untold() || replica.idle_at(member.rule.quota()) > now
        });
        // One that need not be told again may be, which does no harm.
        several.again = several.again.min(several.members.len());
        if several.members.len() == 1
            && let Some(last) = several.members.pop()
        {
            *self = Self::One(last);
        }
    }

    /// Brings those to the end that the next report is about, at most `most`. `lost`: whether the store is to be told everything
    /// again; otherwise those come first that have something to tell, and who has not been used lately does not come at all,
    /// unless nobody else does. Whoever does not fit comes first the next time.
    pub(super) fn line_up(&mut self, most: usize, lost: bool, now: Timestamp) -> Part {
        match self {
            Self::One(_) => Part {
                members: 1,
                completes: true,
            },
            Self::Many(several) => several.line_up(most, lost, now),
        }
    }

    /// Nothing of what is to be told again has been told yet, after all.
    pub(super) fn tell_again(&mut self) {
        if let Self::Many(several) = self {
            several.again = 0;
        }
    }

    #[inline]
    pub(super) fn iter(&self) -> slice::Iter<'_, Member> {
        match self {
            Self::One(member) => slice::from_ref(member).iter(),
            Self::Many(several) => several.members.iter(),
        }
    }

    #[inline]
    pub(super) fn iter_mut(&mut self) -> slice::IterMut<'_, Member> {
        match self {
            Self::One(member) => slice::from_mut(member).iter_mut(),
            Self::Many(several) => several.members.iter_mut(),
        }
    }
}

impl Several {
    fn line_up(&mut self, most: usize, lost: bool, now: Timestamp) -> Part {
        let all = self.members.len();
        let wanted = if lost {
            if self.again == 0 {
                self.again = all;
            }
            all
        } else {
            let speak = self.members.iter().filter(|it| it.rank(now) < QUIET);
            match speak.count() {
                0 => all,
                speak => speak,
            }
        };
        if !lost && wanted.min(most) < all {
            self.members.sort_by_key(|member| member.rank(now));
        }
        let members = wanted.min(most);
        self.again = self.again.saturating_sub(members);
        self.members.rotate_left(members);
        Part {
            members,
            completes: self.again == 0,
        }
    }
}

/// The [rank](Member::rank) of those that need not be reported.
const QUIET: u8 = 2;

impl Member {
    /// What it has to say: something that is to be told or asked about; nothing, but it was used lately; or nothing at all.
    fn rank(&self, now: Timestamp) -> u8 {
        let (replica, quota) = (&self.replica, self.rule.quota());
        let tells = replica.is_untold() || replica.window_to_close().is_some();
        if tells || replica.doubted_until().is_some() {
            0
        } else if replica.is_in_use(quota, now) {
            1
        } else {
            QUIET
        }
    }
}

impl Default for Members {
    fn default() -> Self {
        Self::Many(Several::default())
    }
}
