//! All observers of one limiter, and what they cost where there are none: one look at an empty list.

use std::sync::Arc;

use tidegate_clock::Clock;
use tidegate_core::{Decision, Timestamp};

use crate::clock::AnyClock;
use crate::{Event, Observer};

#[derive(Clone)]
pub(crate) struct Observers {
    all: Arc<[Box<dyn Observer>]>,
    clock: AnyClock,
}

impl Observers {
    pub(crate) fn new(all: Vec<Box<dyn Observer>>, clock: AnyClock) -> Self {
        Self {
            all: all.into(),
            clock,
        }
    }

    pub(crate) fn notify(&self, event: &Event<'_>) {
        for observer in self.all.iter() {
            observer.observe(event);
        }
    }

    /// When a decision began; the clock is read only if somebody wants to know.
    #[inline]
    pub(crate) fn begin(&self) -> Option<Timestamp> {
        (!self.all.is_empty()).then(|| self.clock.now())
    }

    #[inline]
    pub(crate) fn decided(&self, decision: &Decision, began: Option<Timestamp>) {
        if let Some(began) = began {
            self.tell_decided(decision, began);
        }
    }

    #[inline(never)]
    fn tell_decided(&self, decision: &Decision, began: Timestamp) {
        let took = self.clock.now().since(began);
        self.notify(&Event::Decided { decision, took });
    }
}
