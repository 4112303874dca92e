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
    Many(Vec<Member>),
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
                let mut replica = Replica::new(rule.quota());
                replica.roll(rule.quota(), now);
                let rule = intern(rule);
                self.push(Member { rule, replica });
            }
        }
    }

    fn push(&mut self, member: Member) {
        *self = match core::mem::take(self) {
            Self::Many(members) if members.is_empty() => Self::One(member),
            Self::One(first) => Self::Many(Vec::from([first, member])),
            Self::Many(mut members) => {
                members.push(member);
                Self::Many(members)
            }
        };
    }

    #[inline]
    pub(super) fn iter(&self) -> slice::Iter<'_, Member> {
        match self {
            Self::One(member) => slice::from_ref(member).iter(),
            Self::Many(members) => members.iter(),
        }
    }

    #[inline]
    pub(super) fn iter_mut(&mut self) -> slice::IterMut<'_, Member> {
        match self {
            Self::One(member) => slice::from_mut(member).iter_mut(),
            Self::Many(members) => members.iter_mut(),
        }
    }
}

impl Default for Members {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}
