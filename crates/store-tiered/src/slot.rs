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

    /// What nearly every request is decided by, unless something is unusual.
    #[inline]
    pub(crate) fn front_mut(&mut self) -> Option<&mut Front> {
        match self {
            Self::Usual { front, .. } => Some(front),
            Self::Whole(_) => None,
        }
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]
mod tests {
    use std::time::Duration;

    use tidegate_core::shared::{NodeId, Record, Report, sync};
    use tidegate_core::tiered::{Mode, Timing, Urgency, View};
    use tidegate_core::{PolicyName, Quota, Rule};

    use super::*;

    const SUBJECT: &[u8] = b"alice";
    const VIEW: View = View {
        nodes: 3,
        alone: false,
        mode: Mode::Connected,
        suspected: false,
    };

    fn now() -> Timestamp {
        Timestamp::from_secs(1_000_000)
    }

    fn rule() -> Rule {
        Rule::new(
            PolicyName::new("p").unwrap(),
            Quota::per_minute(1_000).unwrap(),
        )
    }

    fn work<T>(slot: &mut Slot, rules: &Rules, work: impl FnOnce(&mut Held) -> T) -> T {
        slot.work(rules, VIEW.slack_nodes(), work).unwrap()
    }

    fn acquire(slot: &mut Slot, rules: &Rules) {
        let intern = &mut |rule: &Rule| rules.intern(rule);
        work(slot, rules, |held| {
            let decision = held.group.acquire(&[rule()], 1, &VIEW, now(), intern);
            assert!(decision.unwrap().is_allowed());
        });
    }

    /// A subject that was asked for, and of which the store was told.
    fn told(rules: &Rules) -> Slot {
        let mut slot = Slot::new(SUBJECT);
        acquire(&mut slot, rules);
        assert!(
            matches!(slot, Slot::Whole(Some(_))),
            "nothing was heard yet"
        );
        work(&mut slot, rules, |held| {
            let outgoing = held.group.compose(None, now()).unwrap();
            let (sent, reports): (Vec<Rule>, Vec<Report>) =
                outgoing.reports.iter().copied().unzip();
            let (mut records, node) = ([Record::default()], NodeId::from_random(1));
            let replies = sync(&mut records, &sent, &reports, node, 0, now());
            let heard = held
                .group
                .hear(&outgoing, &replies, 0, &Timing::default(), now());
            assert!(heard.is_some());
        });
        slot
    }

    #[test]
    fn a_subject_is_usual_once_the_store_has_answered_and_as_long_as_nobody_waits() {
        let rules = Rules::default();
        let mut slot = told(&rules);
        assert!(slot.front_mut().is_some());
        acquire(&mut slot, &rules);
        assert_eq!(slot.inspect(&rules, |held| held.group.unsent()), Some(1));

        let (ticket, _answer) = work(&mut slot, &rules, |held| held.wait(&[rule()], 1));
        assert!(slot.front_mut().is_none());
        assert!(
            !slot.is_idle(now() + Duration::from_secs(1_000)),
            "somebody waits"
        );
        work(&mut slot, &rules, |held| held.leave(ticket));
        assert!(slot.front_mut().is_some());
        let seen = slot.inspect(&rules, |held| (held.group.unsent(), held.subject.to_vec()));
        assert_eq!(seen, Some((1, SUBJECT.to_vec())));
    }

    #[test]
    fn r1_it_is_not_idle_before_its_windows_are_over_nor_while_a_visit_is_planned() {
        let rules = Rules::default();
        let mut slot = told(&rules);
        // The windows are aligned, and their length is only known within a quarter.
        assert!(!slot.is_idle(now() + Duration::from_secs(60)));
        assert!(slot.is_idle(now() + Duration::from_secs(150)));
        acquire(&mut slot, &rules);
        let visit = work(&mut slot, &rules, |held| {
            held.group.plan(None, &VIEW, &Timing::default(), now())
        });
        assert_eq!(visit.map(|visit| visit.urgency), Some(Urgency::Soon));
        assert!(slot.front_mut().is_some());
        assert!(
            !slot.is_idle(now() + Duration::from_secs(1_000)),
            "it is untold"
        );
    }
}
