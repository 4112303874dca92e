//! How many calls there were lately, and how many of them failed.

use core::time::Duration;

use crate::Timestamp;
use crate::time::saturating_nanos;

const SLOTS: usize = 10;

/// Calls and failures in ten slots of a span of time; the oldest slot is forgotten whole.
#[derive(Clone, Debug)]
pub(super) struct CallWindow {
    slots: [Slot; SLOTS],
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    /// Which tenth of a span this is, counted from the epoch.
    number: u64,
    calls: u32,
    failures: u32,
}

impl CallWindow {
    pub(super) const fn new() -> Self {
        Self {
            slots: [Slot {
                number: 0,
                calls: 0,
                failures: 0,
            }; SLOTS],
        }
    }

    pub(super) fn record(&mut self, success: bool, now: Timestamp, span: Duration) {
        let number = slot_number(now, span);
        let index = usize::try_from(number % SLOTS as u64).unwrap_or(0);
        let slot = &mut self.slots[index];
        if slot.number != number {
            *slot = Slot {
                number,
                calls: 0,
                failures: 0,
            };
        }
        slot.calls = slot.calls.saturating_add(1);
        slot.failures = slot.failures.saturating_add(u32::from(!success));
    }

    /// Whether at least half of at least `least` calls failed.
    pub(super) fn mostly_fails(&self, least: u32, now: Timestamp, span: Duration) -> bool {
        let oldest = slot_number(now, span).saturating_sub(SLOTS as u64 - 1);
        let recent = self.slots.iter().filter(|slot| slot.number >= oldest);
        let (calls, failures) = recent.fold((0u64, 0u64), |(calls, failures), slot| {
            (
                calls + u64::from(slot.calls),
                failures + u64::from(slot.failures),
            )
        });
        calls >= u64::from(least) && failures * 2 >= calls
    }
}

fn slot_number(now: Timestamp, span: Duration) -> u64 {
    now.as_nanos() / (saturating_nanos(span) / SLOTS as u64).max(1)
}
