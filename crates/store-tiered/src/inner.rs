//! What requests and background tasks share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

use tidegate_clock::Clock;
use tidegate_core::shared::NodeId;
use tidegate_core::tiered::{Timing, View, Visit};
use tidegate_core::{Decision, PolicyId, PolicyName, Quota, Rule, Timestamp};
use tidegate_store::{Request, SharedStore};
use tidegate_table::{Digest, Locked, Place, Table};
use tokio::sync::{Notify, Semaphore, oneshot};

use crate::again::Again;
use crate::agenda::Agenda;
use crate::held::Held;
use crate::membership::Membership;
use crate::overflow::Overflow;
use crate::recent::Recent;
use crate::rules::Rules;
use crate::sending::Sending;
use crate::slot::Slot;
use crate::strangers::MOST_ASKING;
use crate::unserved::Unserved;

/// How many requests of one subject may wait at once (R4); further ones are decided by the outage setting.
const MOST_WAITING: usize = 4_096;

pub(crate) struct Inner<C> {
    pub(crate) store: Arc<dyn SharedStore>,
    pub(crate) clock: C,
    pub(crate) node: NodeId,
    pub(crate) deadline: Duration,
    /// How long the driver waits for an answer for which no request does.
    pub(crate) patience: Duration,
    /// How many policies a subject may be reported under in one call.
    pub(crate) most_policies: usize,
    pub(crate) timing: Timing,
    pub(crate) table: Table<Slot>,
    pub(crate) agenda: Agenda,
    pub(crate) membership: Membership,
    pub(crate) overflow: Overflow,
    /// A place for each request that asks the store itself.
    pub(crate) asking: Semaphore,
    pub(crate) counters: Counters,
    pub(crate) recent: Recent,
    pub(crate) sending: Arc<Sending>,
    pub(crate) unserved: Unserved,
    pub(crate) again: Again,
    pub(crate) stopping: AtomicBool,
    /// Whether there is a driver, or one begins.
    pub(crate) started: AtomicBool,
    /// Wakes the driver to ask at once how many nodes there are.
    pub(crate) register_now: Notify,
    /// Every subject has one entry in the table, under all policies.
    whole: PolicyId,
    pub(crate) rules: Rules,
}

/// What has happened so far.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) calls: AtomicU64,
    pub(crate) dropped: AtomicU64,
    pub(crate) overflowed: AtomicU64,
}

/// What a request is told at once.
#[allow(
    clippy::large_enum_variant,
    reason = "taken apart where it is made; a box would cost every request an allocation"
)]
pub(crate) enum AtOnce {
    Decided(Decision),
    /// It waits: as which ticket, and where the answer will come.
    Waits(u64, oneshot::Receiver<Decision>),
    /// The subject has no place where it could wait: the store is to be asked itself.
    NoRoom,
}

/// The table was full at that time.
#[derive(Clone, Copy, Debug)]
struct NoRoom {
    now: Timestamp,
}

impl<C: Clock> Inner<C> {
    pub(crate) fn new(
        store: Arc<dyn SharedStore>,
        clock: C,
        table: Table<Slot>,
        membership: Membership,
        (deadline, timing): (Duration, Timing),
    ) -> Self {
        let most_policies = store.capabilities().max_policies.unwrap_or(usize::MAX);
        Self {
            patience: patience(store.capabilities().deadline, deadline),
            most_policies: most_policies.max(1),
            store,
            clock,
            node: NodeId::from_random(fastrand::u64(..)),
            deadline,
            timing,
            table,
            agenda: Agenda::new(timing.report),
            membership,
            overflow: Overflow::default(),
            asking: Semaphore::new(MOST_ASKING),
            counters: Counters::default(),
            recent: Recent::default(),
            sending: Arc::default(),
            unserved: Unserved::default(),
            again: Again::default(),
            stopping: AtomicBool::new(false),
            started: AtomicBool::new(false),
            register_now: Notify::new(),
            whole: whole(),
            rules: Rules::default(),
        }
    }

    /// The store's time, as far as this node knows it.
    #[inline]
    pub(crate) fn now(&self) -> Timestamp {
        self.membership.store_time(self.clock.now())
    }

