//! Who shares the store: N, on which every node's tolerance depends.

use std::time::Duration;

use tidegate_core::Algorithm;

use super::super::{LONG, check, rule};
use super::player::NODES;
use super::{Checked, Nodes};

/// Nodes say about once a second that they are alive: one such call may be lost.
const ONE_LOST: Duration = Duration::from_secs(2);

/// The most that "a few seconds" can mean.
const A_FEW_SECONDS: Duration = Duration::from_secs(10);

/// How far two calls of one case can be apart.
const SAME_TIME: Duration = Duration::from_secs(60);

pub(super) async fn live_nodes_are_counted_once(nodes: &Nodes<'_>) -> Checked {
    for (node, count) in [(0, 1), (1, 2), (0, 2), (2, 3), (1, 3)] {
        let known = nodes.store.register(NODES[node]).await?.nodes;
        check!(
            known == count,
            "after nodes 0, 1, 0, 2, 1 up to {node} registered, {known} are known, not {count}"
        );
    }
    nodes.store.deregister(NODES[1]).await?;
    nodes.store.deregister(NODES[1]).await?;
    let registry = nodes.store.register(NODES[0]).await?;
    check!(
        registry.nodes == 2,
        "of three nodes one has stopped, and {} are known",
        registry.nodes
    );
    let rule = rule("time", 10, LONG, Algorithm::FixedWindow)?;
    let now = nodes.hear(NODES[0], "alice", &rule).await?.now;
    let apart = now.since(registry.now).max(registry.now.since(now));
    check!(
        apart < SAME_TIME,
        "the registry's time is {apart:?} away from the time that reports are answered with"
    );
    Ok(())
}

pub(super) async fn a_silent_node_is_forgotten_and_no_sooner(nodes: &Nodes<'_>) -> Checked {
    let silence = nodes.hazards.silence();
    check!(
        silence > ONE_LOST && silence <= A_FEW_SECONDS,
        "a silent node is forgotten after {silence:?}, which is not a few seconds"
    );
    for node in NODES {
        nodes.store.register(node).await?;
    }
    nodes.bench.clock.advance(ONE_LOST).await;
    let known = nodes.store.register(NODES[0]).await?.nodes;
    check!(
        known == 3,
        "after {ONE_LOST:?}, in which one call of each node may have been lost, {known} of 3 are known"
    );
    nodes.bench.clock.advance(silence - ONE_LOST / 2).await;
    let known = nodes.store.register(NODES[0]).await?.nodes;
    check!(
        known == 1,
        "two of three nodes have been silent for {silence:?} and more, and {known} are known"
    );
    Ok(())
}

pub(super) async fn a_generation_is_known_to_all_and_lost_with_the_data(
    nodes: &Nodes<'_>,
) -> Checked {
    let mut before = None;
    for node in [0, 1, 0] {
        let heard = nodes.store.register(NODES[node]).await?.generation;
        check!(
            heard.is_some() && before.is_none_or(|known| known == heard),
            "node {node} heard of generation {heard:?}, and before it was {before:?}"
        );
        before = Some(heard);
    }
    nodes.hazards.lose_everything().await?;
    let after = nodes.store.register(NODES[1]).await?.generation;
    check!(
        after.is_some() && before != Some(after),
        "everything is lost, and the generation is {after:?} as before"
    );
    let other = nodes.store.register(NODES[0]).await?.generation;
    check!(
        other == after,
        "after the loss one node heard of generation {after:?}, the next of {other:?}"
    );
    Ok(())
}
