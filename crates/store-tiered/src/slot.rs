//! What the table has for a subject: as few words as can be, and most of them not even in the table.

use std::mem;
use std::sync::Arc;

use tidegate_core::Timestamp;
use tidegate_core::tiered::{Front, Rest};
use tidegate_table::Entry;

use crate::held::Held;
use crate::rules::Rules;
use crate::subject::OwnedSubject;

/// A subject's entry in the table.
#[derive(Debug)]
pub(crate) enum Slot {
    /// Nothing is unusual about it: what nearly every request is decided by lies in the table itself, so that it is at hand as
    /// soon as the subject is found. The rest is looked at by calls to the store, and by requests that lead to one.
    Usual { front: Front, kept: Box<Kept> },
    /// Anything else; nothing for a subject that is not there.
    Whole(Option<Box<Held>>),
}

/// What there is of a subject beside its front.
#[derive(Debug)]
pub(crate) struct Kept {
    rest: Rest,
    subject: OwnedSubject,
}

// They are kept for every subject: what these grow by is paid for a million times.
#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<Slot>() == 48 && size_of::<Kept>() == 64);

impl Slot {
    pub(crate) fn new(subject: &[u8]) -> Self {
        Self::Whole(Some(Box::new(Held::new(subject))))
    }

    /// Works on what is held of the subject, if it is there, and then keeps it in as little room as can be. `nodes` is among how
    /// many the slack is divided.
    pub(crate) fn work<T>(
        &mut self,
        rules: &Rules,
        nodes: u32,
        work: impl FnOnce(&mut Held) -> T,
    ) -> Option<T> {
        // Should the work panic, the subject is not there any more.
        match mem::take(self) {
            Self::Whole(None) => None,
            Self::Whole(Some(mut held)) => {
                let result = work(&mut held);
                *self = match split(&held, rules, 0, nodes) {
                    Some((front, rest)) => {
                        let subject = held.subject;
                        let kept = Box::new(Kept { rest, subject });
                        Self::Usual { front, kept }
                    }
                    None => Self::Whole(Some(held)),
                };
                Some(result)
            }
            Self::Usual { front, mut kept } => {
                let mut held = Held {
                    group: kept
                        .rest
                        .join(&front, Arc::clone(rules.get(front.number())?)),
                    subject: mem::take(&mut kept.subject),
                    queue: None,
                };
                let result = work(&mut held);
                *self = match split(&held, rules, front.number(), nodes) {
                    Some((front, rest)) => {
                        (kept.rest, kept.subject) = (rest, held.subject);
                        Self::Usual { front, kept }
                    }
                    None => Self::Whole(Some(Box::new(held))),
                };
                Some(result)
            }
        }
    }

    /// Reads what is held of the subject, if it is there.
    pub(crate) fn inspect<T>(&self, rules: &Rules, read: impl FnOnce(&Held) -> T) -> Option<T> {
        match self {
            Self::Whole(held) => held.as_deref().map(read),
            Self::Usual { front, kept } => {
                let rule = Arc::clone(rules.get(front.number())?);
                Some(read(&Held {
                    group: kept.rest.join(front, rule),
                    subject: kept.subject.clone(),
                    queue: None,
                }))
            }
        }
    }
}

/// Its parts, if nothing is unusual and nobody waits. `number` may be that of its policy.
fn split(held: &Held, rules: &Rules, number: u16, nodes: u32) -> Option<(Front, Rest)> {
    if held.has_waiters() {
        return None;
    }
    let number = rules.number(held.group.only_rule()?, number)?;
    held.group.split(number, nodes)
}

impl Default for Slot {
    fn default() -> Self {
        Self::Whole(None)
    }
}

impl Entry for Slot {
    fn is_idle(&self, now: Timestamp) -> bool {
        match self {
            Self::Usual { front, kept } => kept.rest.is_idle(front, now),
            Self::Whole(held) => held
                .as_ref()
                .is_none_or(|held| !held.has_waiters() && held.group.is_idle(now)),
        }
    }
}
