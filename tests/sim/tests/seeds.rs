//! Some seeds of every family, and those that once found something wrong.

use tidegate_sim::family::Family;
use tidegate_sim::found::FOUND;
use tidegate_sim::runner::{Outcome, Plan};
use tidegate_sim::scenario::Scenario;
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

#[test]
fn what_was_found_stays_mended() {
    for found in FOUND {
        let (_, verdict) = Scenario::draw(found.family, found.seed).run(false);
        assert_eq!(verdict, Ok(()), "{}", found.what);
    }
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
