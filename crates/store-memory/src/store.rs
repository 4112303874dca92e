//! The store: core's arithmetic on the table's records, under one lock per request.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use smallvec::SmallVec;
use tidegate_clock::{Clock, SystemClock};
use tidegate_core::{
    Decision, PolicyId, Provenance, Rule, Timestamp, Usage, charge, give_back, look,
};
use tidegate_store::{Capabilities, Request, Store, StoreError};
use tidegate_table::{Entry, Locked, Overflow, Place, Table};

use crate::Builder;
use crate::hot::{lift_if_hot, lower_any};
use crate::record::Record;
use crate::shared::Nodes;

/// A store for one process. See the [crate](crate)'s documentation.
///
/// It is shared by reference or in an `Arc`.
pub struct MemoryStore<C: Clock = SystemClock> {
    pub(crate) table: Table<Record>,
    pub(crate) clock: C,
    overflowed: AtomicU64,
    pub(crate) nodes: Nodes,
}

/// What a store holds and what it has done, for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryStats {
    /// The most counters that it may hold.
    pub max_entries: usize,
    /// The counters that it holds. Idle ones count until they are dropped.
    pub entries: usize,
    /// How many idle counters were dropped so far.
    pub evicted: u64,
    /// How many requests were decided on a shared counter so far, because the table was full.
    pub overflowed: u64,
}

impl MemoryStore {
    /// A store for [`DEFAULT_MAX_ENTRIES`](crate::DEFAULT_MAX_ENTRIES) counters, on the system's clock;
    /// [`builder`](Self::builder) makes others.
    pub fn new() -> Self {
        Builder::new().build_default()
    }

