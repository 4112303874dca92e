//! When the driver is to come: soon enough for what must be told, and no more often (R3).

use std::time::Duration;

use tidegate_core::Algorithm;
use tidegate_core::tiered::{Timing, Urgency, Visit};

use crate::{START, VIEW, World};

/// A subject that was denied is looked at in a second; what its bucket lets through before that is told within T.
#[test]
fn r3_a_visit_far_ahead_does_not_delay_a_report() {
    let timing = Timing::default();
    let mut world = World::loose(Algorithm::TokenBucket);
    let denied_at = START;
    while world.ask(denied_at) {}
    world.call(0, denied_at);
    assert!(!world.ask(denied_at));
    let plan = |world: &mut World, wanted, now| world.group.plan(wanted, &VIEW, &timing, now);
    let refresh = Visit {
        urgency: Urgency::Later,
        at: denied_at + timing.refresh,
    };
    assert_eq!(plan(&mut world, None, denied_at), Some(refresh));
    assert_eq!(plan(&mut world, None, denied_at), None, "on that list");

    // A unit flows in every 200 ms.
    let admitted_at = denied_at + Duration::from_millis(250);
    assert!(world.ask(admitted_at));
    let report = Visit {
        urgency: Urgency::Soon,
        at: admitted_at + timing.report,
    };
    assert_eq!(plan(&mut world, None, admitted_at), Some(report));
    assert_eq!(plan(&mut world, None, admitted_at), None, "on both lists");
    assert!(plan(&mut world, Some(admitted_at), admitted_at).is_some());
    assert_eq!(plan(&mut world, Some(admitted_at), admitted_at), None);

    world.group.visited(Urgency::Now, admitted_at);
    assert_eq!(plan(&mut world, None, admitted_at), None, "still within T");
    world.group.visited(Urgency::Soon, report.at);
    world.call(0, report.at);
    let later = plan(&mut world, None, report.at);
    assert_eq!(later, None, "the driver still comes to refresh it");
}
