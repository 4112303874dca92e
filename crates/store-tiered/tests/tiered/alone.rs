//! A node that is alone, or believes that it is: others come.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tidegate_core::{Algorithm, Rule};
use tidegate_store::{Request, Store};
use tokio::time::sleep;

use crate::support::{Fault, World, join_all, ms, rules, secs};

const LIMIT: u64 = 1_000;
/// 1 %, of two nodes.
const SLACK: u64 = 10;

fn policies() -> [[Rule; 1]; 2] {
    [Algorithm::FixedWindow, Algorithm::TokenBucket]
        .map(|algorithm| rules(LIMIT, secs(3_600), algorithm))
}

/// So many requests at each node, all in the same moment. Says how many were admitted.
async fn burst(world: &World, rules: &[Rule], counts: &[usize]) -> u64 {
    let request = Request::new("alice", rules);
    let calls = world.nodes.iter().zip(counts);
    let calls = calls.flat_map(|(node, count)| (0..*count).map(|_| node.store.acquire(&request)));
    let decisions = join_all(calls.collect()).await;
    let allowed = decisions
        .iter()
        .filter(|decision| decision.as_ref().unwrap().is_allowed());
    u64::try_from(allowed.count()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn g2_nodes_that_start_together_and_expect_nobody_do_not_admit_the_limit_each() {
    for rules in policies() {
        let mut world = World::new(0);
        world.start_node(1);
        world.start_node(1);
        let admitted = burst(&world, &rules, &[499, 1_000]).await;
        assert!(
            (LIMIT..=LIMIT + SLACK).contains(&admitted),
            "{admitted} admitted"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn g2_a_node_that_was_alone_knows_of_another_as_soon_as_it_sees_what_that_used() {
    for rules in policies() {
        let mut world = World::new(0);
        world.start_node(1);
        sleep(secs(10)).await;
        world.ask(0, &rules).await;
        // It has just registered: the next time comes in eight tenths of a second at the earliest.
        let calls = world.nodes[0].calls.load(Ordering::SeqCst);
        while world.nodes[0].calls.load(Ordering::SeqCst) < calls + 2 {
            sleep(ms(1)).await;
        }
        world.start_node(1);
        world.ask(1, &rules).await;
        sleep(ms(5)).await;
        world.ask(0, &rules).await;
        sleep(ms(150)).await;
        let admitted = 3 + burst(&world, &rules, &[499, 1_000]).await;
        assert!(
            (LIMIT..=LIMIT + SLACK).contains(&admitted),
            "{admitted} admitted"
        );
        assert_eq!(world.nodes[0].store.stats().nodes, 2, "and has asked who");
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_alone_waits_for_nobody() {
    let mut world = World::new(1);
    let [windows, _] = policies();
    sleep(secs(10)).await;
    assert_eq!(burst(&world, &windows, &[2_000]).await, LIMIT);
    world.set_fault(Fault::Hang);
    world
        .ask(0, &rules(LIMIT, secs(60), Algorithm::FixedWindow))
        .await;
    assert_eq!(world.slowest, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn r3_a_subject_that_cannot_be_served_is_not_asked_for_without_end() {
    let world = World::new(2);
    let [rules, _] = policies();
    world.set_fault(Fault::CorruptEach);
    let calls = || world.nodes[0].calls.load(Ordering::SeqCst);
    let before = calls();
    burst(&world, &rules, &[1, 0]).await;
    sleep(secs(1)).await;
    // One each T, and one registration a second.
    assert!(calls() - before <= 23, "{} calls", calls() - before);
    world.set_fault(Fault::None);
    sleep(ms(200)).await;
    assert_eq!(world.stored(&rules).await, 1, "and is told in the end");
}
