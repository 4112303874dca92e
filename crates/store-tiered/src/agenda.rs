//! Which subjects are to be looked at, and when: at once, or at a tick of one of two timing wheels.

use std::time::Duration;

use parking_lot::Mutex;
use tidegate_core::Timestamp;
use tidegate_core::tiered::{Urgency, Visit};
use tidegate_table::Digest;
use tokio::sync::Notify;

use crate::hand::InHand;

/// How many ticks a wheel has. What is due later than that is looked at once a turn.
const TICKS: usize = 64;

/// The subjects that are to be looked at. Each is on each list once at most (its entry says on which), so that no list is
/// longer than the table (R4).
#[derive(Debug)]
pub(crate) struct Agenda {
    tick: Duration,
    now: Mutex<Vec<Digest>>,
    soon: Mutex<Wheel>,
    later: Mutex<Wheel>,
    wake: Notify,
}

#[derive(Debug)]
struct Wheel {
    slots: Vec<Vec<Digest>>,
    /// The tick that is emptied next, counted from the epoch.
    next: u64,
}

impl Agenda {
    pub(crate) fn new(tick: Duration) -> Self {
        Self {
            tick,
            now: Mutex::default(),
            soon: Mutex::default(),
            later: Mutex::default(),
            wake: Notify::new(),
        }
    }

    /// How long a tick is.
    pub(crate) const fn tick(&self) -> Duration {
        self.tick
    }

    /// Lists a subject to be looked at, if a visit is planned.
    #[inline]
    pub(crate) fn list(&self, digest: Digest, visit: Option<Visit>) {
        let Some(visit) = visit else {
            return;
        };
        let wheel = match visit.urgency {
            Urgency::Now => return self.list_now(digest),
            Urgency::Soon => &self.soon,
            Urgency::Later => &self.later,
        };
        wheel.lock().list(digest, self.number(visit.at) + 1);
    }

    fn list_now(&self, digest: Digest) {
        let mut list = self.now.lock();
        list.push(digest);
        let first = list.len() == 1;
        drop(list);
        if first {
            self.wake.notify_one();
        }
    }

    /// Takes what is to be looked at at once, at most `most`.
    pub(crate) fn take_now(&self, most: usize) -> InHand<'_> {
        let mut list = self.now.lock();
        let taken = if list.len() <= most {
            std::mem::take(&mut *list)
        } else {
            let rest = list.split_off(most);
            std::mem::replace(&mut *list, rest)
        };
        drop(list);
        InHand::new(self, Urgency::Now, taken)
    }

    /// Takes everything from the wheels whose tick has come.
    pub(crate) fn take_due(&self, now: Timestamp) -> [InHand<'_>; 2] {
        let current = self.number(now);
        let (soon, later) = (
            self.soon.lock().turn(current),
            self.later.lock().turn(current),
        );
        [
            InHand::new(self, Urgency::Soon, soon),
            InHand::new(self, Urgency::Later, later),
        ]
    }

    /// Lists again, in front of all others, what was taken and not visited.
    pub(crate) fn put_back(&self, urgency: Urgency, mut digests: Vec<Digest>) {
        let wheel = match urgency {
            _ if digests.is_empty() => return,
            Urgency::Now => {
                let mut list = self.now.lock();
                digests.append(&mut list);
                *list = digests;
                drop(list);
                return self.wake.notify_one();
            }
            Urgency::Soon => &self.soon,
            Urgency::Later => &self.later,
        };
        let mut wheel = wheel.lock();
        let next = slot_of(wheel.next);
        wheel.slots[next].append(&mut digests);
    }

    /// All that is listed is to be looked at at the next tick, whenever it is due: the store answers again.
    pub(crate) fn hasten(&self) {
        for wheel in [&self.soon, &self.later] {
            let mut wheel = wheel.lock();
            let next = slot_of(wheel.next);
            let mut all = Vec::new();
            for slot in &mut wheel.slots {
                all.append(slot);
            }
            wheel.slots[next] = all;
        }
    }

    /// Everything that is listed, to be looked at for the last time.
    pub(crate) fn take_all(&self) -> Vec<Digest> {
        let mut all = std::mem::take(&mut *self.now.lock());
        for wheel in [&self.soon, &self.later] {
            for slot in &mut wheel.lock().slots {
                all.append(slot);
            }
        }
        all
    }

    /// Whether something is to be looked at at once.
    pub(crate) fn has_urgent(&self) -> bool {
        !self.now.lock().is_empty()
    }

    /// How many visits are listed.
    pub(crate) fn len(&self) -> usize {
        let listed = |wheel: &Mutex<Wheel>| wheel.lock().slots.iter().map(Vec::len).sum::<usize>();
        self.now.lock().len() + listed(&self.soon) + listed(&self.later)
    }

    /// Returns when something is listed to be looked at at once, or when [woken](Self::wake); now and then for no reason.
    pub(crate) async fn urgent(&self) {
        if !self.has_urgent() {
            self.wake.notified().await;
        }
    }

    /// Wakes whoever waits in [`urgent`](Self::urgent): there is something else to be seen.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    fn number(&self, at: Timestamp) -> u64 {
        let tick = u64::try_from(self.tick.as_nanos()).unwrap_or(u64::MAX);
        at.as_nanos() / tick.max(1)
    }
}

impl Wheel {
    /// Lists a subject at a tick, or at the last one of the wheel's turn.
    fn list(&mut self, digest: Digest, number: u64) {
        let last = self.next + TICKS as u64 - 1;
        self.slots[slot_of(number.clamp(self.next, last))].push(digest);
    }

    /// Takes what is listed up to the tick `current`.
    fn turn(&mut self, current: u64) -> Vec<Digest> {
        // After a step of the clock the ticks in between are gone through once, no more.
        if current > self.next + TICKS as u64 || current + (TICKS as u64) < self.next {
            self.next = current.saturating_sub(TICKS as u64 - 1);
        }
        let mut due = Vec::new();
        while self.next <= current {
            due.append(&mut self.slots[slot_of(self.next)]);
            self.next += 1;
        }
        due
    }
}

impl Default for Wheel {
    fn default() -> Self {
        Self {
            slots: vec![Vec::new(); TICKS],
            next: 0,
        }
    }
}

fn slot_of(number: u64) -> usize {
    usize::try_from(number % TICKS as u64).unwrap_or(0)
}
