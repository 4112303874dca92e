//! The explorer of small worlds finds what is wrong, and says how many states it saw.

use tidegate_core::Outage;
use tidegate_sim::model::explore::explore;
use tidegate_sim::model::{Budget, Size};

const SIZE: Size = Size {
    nodes: 2,
    known: 2,
    limit: 3,
    slack: 1,
    requests: 5,
    outage: Outage::CLOSED,
    may: Budget {
        losses: 1,
        twice: 0,
        late: 0,
        restarts: 0,
        data_losses: 0,
        windows: 0,
    },
};

#[test]
fn every_state_of_a_small_world_is_seen_once() {
    let visited = explore(&SIZE).expect("everything holds");
    assert!(visited.states > 1_000, "{visited:?}");
    assert!(visited.steps >= visited.states, "{visited:?}");
}

#[test]
fn two_nodes_that_know_of_one_break_the_bound_and_the_way_there_is_told() {
    let size = Size { known: 1, ..SIZE };
    let broken = explore(&size).expect_err("each of them admits the limit");
    assert!(broken.what.starts_with("G2"), "{broken:?}");
    assert!(!broken.way.is_empty());
}
