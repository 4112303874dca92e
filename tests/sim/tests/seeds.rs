//! Some seeds of every family, and those that once found something wrong.

use tidegate_sim::family::Family;
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

/// Each finds a fault of the mechanism that was mended, should it come back.
const FOUND: &[(Family, u64, &str)] = &[
    (
        Family::DataLoss,
        8,
        "G4: a node took a total for final that lacked the others' last reports",
    ),
    (
        Family::StoreClock,
        1_446,
        "G7: a bucket denied by what it had owed before a step back",
    ),
    (
        Family::StoreClock,
        141,
        "L4: the same, for a subject that had been idle",
    ),
    (
        Family::StoreClock,
        236,
        "G3: what the store had been told before a step back was counted again long afterwards",
    ),
    (
        Family::StoreClock,
        853,
        "G5: what was unsent when the clock stepped back was reported only when somebody asked",
    ),
    (
        Family::StoreClock,
        756,
        "G8: what was admitted hid behind what the store remembered",
    ),
    (
        Family::Jumbled,
        4_486,
        "G5: an answer came from a window that had not begun by the node's clock",
    ),
    (
        Family::Lossy,
        342_096,
        "G5: a better sample set a node's clock back into the window before",
    ),
    (
        Family::Mixture,
        44_294,
        "G5, G2: the same, for a node alone",
    ),
    (
        Family::Mixture,
        324_884,
        "G4, G5: after a step back of which only a probe told, windows did not end and no share held",
    ),
    (
        Family::StoreClock,
        301_991,
        "G7: a bucket denied by what had been heard at a time to come",
    ),
    (
        Family::StoreClock,
        90_686,
        "G7: the judge did not know that a time that comes again cannot be told from the first",
    ),
];

#[test]
fn what_was_found_stays_mended() {
    for (family, seed, found) in FOUND {
        let (_, verdict) = Scenario::draw(*family, *seed).run(false);
        assert_eq!(verdict, Ok(()), "{found}");
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