    /// Makes a store with other settings.
    pub fn builder() -> Builder {
        Builder::new()
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl<C: Clock> MemoryStore<C> {
    pub(crate) fn from_parts(table: Table<Record>, clock: C) -> Self {
        Self {
            table,
            clock,
            overflowed: AtomicU64::new(0),
            nodes: Nodes::default(),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// What it holds and what it has done.
    pub fn stats(&self) -> MemoryStats {
        let table = self.table.stats();
        MemoryStats {
            max_entries: table.capacity,
            entries: table.entries,
            evicted: table.evicted,
            overflowed: self.overflowed.load(Ordering::Relaxed),
        }
    }

    /// Drops all idle counters and returns memory that is not needed. Nobody has to call this: the table is swept
    /// as it is used. It is for those who want memory back at once after a flood.
    pub fn sweep(&self) {
        self.table.sweep(self.clock.now());
    }

    /// Locks the subject, and sees to it that the table shows all that it has used under the request's policies.
    #[inline]
    pub(crate) fn lock(&self, request: &Request<'_>) -> Locked<'_, Record> {
        let digest = self.table.digest(request.subject.as_bytes());
        let mut subject = self.table.lock(digest, || self.clock.now());
        lower_any(&mut subject, request.rules);
        subject
    }

    /// Decides, and puts the decision into `slot`. One policy and a subject that is known are the common case, of
    /// which the lock sees the least, or nothing: the clock is read and the subject hashed before it, and the
    /// decision is written after it, where it is wanted.
    #[inline]
    fn decide_into(&self, request: &Request<'_>, slot: &mut Option<Decision>) {
        let [rule] = request.rules else {
            *slot = Some(self.decide(request, self.lock(request)));
            return;
        };
        let digest = self.table.digest(request.subject.as_bytes());
        if self.table.may_be_lifted(digest) && self.decide_lifted(digest, rule, request.cost, slot)
        {
            return;
        }
        let mut subject = self.table.lock(digest, || self.clock.now());
        let now = subject.now();
        if !subject.is_lifted(rule.id())
            && let Some(place) = subject.find(rule.id())
            && let Some(record) = subject.value_mut(place)
        {
            let before = record.usage();
            let mut usage = before;
            let violated = charge(rule, &mut usage, request.cost, now);
            // A denial changes nothing, and then other threads may keep their copies of the record's cache line.
            if usage != before {
                record.set(usage);
            }
            let streak = subject.streak(place);
            lift_if_hot(&mut subject, rule, usage, streak);
            drop(subject);
            let decision = Decision::under(rule, usage, request.cost, now, violated);
            *slot = Some(decision);
        } else {
            lower_any(&mut subject, request.rules);
            *slot = Some(self.decide(request, subject));
        }
    }

    /// Decides under any number of policies, for a subject that is known or not.
    #[inline(never)]
    fn decide(&self, request: &Request<'_>, mut subject: Locked<'_, Record>) -> Decision {
        if request.cost == 0 {
            return self.look(request, subject);
        }
        let rules = request.rules;
        let places = find(&subject, rules);
        let before = read(&subject, &places);
        let mut usages = before.clone();
        let decision = tidegate_core::decide(rules, &mut usages, request.cost, subject.now());
        // Refused too: what was rolled on or repaired must not have to be repaired again, at another time (G7).
        write(&mut subject, &places, &usages);
        if !decision.is_allowed() || places.iter().all(Option::is_some) {
            return decision;
        }
        match subject.insert_all(fresh(rules, &places, &usages, subject.now())) {
            Ok(()) => decision,
            Err(_full) => self.decide_overflow(request, subject, &before),
        }
    }

    /// Decides on the shared counters where the subject has none of its own, and cannot get one. `before` is what it
    /// had used under each rule.
    #[cold]
    fn decide_overflow(
        &self,
        request: &Request<'_>,
        mut subject: Locked<'_, Record>,
        before: &[Usage],
    ) -> Decision {
        let rules = request.rules;
        let mut shared = self.shared(&mut subject);
        // Looking for room can have moved or dropped entries.
        let places = find(&subject, rules);
        write(&mut subject, &places, before);
        let mut usages = read_shared(&subject, &places, &shared, rules);
        let decision = tidegate_core::decide(rules, &mut usages, request.cost, shared.now());
        self.overflowed.fetch_add(1, Ordering::Relaxed);
        write(&mut subject, &places, &usages);
        write_shared(&mut shared, &places, &usages, rules);
        decision.with_provenance(Provenance::Overflow)
    }

    fn look(&self, request: &Request<'_>, mut subject: Locked<'_, Record>) -> Decision {
        let (rules, cost) = (request.rules, request.cost);
        let places = find(&subject, rules);
        let unknown = places.iter().filter(|place| place.is_none()).count();
        if subject.has_room(unknown) {
            // Looking for room can have moved entries.
            let places = if unknown > 0 {
                find(&subject, rules)
            } else {
                places
            };
            return look(rules, &read(&subject, &places), cost, subject.now());
        }
        let places = find(&subject, rules);
        let shared = self.shared(&mut subject);
        let usages = read_shared(&subject, &places, &shared, rules);
        look(rules, &usages, cost, shared.now()).with_provenance(Provenance::Overflow)
    }

    fn refund_now(&self, request: &Request<'_>, decision: &Decision) {
        let rules = request.rules;
        let mut subject = self.lock(request);
        let places = find(&subject, rules);
        if decision.provenance() != Provenance::Overflow {
            let mut usages = read(&subject, &places);
            give_back(rules, &mut usages, decision, subject.now());
            write(&mut subject, &places, &usages);
            return;
        }
        let mut shared = self.shared(&mut subject);
        let mut usages = read_shared(&subject, &places, &shared, rules);
        give_back(rules, &mut usages, decision, shared.now());
        write_shared(&mut shared, &places, &usages, rules);
        // If the subject is known under every rule by now, then under some it was not when it was charged, and nobody
        // remembers which. Giving back there what was never charged there would admit too much.
        if places.iter().any(Option::is_none) {
            write(&mut subject, &places, &usages);
        }
    }

    fn reset_now(&self, request: &Request<'_>) {
        let mut subject = self.lock(request);
        for rule in request.rules {
            subject.remove(rule.id());
        }
    }

    /// Locks the shared counters too. The subject goes on at the time that they are at, if that is later.
    fn shared(&self, subject: &mut Locked<'_, Record>) -> Overflow<'_, Record> {
        let shared = self.table.overflow(subject.now(), || self.clock.now());
        subject.advance_to(shared.now());
        shared
    }
}

type Places = SmallVec<[Option<Place>; 2]>;
type Usages = SmallVec<[Usage; 2]>;

/// Where the subject's records are, rule by rule.
#[inline]
fn find(subject: &Locked<'_, Record>, rules: &[Rule]) -> Places {
    rules.iter().map(|rule| subject.find(rule.id())).collect()
}

/// What the subject has used; nothing where it is not known.
#[inline]
fn read(subject: &Locked<'_, Record>, places: &[Option<Place>]) -> Usages {
    let record = |place: &Option<Place>| subject.value((*place)?);
    places
        .iter()
        .map(|place| record(place).map_or_else(Usage::default, Record::usage))
        .collect()
}

/// Writes usages to the subject's records, where it has one.
#[inline]
fn write(subject: &mut Locked<'_, Record>, places: &[Option<Place>], usages: &[Usage]) {
    for (place, usage) in places.iter().zip(usages) {
        if let Some(record) = place.and_then(|place| subject.value_mut(place)) {
            record.set(*usage);
        }
    }
}

/// The records that a subject needs where it has none, without those that would say nothing.
fn fresh(
    rules: &[Rule],
    places: &[Option<Place>],
    usages: &[Usage],
    now: Timestamp,
) -> SmallVec<[(PolicyId, Record); 2]> {
    rules
        .iter()
        .zip(places)
        .zip(usages)
        .filter(|((_, place), _)| place.is_none())
        .map(|((rule, _), usage)| (rule.id(), Record::new(*usage, rule.quota())))
        .filter(|(_, record)| !record.is_idle(now))
        .collect()
}

/// What counts for a subject on the overflow path: its own usage where it has one, else what all the others share.
fn read_shared(
    subject: &Locked<'_, Record>,
    places: &[Option<Place>],
    shared: &Overflow<'_, Record>,
    rules: &[Rule],
) -> Usages {
    let record = |place: &Option<Place>, rule: &Rule| match place {
        Some(place) => subject.value(*place),
        None => shared.value(rule.id()),
    };
    places
        .iter()
        .zip(rules)
        .map(|(place, rule)| record(place, rule).map_or_else(Usage::default, Record::usage))
        .collect()
}

/// Writes usages to the shared counters, where the subject has no record of its own.
fn write_shared(
    shared: &mut Overflow<'_, Record>,
    places: &[Option<Place>],
    usages: &[Usage],
    rules: &[Rule],
) {
    for ((place, usage), rule) in places.iter().zip(usages).zip(rules) {
        if place.is_none() {
            *shared.value_mut(rule.id()) = Record::new(*usage, rule.quota());
        }
    }
}

#[async_trait]
impl<C: Clock> Store for MemoryStore<C> {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            immediate: true,
            max_entries: Some(self.table.stats().capacity as u64),
            ..Capabilities::EXACT
        }
    }

    fn try_acquire(&self, request: &Request<'_>) -> Option<Result<Decision, StoreError>> {
        let mut slot = None;
        self.try_acquire_into(request, &mut slot)
            .map(|()| slot)
            .transpose()
    }

    fn try_acquire_into(
        &self,
        request: &Request<'_>,
        slot: &mut Option<Decision>,
    ) -> Result<(), StoreError> {
        self.decide_into(request, slot);
        Ok(())
    }

    async fn acquire(&self, request: &Request<'_>) -> Result<Decision, StoreError> {
        Ok(self.decide(request, self.lock(request)))
    }

    async fn peek(&self, request: &Request<'_>) -> Result<Decision, StoreError> {
        Ok(self.look(request, self.lock(request)))
    }

    async fn refund(&self, request: &Request<'_>, decision: &Decision) -> Result<(), StoreError> {
        self.refund_now(request, decision);
        Ok(())
    }

    async fn reset(&self, request: &Request<'_>) -> Result<(), StoreError> {
        self.reset_now(request);
        Ok(())
    }
}

impl<C: Clock> fmt::Debug for MemoryStore<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
