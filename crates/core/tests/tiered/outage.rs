//! Decisions without the store: by each policy's outage setting, and within this node's share (G4).

use std::time::Duration;

use tidegate_core::shared::Record;
use tidegate_core::tiered::{Group, Mode};
use tidegate_core::Algorithm;

use crate::{START, World};

/// The node comes back first of three, to a store that is empty. Until the others are back it admits its share, however
/// often it is told that nobody used anything but itself.
fn g4_the_first_to_return_keeps_to_its_share(algorithm: Algorithm) {
    let mut world = World::new(algorithm);
    world.view.nodes = 3;
    let lasted = Duration::from_secs(1);
    for (mode, already) in [(Mode::Out { lasted }, 17), (Mode::Returning, 0)] {
        (world.group, world.record) = (Group::default(), Record::default());
        world.view.mode = mode;
        let isolated = (0..100).filter(|_| mode != Mode::Returning && world.ask(START));
        assert_eq!(isolated.count(), already, "{algorithm:?}");
        world.view.mode = Mode::Returning;
        let mut admitted = already;
        for tick in 0..20 {
            let now = START + Duration::from_millis(50 * tick);
            admitted += (0..10).filter(|_| world.ask(now)).count();
            world.call(0, now);
        }
        // A bucket's share lets 1.7 through in a second.
        assert!(admitted <= 19, "{algorithm:?}: {admitted} of a share of 17");
        world.view.mode = Mode::Connected;
        let now = START + Duration::from_secs(1);
        assert!(world.ask(now), "{algorithm:?}: the rest is for all");
    }
}

#[test]
fn g4_the_first_to_return_keeps_to_its_share_of_a_window() {
    g4_the_first_to_return_keeps_to_its_share(Algorithm::FixedWindow);
    g4_the_first_to_return_keeps_to_its_share(Algorithm::SlidingWindow);
}

#[test]
fn g4_the_first_to_return_keeps_to_its_share_of_a_bucket() {
    g4_the_first_to_return_keeps_to_its_share(Algorithm::TokenBucket);
}
