//! While the store answers: the bound, and what it costs.

use std::sync::atomic::Ordering;

use tidegate_core::Algorithm;

use crate::support::{World, ms, rules, secs};

#[tokio::test(start_paused = true)]
async fn g2_three_nodes_stay_within_the_tolerance_and_use_the_limit() {
    for algorithm in [Algorithm::FixedWindow, Algorithm::SlidingWindow] {
        let mut world = World::new(3);
        let rules = rules(100, secs(2), algorithm);
        world.next_window(&rules).await;
        world.traffic(&rules, &[5, 4, 2], ms(6), secs(12)).await;
        let first = *world.admitted.keys().next().unwrap();
        for (window, admitted) in world
            .admitted
            .iter()
            .filter(|(window, _)| **window < first + 6)
        {
            // N = 3, and q = 1 at a limit of 100.
            assert!(
                (97..=102).contains(admitted),
                "{algorithm}: {admitted} in window {window}"
            );
        }
        assert!(world.slowest < ms(5), "{:?}", world.slowest);
    }
}

#[tokio::test(start_paused = true)]
async fn g5_the_store_counts_what_was_admitted() {
    let mut world = World::new(3);
    let rules = rules(1_000, secs(10), Algorithm::FixedWindow);
    world.next_window(&rules).await;
    world.traffic(&rules, &[1, 1, 1], ms(7), secs(3)).await;
    tokio::time::sleep(secs(1)).await;
    assert_eq!(
        world.stored(&rules).await,
        world.admitted[&world.window(&rules)]
    );
}

#[tokio::test(start_paused = true)]
async fn what_finished_windows_admitted_is_shown() {
    let mut world = World::new(2);
    let rules = rules(100, secs(1), Algorithm::FixedWindow);
    assert_eq!(world.nodes[0].store.stats().overshoot, None);
    world.next_window(&rules).await;
    world.traffic(&rules, &[3, 1], ms(5), secs(3)).await;
    let shares = [0, 1].map(|node| world.nodes[node].store.stats().share.unwrap());
    // 0.8 x 3/4 + 0.2 / 2
    assert!((0.65..=0.75).contains(&shares[0]), "{shares:?}");
    assert!((shares[0] + shares[1] - 1.0).abs() < 0.02, "{shares:?}");
    let overshoot = world.nodes[1].store.stats().overshoot.unwrap();
    assert!((0.97..=1.02).contains(&overshoot), "{overshoot}");
}

#[tokio::test(start_paused = true)]
async fn r3_denied_traffic_costs_about_one_call_a_second() {
    let mut world = World::new(1);
    let rules = rules(10, secs(60), Algorithm::FixedWindow);
    world.next_window(&rules).await;
    world.traffic(&rules, &[1], ms(1), secs(1)).await;
    let before = world.nodes[0].calls.load(Ordering::SeqCst);
    world.traffic(&rules, &[1], ms(1), secs(10)).await;
    let calls = world.nodes[0].calls.load(Ordering::SeqCst) - before;
    // Ten refreshes, and ten registrations of the node itself.
    assert!((15..=26).contains(&calls), "{calls} calls in ten seconds");
}

#[tokio::test(start_paused = true)]
async fn exact_policies_are_exact() {
    use tidegate_core::Tolerance;
    let mut world = World::new(3);
    let rules = rules(50, secs(2), Algorithm::FixedWindow)
        .map(|rule| rule.with_tolerance(Tolerance::EXACT));
    world.next_window(&rules).await;
    world.traffic(&rules, &[1, 1, 1], ms(9), secs(8)).await;
    assert!(
        world.admitted.values().all(|admitted| *admitted <= 50),
        "{:?}",
        world.admitted
    );
    assert!(
        world
            .admitted
            .values()
            .filter(|admitted| **admitted == 50)
            .count()
            >= 3,
        "{:?}",
        world.admitted
    );
}
