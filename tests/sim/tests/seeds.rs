//! A few seeds of every family.

use tidegate_sim::scenario::{FAMILIES, Scenario};

#[test]
fn every_family_holds() {
    let seeds: u64 = std::env::var("SEEDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(if cfg!(debug_assertions) { 15 } else { 100 });
    let mut failures = Vec::new();
    for family in FAMILIES {
        for seed in 0..seeds {
            let scenario = Scenario::draw(family, seed);
            let (_, verdict) = scenario.run(false);
            if let Err(wrong) = verdict {
                failures.push(format!(
                    "{family:?} seed {seed}: {wrong} {}",
                    scenario.rule.quota()
                ));
            }
        }
    }
    assert!(
        failures.is_empty(),
        "{} failed\n{}",
        failures.len(),
        failures[..failures.len().min(40)].join("\n")
    );
}