    #[inline]
    pub(crate) fn lock(&self, digest: Digest) -> Locked<'_, Slot> {
        self.table.lock(digest, || self.now())
    }

    /// Decides a request into `slot`, if that needs no waiting.
    #[inline]
    pub(crate) fn try_decide_into(&self, request: &Request<'_>, slot: &mut Option<Decision>) {
        let digest = self.table.digest(request.subject.as_bytes());
        if self.decide_usual(digest, request, slot).is_none() {
            *slot = self.try_decide(digest, request);
        }
    }

    /// The common case: one policy, a subject that is known, and nothing unusual about it. The decision is written when
    /// nobody is kept waiting any more.
    #[inline]
    fn decide_usual(
        &self,
        digest: Digest,
        request: &Request<'_>,
        slot: &mut Option<Decision>,
    ) -> Option<()> {
        let [rule] = request.rules else {
            return None;
        };
        let mut locked = self.lock(digest);
        let now = locked.now();
        let place = locked.find(self.whole)?;
        let front = locked.value_mut(place)?.front_mut();
        let verdict = front.and_then(|front| {
            let known = self.rules.get(front.number())?;
            let nodes = self.membership.connected()?;
            front.decide(known, (rule, request.cost), nodes, &self.timing, now)
        });
        let Some(verdict) = verdict else {
            return self.decide_whole(locked, (place, digest), (rule, request.cost), slot);
        };
        drop(locked);
        if !verdict.is_covered() {
            self.list_soon(digest, now);
        }
        *slot = Some(verdict.decision(rule, request.cost, now));
        Some(())
    }

    #[inline(never)]
    fn list_soon(&self, digest: Digest, now: Timestamp) {
        self.agenda
            .list(digest, Some(Visit::soon(&self.timing, now)));
    }

    /// The same where the rest has to be looked at: the first request that is to be told, or to be denied, and what is kept as
    /// a whole.
    #[inline(never)]
    fn decide_whole(
        &self,
        mut locked: Locked<'_, Slot>,
        (place, digest): (Place, Digest),
        (rule, cost): (&Rule, u64),
        slot: &mut Option<Decision>,
    ) -> Option<()> {
        let now = locked.now();
        let nodes = self.membership.view(now).slack_nodes();
        let kept = locked.value_mut(place)?;
        let decided = kept.work(&self.rules, nodes, |held| {
            let view = self.membership.view_of(&held.group, now);
            let verdict = held.group.acquire_usual(rule, cost, &view, now)?;
            let visit = if verdict.is_covered() {
                None
            } else {
                held.group.plan(None, &view, &self.timing, now)
            };
            Some((verdict, visit))
        });
        drop(locked);
        let (verdict, visit) = decided??;
        self.agenda.list(digest, visit);
        *slot = Some(verdict.decision(rule, cost, now));
        Some(())
    }

    #[inline(never)]
    fn try_decide(&self, digest: Digest, request: &Request<'_>) -> Option<Decision> {
        self.with_held(digest, request, |inner, held, view, now| {
            let decision =
                held.group
                    .acquire(request.rules, request.cost, view, now, &mut |rule| {
                        inner.rules.intern(rule)
                    });
            // Nothing is planned where it must be awaited: the caller comes back, and what it wants goes along with what
            // is untold.
            decision.map(|decision| (decision, None))
        })
        .unwrap_or_else(|NoRoom { now }| self.overflow(request, now))
    }

    /// Decides a request, or lets it wait.
    pub(crate) fn decide_or_wait(&self, request: &Request<'_>) -> AtOnce {
        let digest = self.table.digest(request.subject.as_bytes());
        let outcome = self.with_held(digest, request, |inner, held, view, now| {
            let intern = &mut |rule: &Rule| inner.rules.intern(rule);
            let decision = held
                .group
                .acquire(request.rules, request.cost, view, now, intern);
            Some(match decision {
                Some(decision) => (AtOnce::Decided(decision), None),
                None if held.waiting() >= MOST_WAITING => {
                    let (rules, cost) = (request.rules, request.cost);
                    let decision = held
                        .group
                        .decide_without_store(rules, cost, view, false, now);
                    (AtOnce::Decided(decision), Some(now))
                }
                None => {
                    let (ticket, answer) = held.wait(request.rules, request.cost);
                    (AtOnce::Waits(ticket, answer), Some(now))
                }
            })
        });
        let now = match outcome {
            Ok(Some(at_once)) => return at_once,
            Ok(None) => self.now(),
            Err(NoRoom { now }) => now,
        };
        let decided = self.overflow(request, now);
        decided.map_or(AtOnce::NoRoom, AtOnce::Decided)
    }

    /// Works on the subject's entry, which is made if there is none, and if there is room for one.
    #[inline]
    fn with_held<T>(
        &self,
        digest: Digest,
        request: &Request<'_>,
        work: impl FnOnce(&Self, &mut Held, &View, Timestamp) -> Option<(T, Option<Timestamp>)>,
    ) -> Result<Option<T>, NoRoom> {
        let subject = request.subject.as_bytes();
        let mut locked = self.lock(digest);
        let now = locked.now();
        let place = match locked.find(self.whole) {
            Some(place) => place,
            None => {
                let entry = [(self.whole, Slot::new(subject))];
                let inserted = locked.insert_all(entry).ok();
                match inserted.and_then(|()| locked.find(self.whole)) {
                    Some(place) => place,
                    None => return Err(NoRoom { now }),
                }
            }
        };
        let Some(slot) = locked.value_mut(place) else {
            return Ok(None);
        };
        let nodes = self.membership.view(now).slack_nodes();
        let done = slot.work(&self.rules, nodes, |held| {
            let view = self.membership.view_of(&held.group, now);
            let (outcome, wanted) = work(self, held, &view, now)?;
            Some((outcome, held.group.plan(wanted, &view, &self.timing, now)))
        });
        drop(locked);
        Ok(done.flatten().map(|(outcome, visit)| {
            self.agenda.list(digest, visit);
            outcome
        }))
    }

    /// Works on an entry that is known; nothing if it is gone.
    pub(crate) fn with_known<T>(
        &self,
        digest: Digest,
        work: impl FnOnce(&mut Held, &View, Timestamp) -> (T, Option<Timestamp>),
    ) -> Option<T> {
        let mut locked = self.lock(digest);
        let now = locked.now();
        let place = locked.find(self.whole)?;
        let slot = locked.value_mut(place)?;
        let nodes = self.membership.view(now).slack_nodes();
        let (outcome, visit) = slot.work(&self.rules, nodes, |held| {
            let view = self.membership.view_of(&held.group, now);
            let (outcome, wanted) = work(held, &view, now);
            let visit = held.group.plan(wanted, &view, &self.timing, now);
            (outcome, visit)
        })?;
        drop(locked);
        self.agenda.list(digest, visit);
        Some(outcome)
    }

    /// Reads an entry that is known, and leaves it where it is on the agenda.
    pub(crate) fn inspect<T>(&self, digest: Digest, read: impl FnOnce(&Held) -> T) -> Option<T> {
        let locked = self.lock(digest);
        let place = locked.find(self.whole)?;
        locked.value(place)?.inspect(&self.rules, read)
    }

    pub(crate) fn intern_for(&self) -> impl FnMut(&Rule) -> Arc<Rule> + '_ {
        |rule| self.rules.intern(rule)
    }
}

/// No request waits for longer than the deadline. But a store that gives up by itself says of which subjects, if it serves some
/// and not others, and must be heard.
fn patience(gives_up: Option<Duration>, deadline: Duration) -> Duration {
    gives_up.map_or(deadline, |own| {
        let longest = own.max(deadline);
        longest + longest / 4
    })
}

fn whole() -> PolicyId {
    // Both are valid, and only their digest is used.
    const NAME: PolicyName = match PolicyName::new("whole-subject") {
        Ok(name) => name,
        Err(_) => unreachable!(),
    };
    const QUOTA: Quota = match Quota::per_second(1) {
        Ok(quota) => quota,
        Err(_) => unreachable!(),
    };
    PolicyId::new(NAME, &QUOTA)
}
