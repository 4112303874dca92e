//! Subjects under more policies than the shared store takes in one call.

use std::time::Duration;

use tidegate_core::tiered::Mode;
use tidegate_core::{Algorithm, PolicyName, Quota, Rule};
use tidegate_store::{Request, Store};
use tokio::time::sleep;

use crate::support::{Fault, MOST_POLICIES, World, rules, secs};

const NAMES: [&str; 9] = ["p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8"];

fn named(name: &'static str, algorithm: Algorithm, window: Duration) -> [Rule; 1] {
    let quota = Quota::new(1_000, window).unwrap();
    let quota = quota.with_algorithm(algorithm).unwrap();
    [Rule::new(PolicyName::new(name).unwrap(), quota)]
}

async fn ask_under_each(world: &World, algorithm: Algorithm, window: Duration) {
    for name in NAMES {
        let rules = named(name, algorithm, window);
        let request = Request::new("alice", &rules);
        let decision = world.nodes[0].store.acquire(&request).await.unwrap();
        assert!(decision.is_allowed(), "{algorithm} {name}: {decision:?}");
    }
}

/// Policies that are renamed again and again, or several limiters over one store.
#[tokio::test(start_paused = true)]
async fn a_subject_under_more_policies_than_a_call_takes_is_told_in_parts() {
    for algorithm in [Algorithm::SlidingWindow, Algorithm::TokenBucket] {
        let world = World::new(2);
        sleep(secs(2)).await;
        let hour = secs(3_600);
        for round in 1..=3 {
            ask_under_each(&world, algorithm, hour).await;
            sleep(secs(2)).await;
            for name in NAMES {
                let used = world.used(&named(name, algorithm, hour)).await;
                // A bucket fills meanwhile, one in 3.6 s.
                assert!((round - 1..=round).contains(&used), "{algorithm} {name}");
            }
            let mode = world.nodes[0].store.stats().mode;
            assert_eq!(mode, Mode::Connected, "{algorithm}");
        }
        // They come to an end: nothing is asked again and again.
        let calls = || {
            world.nodes[0]
                .calls
                .load(std::sync::atomic::Ordering::SeqCst)
        };
        let before = calls();
        sleep(secs(10)).await;
        assert!(calls() - before <= 15, "{algorithm}: {}", calls() - before);
    }
}

#[tokio::test(start_paused = true)]
async fn g6_all_of_its_policies_are_told_again_to_a_store_that_lost_them() {
    let world = World::new(2);
    let hour = secs(3_600);
    ask_under_each(&world, Algorithm::SlidingWindow, hour).await;
    sleep(secs(2)).await;
    world.lose_everything();
    sleep(secs(2)).await;
    for name in NAMES {
        let used = world
            .used(&named(name, Algorithm::SlidingWindow, hour))
            .await;
        assert_eq!(used, 1, "{name}");
    }
    assert_eq!(world.nodes[0].store.stats().pending, 0, "all is told");
}

#[tokio::test(start_paused = true)]
async fn a_reset_tells_what_it_is_about_first() {
    let world = World::new(2);
    let hour = secs(3_600);
    for _ in 0..2 {
        ask_under_each(&world, Algorithm::FixedWindow, hour).await;
        sleep(secs(1)).await;
    }
    ask_under_each(&world, Algorithm::FixedWindow, hour).await;
    for name in NAMES {
        let rules = named(name, Algorithm::FixedWindow, hour);
        let request = Request::new("alice", &rules);
        world.nodes[0].store.reset(&request).await.unwrap();
    }
    sleep(secs(7)).await;
    for name in NAMES {
        let used = world.used(&named(name, Algorithm::FixedWindow, hour)).await;
        assert_eq!(used, 0, "{name}");
    }
}

/// What a call is told of the client's own doing is no outage, also if nothing else is told for a while.
#[tokio::test(start_paused = true)]
async fn a_request_that_the_store_cannot_take_does_not_take_the_others_into_an_outage() {
    let mut world = World::new(2);
    let exact = |name| {
        named(name, Algorithm::FixedWindow, secs(60))
            .map(|rule| rule.with_tolerance(tidegate_core::Tolerance::EXACT))
    };
    let many: Vec<Rule> = NAMES.into_iter().flat_map(exact).collect();
    assert!(many.len() > MOST_POLICIES);
    for _ in 0..200 {
        let request = Request::new("bob", &many);
        let decision = world.nodes[0].store.acquire(&request).await.unwrap();
        assert!(decision.is_unavailable(), "{decision:?}");
        assert_eq!(world.nodes[0].store.stats().mode, Mode::Connected);
    }
    world.set_fault(Fault::None);
    assert!(
        world
            .ask(0, &rules(10, secs(60), Algorithm::FixedWindow))
            .await
    );
}
