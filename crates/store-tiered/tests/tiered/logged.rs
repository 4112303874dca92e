//! What is logged: changes, not every report.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tidegate_core::Algorithm;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::support::{Fault, World, ms, rules, secs};

/// Counts the warnings.
#[derive(Clone, Default)]
struct Warnings(Arc<AtomicUsize>);

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && *metadata.level() == Level::WARN
    }

    fn event(&self, _: &Event<'_>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test(start_paused = true)]
async fn a_subject_that_is_not_served_is_logged_once_each_time_that_it_begins() {
    let warnings = Warnings::default();
    // With a single subscriber in the process, other tests' threads would decide whether anybody cares.
    let _other = tracing::Dispatch::new(Warnings::default());
    let _guard = tracing::subscriber::set_default(warnings.clone());
    let mut world = World::new(1);
    let rules = rules(1_000, secs(60), Algorithm::FixedWindow);
    let (every, lasting) = (ms(20), secs(3));
    for (fault, expected) in [
        (Fault::None, 0),
        (Fault::CorruptEach, 1),
        (Fault::None, 1),
        (Fault::CorruptEach, 2),
    ] {
        world.set_fault(fault);
        world.traffic(&rules, &[1], every, lasting).await;
        assert_eq!(warnings.0.load(Ordering::SeqCst), expected);
    }
}
