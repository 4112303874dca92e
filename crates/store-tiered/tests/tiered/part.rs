//! A part of the store is lost, and the rest answers: outage settings decide about what is kept there, and about nothing else.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tidegate_core::tiered::Mode;
use tidegate_core::{Algorithm, Fallback, Grace, Outage, Rule, Tolerance};
use tidegate_store::{Request, Store};
use tokio::time::{Instant, sleep};

use crate::support::{DEADLINE, Fault, World, ms, rules, secs};

const WINDOW: Duration = secs(10);
/// Longer than anything may take here.
const LONG: Duration = secs(20);

/// Its share for three seconds of an outage, then nothing.
fn login() -> [Rule; 1] {
    let login = Outage::Grace(Grace {
        lasting: secs(3),
        first: Fallback::Share,
        then: Fallback::Closed,
    });
    rules(1_000, WINDOW, Algorithm::FixedWindow).map(|rule| rule.with_outage(login))
}

/// Nobody but alice asks, so that every call fails.
#[tokio::test(start_paused = true)]
async fn g4_a_lost_part_takes_only_its_own_subjects_with_it() {
    for algorithm in [Algorithm::FixedWindow, Algorithm::TokenBucket] {
        let mut world = World::new(2);
        let rules = rules(100, WINDOW, algorithm);
        sleep(secs(2)).await;
        world.next_window(&rules).await;
        world.set_fault(Fault::LosePart);
        let calls = |world: &World| world.nodes[0].calls.load(Ordering::SeqCst);
        let before = calls(&world);
        let (every, lasting) = (ms(10), secs(9));
        world.traffic(&rules, &[1, 1], every, lasting).await;
        let modes = world.nodes.iter().map(|node| node.store.stats().mode);
        for mode in modes {
            assert_eq!(mode, Mode::Connected, "{algorithm}");
        }
        let admitted: u64 = world.admitted.values().sum();
        // A bucket takes in nine tenths more meanwhile.
        let most = if algorithm == Algorithm::TokenBucket {
            192
        } else {
            102
        };
        assert!(
            (98..=most).contains(&admitted),
            "{algorithm}: {admitted} of {most}"
        );
        let made = calls(&world) - before;
        assert!(
            made <= 40,
            "{algorithm}: {made} calls in nine seconds, registrations among them"
        );
        assert!(world.slowest < ms(5), "{:?}", world.slowest);

        world.set_fault(Fault::None);
        let back = Instant::now();
        while world.used(&rules).await < 90 {
            assert!(back.elapsed() < LONG, "{algorithm}: not told");
            sleep(ms(10)).await;
        }
        let took = back.elapsed();
        assert!(took <= ms(1_300), "{algorithm}: told after {took:?}");
    }
}

/// Where a part hangs, the store says so at the deadline, and must be heard: also if it has the list of the nodes, so that no call
/// is answered at all.
#[tokio::test(start_paused = true)]
async fn g4_a_part_that_hangs_takes_only_its_own_subjects_with_it() {
    let mut world = World::new(0);
    world.gives_up = Some(DEADLINE);
    world.start_node(2);
    let rules = rules(100, WINDOW, Algorithm::FixedWindow);
    sleep(secs(2)).await;
    world.next_window(&rules).await;
    world.set_fault(Fault::HangPart);
    for _ in 0..900 {
        world.ask(0, &rules).await;
        sleep(ms(10)).await;
        let mode = world.nodes[0].store.stats().mode;
        assert_eq!(mode, Mode::Connected);
    }
    let admitted: u64 = world.admitted.values().sum();
    assert!((49..=51).contains(&admitted), "{admitted}");
    assert!(world.slowest <= DEADLINE + ms(2), "{:?}", world.slowest);
}

/// For three seconds the node enforces its share; then nothing is let through, as long as the part is lost.
#[tokio::test(start_paused = true)]
async fn grace_ends_also_while_only_a_part_is_lost() {
    let mut world = World::new(1);
    let rules = login();
    sleep(secs(2)).await;
    world.set_fault(Fault::LosePart);
    let began = Instant::now();
    while world.ask(0, &rules).await {
        assert!(began.elapsed() < LONG, "still let through");
        sleep(ms(10)).await;
    }
    let took = began.elapsed();
    assert!((3_000..3_100).contains(&took.as_millis()), "{took:?}");
    let other = Request::new("other", &rules);
    assert!(
        world.nodes[0]
            .store
            .acquire(&other)
            .await
            .unwrap()
            .is_allowed()
    );
    world.set_fault(Fault::None);
    let began = Instant::now();
    while !world.ask(0, &rules).await {
        assert!(began.elapsed() < LONG, "still closed");
        sleep(ms(10)).await;
    }
    assert!(began.elapsed() <= ms(1_300), "{:?}", began.elapsed());
}

/// A call that failed once is tried again after T.
#[tokio::test(start_paused = true)]
async fn l3_a_moment_without_an_answer_is_over_in_a_moment() {
    let mut world = World::new(1);
    let rules = rules(1_000, WINDOW, Algorithm::FixedWindow).map(|rule| {
        let exact = rule.with_tolerance(Tolerance::EXACT);
        exact.with_outage(Outage::CLOSED)
    });
    sleep(secs(2)).await;
    assert!(world.ask(0, &rules).await);
    world.set_fault(Fault::LosePart);
    assert!(!world.ask(0, &rules).await);
    world.set_fault(Fault::None);
    let began = Instant::now();
    while !world.ask(0, &rules).await {
        assert!(began.elapsed() < LONG, "still closed");
        sleep(ms(5)).await;
    }
    // T, the end of its tick, and the driver's way there.
    assert!(began.elapsed() <= ms(180), "{:?}", began.elapsed());
}

/// What was closed because a part is lost stays so when the rest is lost too, and when that comes back.
#[tokio::test(start_paused = true)]
async fn grace_goes_on_when_all_of_the_store_is_lost_after_a_part() {
    let mut world = World::new(1);
    let rules = login();
    sleep(secs(2)).await;
    world.set_fault(Fault::LosePart);
    world.ask(0, &rules).await;
    sleep(secs(4)).await;
    for fault in [Fault::LosePart, Fault::Refuse, Fault::LosePart] {
        world.set_fault(fault);
        let began = Instant::now();
        while began.elapsed() < secs(10) {
            assert!(!world.ask(0, &rules).await, "after {:?}", began.elapsed());
            sleep(ms(50)).await;
        }
    }
}
