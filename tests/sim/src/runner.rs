//! Many scenarios, on all cores; each seed belongs to one family unless told otherwise.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use crate::family::Family;
use crate::found::FOUND;
use crate::invariants::Violation;
use crate::scenario::Scenario;

/// Which scenarios are run.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub from: u64,
    pub seeds: u64,
    /// All of this family; otherwise seeds go round the families.
    pub family: Option<Family>,
    /// How many threads run them.
    pub threads: usize,
    /// Whether one that fails ends it all.
    pub until_failure: bool,
}

/// A scenario in which a guarantee did not hold.
#[derive(Clone, Debug)]
pub struct Failure {
    pub family: Family,
    pub seed: u64,
    pub violation: Violation,
}

/// What became of a family's scenarios.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    pub scenarios: u64,
    pub decisions: u64,
    pub calls: u64,
    pub failed: u64,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, more: Self) {
        self.scenarios += more.scenarios;
        self.decisions += more.decisions;
        self.calls += more.calls;
        self.failed += more.failed;
    }
}

/// What became of all.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    pub tallies: BTreeMap<&'static str, Tally>,
    /// By seed.
    pub failures: Vec<Failure>,
}

impl Plan {
    /// The scenario of a seed.
    pub fn scenario(&self, seed: u64) -> Scenario {
        Scenario::draw(self.family.unwrap_or_else(|| Family::of(seed)), seed)
    }

    /// Runs them all.
    pub fn run(&self) -> Outcome {
        let next = AtomicU64::new(self.from);
        let stopped = AtomicBool::new(false);
        let parts = thread::scope(|scope| {
            let start = |_| scope.spawn(|| self.run_some(&next, &stopped));
            let threads: Vec<_> = (0..self.threads.max(1)).map(start).collect();
            let parts = threads.into_iter().map(|thread| {
                let part = thread.join();
                part.unwrap_or_else(|panic| panic::resume_unwind(panic))
            });
            parts.collect::<Vec<_>>()
        });
        let mut outcome = Outcome::default();
        for part in parts {
            outcome.add(part);
        }
        outcome.failures.sort_by_key(|failure| failure.seed);
        outcome
    }

    /// Takes seeds until there are no more.
    fn run_some(&self, next: &AtomicU64, stopped: &AtomicBool) -> Outcome {
        let mut outcome = Outcome::default();
        while !stopped.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed.wrapping_sub(self.from) >= self.seeds {
                break;
            }
            let scenario = self.scenario(seed);
            outcome.note(&scenario);
            if !outcome.failures.is_empty() && self.until_failure {
                stopped.store(true, Ordering::Relaxed);
            }
        }
        outcome
    }
}

impl Outcome {
    /// Runs the scenarios that once found something.
    pub fn of_found() -> Self {
        let mut outcome = Self::default();
        for found in FOUND {
            outcome.note(&Scenario::draw(found.family, found.seed));
        }
        outcome
    }

    fn note(&mut self, scenario: &Scenario) {
        let (world, verdict) = match panic::catch_unwind(|| scenario.run(false)) {
            Ok(ended) => ended,
            Err(panic) => return self.note_panic(scenario, &*panic),
        };
        *self.tallies.entry(scenario.family.as_str()).or_default() += Tally {
            scenarios: 1,
            decisions: world.oracle.decisions,
            calls: world.store.calls,
            failed: u64::from(verdict.is_err()),
        };
        if let Err(violation) = verdict {
            self.failures.push(Failure {
                family: scenario.family,
                seed: scenario.seed,
                violation,
            });
        }
    }

    /// No input panics (G8).
    fn note_panic(&mut self, scenario: &Scenario, panic: &dyn Any) {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        let tally = self.tallies.entry(scenario.family.as_str()).or_default();
        tally.scenarios += 1;
        tally.failed += 1;
        self.failures.push(Failure {
            family: scenario.family,
            seed: scenario.seed,
            violation: Violation {
                invariant: "G8",
                at: 0,
                message: format!("panicked: {}", text.unwrap_or("without a word")),
            },
        });
    }

    fn add(&mut self, other: Self) {
        for (family, more) in other.tallies {
            *self.tallies.entry(family).or_default() += more;
        }
        self.failures.extend(other.failures);
    }

    /// All families together.
    pub fn total(&self) -> Tally {
        let mut total = Tally::default();
        for tally in self.tallies.values() {
            total += *tally;
        }
        total
    }
}
