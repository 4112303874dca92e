//! Which subjects are to be looked at, and when: at once, or at a tick of the timing wheel.

use std::time::Duration;

use parking_lot::Mutex;
use tidegate_core::Timestamp;
use tidegate_table::Digest;
use tokio::sync::Notify;

/// How many ticks the wheel has. What is due later than that is looked at once a turn.
const TICKS: usize = 64;

/// The subjects that are to be looked at. Each is on one list at most (its entry says on which), so that there are
/// never more than entries in the table (R4).
#[derive(Debug)]
pub(crate) struct Agenda {
    tick: Duration,
    now: Mutex<Vec<Digest>>,
    wheel: Mutex<Wheel>,
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
            wheel: Mutex::new(Wheel {
                slots: vec![Vec::new(); TICKS],
                next: 0,
            }),
            wake: Notify::new(),
        }
    }

    /// How long a tick is.
    pub(crate) const fn tick(&self) -> Duration {
        self.tick
    }

    /// Lists a subject to be looked at at once.
    pub(crate) fn list_now(&self, digest: Digest) {
        let mut list = self.now.lock();
        list.push(digest);
        let first = list.len() == 1;
        drop(list);
        if first {
            self.wake.notify_one();
        }
    }

    /// Lists a subject to be looked at when `due` has come, or at the end of the wheel's turn.
    pub(crate) fn list_later(&self, digest: Digest, due: Timestamp) {
        let number = self.number(due) + 1;
        let mut wheel = self.wheel.lock();
        let last = wheel.next + TICKS as u64 - 1;
        let slot = slot_of(number.clamp(wheel.next, last));
        wheel.slots[slot].push(digest);
    }

    /// Takes what is to be looked at at once, at most `most`.
    pub(crate) fn take_now(&self, most: usize) -> Vec<Digest> {
        let mut list = self.now.lock();
        if list.len() <= most {
            return std::mem::take(&mut *list);
        }
        let rest = list.split_off(most);
        std::mem::replace(&mut *list, rest)
    }

    /// Takes everything whose tick has come.
    pub(crate) fn take_due(&self, now: Timestamp) -> Vec<Digest> {
        let current = self.number(now);
        let mut wheel = self.wheel.lock();
        // After a step of the clock the ticks in between are gone through once, no more.
        if current > wheel.next + TICKS as u64 || current + (TICKS as u64) < wheel.next {
            wheel.next = current.saturating_sub(TICKS as u64 - 1);
        }
        let mut due = Vec::new();
        while wheel.next <= current {
            let slot = slot_of(wheel.next);
            due.append(&mut wheel.slots[slot]);
            wheel.next += 1;
        }
        due
    }

    /// Everything that is listed, to be looked at for the last time.
    pub(crate) fn take_all(&self) -> Vec<Digest> {
        let mut all = std::mem::take(&mut *self.now.lock());
        for slot in &mut self.wheel.lock().slots {
            all.append(slot);
        }
        all
    }

    /// Whether something is to be looked at at once.
    pub(crate) fn has_urgent(&self) -> bool {
        !self.now.lock().is_empty()
    }

    /// How many subjects are listed.
    pub(crate) fn len(&self) -> usize {
        let later: usize = self.wheel.lock().slots.iter().map(Vec::len).sum();
        later + self.now.lock().len()
    }

    /// Returns when something is listed to be looked at at once.
    pub(crate) async fn urgent(&self) {
        while !self.has_urgent() {
            self.wake.notified().await;
        }
    }

    /// Wakes whoever waits in [`urgent`](Self::urgent).
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    fn number(&self, at: Timestamp) -> u64 {
        let tick = u64::try_from(self.tick.as_nanos()).unwrap_or(u64::MAX);
        at.as_nanos() / tick.max(1)
    }
}

fn slot_of(number: u64) -> usize {
    usize::try_from(number % TICKS as u64).unwrap_or(0)
}
