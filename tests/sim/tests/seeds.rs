//! Some seeds of every family, and those that once found something wrong.

use std::time::Duration;

use tidegate_core::Quota;
use tidegate_sim::family::Family;
use tidegate_sim::fault::{Fault, Kind};
use tidegate_sim::found::FOUND;
use tidegate_sim::runner::{Outcome, Plan};
use tidegate_sim::scenario::Scenario;
use tidegate_sim::time::SECOND;
use tidegate_sim::{shrink, story};

fn run(plan: &Plan) -> Outcome {
    let outcome = plan.run();
    if let Some(first) = outcome.failures.first() {
        panic!(
            "{}",
            story::headline(&plan.scenario(first.seed), &first.violation)
        );
    }
    outcome
}

#[test]
fn every_family_holds() {
    let outcome = run(&Plan {
        from: 0,
        seeds: 300,
        family: None,
        threads: 2,
        until_failure: true,
    });
    assert_eq!(outcome.tallies.len(), Family::ALL.len());
}

/// With these alone a node's counts have more than one life.
#[test]
fn idle_subjects_are_forgotten_and_asked_for_again() {
    let lives = |seed| {
        let (world, verdict) = Scenario::draw(Family::Idle, seed).run(false);
        assert_eq!(verdict, Ok(()), "seed {seed}");
        world.oracle.forgotten
    };
    let forgotten: Vec<u64> = (0..60).map(lives).collect();
    let none = forgotten.iter().filter(|lives| **lives == 0).count();
    assert!(none < 10, "{forgotten:?}");
}

#[test]
fn what_was_found_stays_mended() {
    for found in FOUND {
        let (_, verdict) = Scenario::draw(found.family, found.seed).run(false);
        assert_eq!(verdict, Ok(()), "{}", found.what);
    }
}

/// Windows last, and nobody asks any more when the store loses its data: with these alone nodes have nothing to add to what
/// they have told.
#[test]
fn g6_what_nobody_asks_for_any_more_is_told_again() {
    const LOST: u64 = 4 * SECOND;
    let mut idle = 0;
    for seed in 0..200 {
        let mut scenario = Scenario::draw(Family::DataLoss, seed);
        for rule in &mut scenario.rules {
            let quota = Quota::new(rule.quota().limit(), Duration::from_secs(60)).expect("a quota");
            *rule = rule.with_quota(quota);
        }
        scenario.traffic.until = LOST - SECOND;
        scenario.faults = vec![Fault::at(Kind::LoseData, LOST)];
        scenario.length = LOST + 3 * SECOND;
        let (world, verdict) = scenario.run(false);
        assert_eq!(verdict, Ok(()), "seed {seed}");
        let told = world
            .oracle
            .rebuilt
            .iter()
            .filter(|node| node.heard && node.admitted > 0);
        idle += told.count();
    }
    assert!(idle > 200, "{idle} nodes had told anything");
}

#[test]
fn a_seed_decides_everything() {
    let scenario = Scenario::draw(Family::Mixture, 14);
    let tell = || {
        let (world, _) = scenario.run(true);
        world.timeline.shown(0, u64::MAX)
    };
    assert_eq!(tell(), tell());
}

#[test]
fn what_does_not_fail_takes_no_faults() {
    let scenario = Scenario::draw(Family::Mixture, 14);
    assert_eq!(shrink::needed(&scenario), None);
}
