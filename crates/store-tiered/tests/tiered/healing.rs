//! When the store comes back.

use std::time::Duration;

use tidegate_core::tiered::Mode;
use tidegate_core::{Algorithm, PolicyName, Quota, Rule, Tolerance};
use tidegate_store::{Request, Store};

use crate::support::{Fault, World, ms, rules, secs};

const LONG: Duration = secs(60);

#[tokio::test(start_paused = true)]
async fn g6_a_store_that_returns_empty_is_whole_within_a_second() {
    let mut world = World::new(3);
    let rules = rules(1_000, LONG, Algorithm::FixedWindow);
    world.next_window(&rules).await;
    world.traffic(&rules, &[3, 2, 1], ms(20), secs(3)).await;
    world.set_fault(Fault::Hang);
    world.traffic(&rules, &[3, 2, 1], ms(20), secs(4)).await;
    world.lose_everything();
    world.set_fault(Fault::None);
    let admitted = world.admitted[&world.window(&rules)];
    tokio::time::sleep(secs(6)).await;
    assert_eq!(world.stored(&rules).await, admitted);
}

#[tokio::test(start_paused = true)]
async fn g6_nodes_with_nothing_more_to_say_tell_again_what_the_store_has_lost() {
    for algorithm in [Algorithm::FixedWindow, Algorithm::TokenBucket] {
        let mut world = World::new(2);
        let rules = rules(1_000, LONG * 60, algorithm);
        for _ in 0..30 {
            world.ask(0, &rules).await;
            world.ask(1, &rules).await;
        }
        // More subjects than one call takes.
        for number in 0..700 {
            let subject = format!("other-{number}");
            let request = Request::new(subject.as_str(), &rules).with_cost(5);
            let _ = world.nodes[1].store.acquire(&request).await.unwrap();
        }
        tokio::time::sleep(secs(3)).await;
        let (used, before) = (world.used(&rules).await, world.subjects_used(&rules).await);
        assert!((50..=60).contains(&used), "{algorithm}: {used}");
        assert_eq!(before, 700);
        world.lose_everything();
        tokio::time::sleep(ms(1_500)).await;
        let (rebuilt, subjects) = (world.used(&rules).await, world.subjects_used(&rules).await);
        assert_eq!(subjects, 700, "{algorithm}");
        // A bucket fills meanwhile, one in 3.6 s.
        assert!(
            (used - 1..=used).contains(&rebuilt),
            "{algorithm}: {rebuilt} of {used}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn g6_so_they_do_if_that_was_lost_in_an_outage() {
    let mut world = World::new(2);
    let rules = rules(1_000, LONG * 60, Algorithm::FixedWindow);
    for _ in 0..30 {
        world.ask(0, &rules).await;
    }
    tokio::time::sleep(secs(1)).await;
    world.set_fault(Fault::Hang);
    tokio::time::sleep(secs(20)).await;
    world.lose_everything();
    world.set_fault(Fault::None);
    tokio::time::sleep(secs(7)).await;
    assert_eq!(world.stored(&rules).await, 30);
}

#[tokio::test(start_paused = true)]
async fn g5_lost_answers_are_counted_once() {
    let mut world = World::new(2);
    let rules = rules(1_000, LONG, Algorithm::FixedWindow)
        .map(|rule| rule.with_tolerance(Tolerance::EXACT));
    world.next_window(&rules).await;
    for round in 0..20 {
        world.set_fault_of(
            0,
            if round % 3 == 0 {
                Fault::LoseReplies
            } else {
                Fault::None
            },
        );
        for node in [0, 1] {
            world.ask(node, &rules).await;
        }
        tokio::time::sleep(ms(300)).await;
    }
    world.set_fault(Fault::None);
    tokio::time::sleep(secs(7)).await;
    let admitted = world.admitted[&world.window(&rules)];
    assert_eq!(
        world.stored(&rules).await,
        admitted,
        "{:?}",
        world.provenances
    );
}

#[tokio::test(start_paused = true)]
async fn l3_decisions_are_ordinary_again_after_the_outage() {
    let mut world = World::new(3);
    let rules = rules(100, secs(2), Algorithm::SlidingWindow);
    world.traffic(&rules, &[1, 1, 1], ms(6), secs(3)).await;
    world.set_fault(Fault::Hang);
    world.traffic(&rules, &[1, 1, 1], ms(6), secs(5)).await;
    world.set_fault(Fault::None);
    world.traffic(&rules, &[1, 1, 1], ms(6), secs(7)).await;
    world.provenances.clear();
    world.traffic(&rules, &[1, 1, 1], ms(6), secs(4)).await;
    assert!(
        !world.provenances.contains_key("share"),
        "{:?}",
        world.provenances
    );
}

#[tokio::test(start_paused = true)]
async fn one_node_cut_off_takes_no_more_than_its_share() {
    let mut world = World::new(3);
    let rules = rules(300, secs(2), Algorithm::FixedWindow);
    world.next_window(&rules).await;
    world.traffic(&rules, &[1, 1, 1], ms(2), secs(6)).await;
    world.set_fault_of(2, Fault::Hang);
    world.traffic(&rules, &[1, 1, 1], ms(2), secs(2)).await;
    world.next_window(&rules).await;
    let first = world.window(&rules);
    world.traffic(&rules, &[1, 1, 1], ms(2), secs(6)).await;
    for (_, admitted) in world.admitted.range(first..first + 3) {
        // A third of 300, and N.
        assert!((297..=403).contains(admitted), "{:?}", world.admitted);
    }
}

#[tokio::test(start_paused = true)]
async fn l7_a_shutdown_sends_what_is_unsent_and_says_what_is_left() {
    let mut world = World::new(1);
    let rules = rules(1_000, LONG, Algorithm::FixedWindow);
    world.next_window(&rules).await;
    for _ in 0..7 {
        world.ask(0, &rules).await;
    }
    let left = world.nodes[0].store.shutdown(secs(1)).await;
    assert_eq!((left.subjects, left.cost), (0, 0));
    assert_eq!(world.stored(&rules).await, 7);

    let mut world = World::new(1);
    world.set_fault(Fault::Hang);
    for _ in 0..7 {
        world.ask(0, &rules).await;
    }
    let left = world.nodes[0].store.shutdown(secs(1)).await;
    assert_eq!((left.subjects, left.cost), (1, 7));
}

#[tokio::test(start_paused = true)]
async fn l7_what_is_left_is_counted_in_both_windows_and_once_under_several_policies() {
    let mut world = World::new(1);
    let second = secs(1);
    let [short] = rules(1_000, second, Algorithm::FixedWindow);
    let minute = Quota::per_minute(1_000).unwrap();
    let rules = [short, Rule::new(PolicyName::new("long").unwrap(), minute)];
    world.next_window(&rules).await;
    world.set_fault(Fault::Hang);
    for _ in 0..3 {
        world.ask(0, &rules).await;
    }
    tokio::time::sleep(second).await;
    for _ in 0..4 {
        world.ask(0, &rules).await;
    }
    let left = world.nodes[0].store.shutdown(ms(20)).await;
    assert_eq!((left.subjects, left.cost), (1, 7));
}

#[tokio::test(start_paused = true)]
async fn l7_what_is_in_a_call_under_way_is_unsent() {
    for micros in (0..400).step_by(50) {
        let mut world = World::new(1);
        let rules = rules(1_000, LONG, Algorithm::FixedWindow);
        world.next_window(&rules).await;
        // Reported at once, because it is the subject's first; the answer never comes.
        world.ask(0, &rules).await;
        tokio::time::sleep(Duration::from_micros(micros)).await;
        world.set_fault(Fault::Hang);
        for _ in 0..7 {
            world.ask(0, &rules).await;
        }
        let left = world.nodes[0].store.shutdown(ms(20)).await;
        assert_eq!(left.subjects, 1, "after {micros} us");
        assert!((7..=8).contains(&left.cost), "after {micros} us: {left:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn l3_a_store_that_takes_seconds_is_believed_if_the_deadline_lets_it() {
    let mut world = World::new(0);
    world.start_patient_node(2, secs(3));
    world.set_fault(Fault::Hang);
    tokio::time::sleep(secs(30)).await;
    let out = |world: &World| matches!(world.nodes[0].store.stats().mode, Mode::Out { .. });
    assert!(out(&world));
    world.set_fault(Fault::Slow);
    // The last probe in vain, the backoff's cap, and a probe that is answered.
    tokio::time::sleep(secs(3 + 5 + 3)).await;
    assert!(!out(&world));
}

#[tokio::test(start_paused = true)]
async fn l3_a_store_that_panicked_is_used_again() {
    let mut world = World::new(2);
    let rules = rules(1_000, LONG, Algorithm::FixedWindow)
        .map(|rule| rule.with_tolerance(Tolerance::EXACT));
    world.next_window(&rules).await;
    world.set_fault(Fault::Panic);
    for _ in 0..20 {
        world.ask(0, &rules).await;
        tokio::time::sleep(ms(100)).await;
    }
    world.set_fault(Fault::None);
    tokio::time::sleep(secs(6)).await;
    let request = tidegate_store::Request::new("alice", &rules);
    let decision = tidegate_store::Store::acquire(&world.nodes[0].store, &request).await;
    let decision = decision.unwrap();
    assert_eq!(decision.provenance().as_str(), "store", "{decision:?}");
}

#[tokio::test(start_paused = true)]
async fn g5_what_was_not_told_before_a_reset_does_not_count_after_it() {
    let mut world = World::new(2);
    let rules = rules(1_000, LONG, Algorithm::FixedWindow);
    world.next_window(&rules).await;
    assert!(world.ask(0, &rules).await);
    tokio::time::sleep(secs(1)).await;
    for _ in 0..3 {
        assert!(world.ask(0, &rules).await);
    }
    assert_eq!(world.stored(&rules).await, 1, "three are not told yet");
    let request = Request::new("alice", &rules);
    world.nodes[0].store.reset(&request).await.unwrap();
    assert_eq!(world.stored(&rules).await, 0);
    assert!(world.ask(0, &rules).await);
    tokio::time::sleep(secs(7)).await;
    assert_eq!(world.stored(&rules).await, 1, "only what came after it");
}

/// Mechanism, section 4: hot keys are reported first.
#[tokio::test(start_paused = true)]
async fn who_used_most_is_told_first_when_the_store_is_back() {
    let mut world = World::new(2);
    let rules = rules(1_000, LONG * 60, Algorithm::FixedWindow);
    world.set_fault(Fault::Hang);
    tokio::time::sleep(secs(5)).await;
    for number in 0..2_000 {
        let subject = format!("other-{number}");
        let request = Request::new(subject.as_str(), &rules);
        let _ = world.nodes[0].store.acquire(&request).await.unwrap();
    }
    for _ in 0..20 {
        assert!(world.ask(0, &rules).await);
    }
    tokio::time::sleep(secs(10)).await;
    world.nodes[0].told.lock().unwrap().clear();
    world.set_fault(Fault::None);
    tokio::time::sleep(secs(7)).await;
    assert_eq!(world.subjects_used(&rules).await, 2_000);
    let told = world.nodes[0].told.lock().unwrap();
    let alice = told.iter().position(|subject| subject == b"alice");
    assert!(
        alice.is_some_and(|at| at < 256),
        "{alice:?} of {}",
        told.len()
    );
}

#[tokio::test(start_paused = true)]
async fn g6_losses_that_follow_each_other_are_all_made_good() {
    let world = World::new(1);
    let rules = rules(1_000, LONG * 60, Algorithm::FixedWindow);
    for number in 0..2_000 {
        let subject = format!("other-{number}");
        let request = Request::new(subject.as_str(), &rules);
        let _ = world.nodes[0].store.acquire(&request).await.unwrap();
    }
    tokio::time::sleep(secs(3)).await;
    for _ in 0..5 {
        world.lose_everything();
        tokio::time::sleep(ms(900)).await;
    }
    tokio::time::sleep(secs(2)).await;
    assert_eq!(world.subjects_used(&rules).await, 2_000);
}

#[tokio::test(start_paused = true)]
async fn l7_nobody_waits_for_the_store_after_a_shutdown() {
    let mut world = World::new(2);
    let rules = rules(1_000, LONG, Algorithm::FixedWindow)
        .map(|rule| rule.with_tolerance(Tolerance::EXACT));
    assert!(world.ask(0, &rules).await);
    let left = world.nodes[0].store.shutdown(secs(1)).await;
    assert_eq!((left.subjects, left.cost), (0, 0));
    world.slowest = Duration::ZERO;
    assert!(!world.ask(0, &rules).await, "it is exact, and closed");
    assert_eq!(world.slowest, Duration::ZERO);
    let mode = world.nodes[0].store.stats().mode;
    assert!(matches!(mode, Mode::Out { .. }), "{mode:?}");
}
