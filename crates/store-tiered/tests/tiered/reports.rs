//! How soon the store is told, and how often it is asked again for what it does not serve.

use std::sync::atomic::Ordering;

use tidegate_core::tiered::Mode;
use tidegate_core::{Algorithm, Rule};
use tidegate_store::{Request, Store};
use tokio::time::{Instant, sleep};

use crate::support::{Fault, World, ms, rules, secs};

fn policy() -> [Rule; 1] {
    rules(1_000, secs(3_600), Algorithm::FixedWindow)
}

/// A request of another subject, of which nobody has heard the first time.
async fn ask_other(world: &World, number: usize, rules: &[Rule]) {
    let name = format!("other-{number}");
    let request = Request::new(name.as_bytes(), rules);
    let _ = world.nodes[0].store.acquire(&request).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_count_is_told_soon_however_much_else_is_told_at_once() {
    let mut world = World::new(2);
    let rules = policy();
    sleep(secs(2)).await;
    world.ask(0, &rules).await;
    sleep(ms(300)).await;
    assert_eq!(world.stored(&rules).await, 1);
    let mut asked = 0;
    for told in 2..12 {
        world.ask(0, &rules).await;
        let began = Instant::now();
        while world.stored(&rules).await < told {
            asked += 1;
            ask_other(&world, asked, &rules).await;
            sleep(ms(10)).await;
        }
        // T, to the end of the tick that it is due in, until the driver's next look, each 50 ms or a fifth more; and ours.
        let took = began.elapsed();
        assert!(took <= ms(200), "told after {took:?}");
        sleep(ms(130)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn r2_what_fails_and_is_no_outage_is_not_tried_again_at_once() {
    let world = World::new(2);
    let rules = policy();
    sleep(secs(1)).await;
    world.set_fault(Fault::Overload);
    let calls = || world.nodes[0].calls.load(Ordering::SeqCst);
    let before = calls();
    let request = Request::new("alice", &rules);
    let _ = world.nodes[0].store.acquire(&request).await.unwrap();
    sleep(secs(1)).await;
    let made = calls() - before;
    // One every T.
    assert!((5..=25).contains(&made), "{made} calls in a second");
}

#[tokio::test(start_paused = true)]
async fn a_subject_that_is_not_served_does_not_take_the_others_into_an_outage() {
    let mut world = World::new(2);
    let rules = policy();
    sleep(secs(2)).await;
    world.set_fault(Fault::RefuseAlice);
    world.ask(0, &rules).await;
    for number in 0..1_000 {
        ask_other(&world, number % 50, &rules).await;
        sleep(ms(2)).await;
        let mode = world.nodes[0].store.stats().mode;
        assert!(
            matches!(mode, Mode::Connected),
            "{mode:?} after {number} others"
        );
    }
}
