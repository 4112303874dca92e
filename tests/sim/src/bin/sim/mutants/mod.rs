//! Whether the simulator can fail: faults put into the pure code on purpose, each of which must be caught.

mod apart;
mod in_fronts;
mod in_lives;
mod in_nodes;
mod in_parts;
mod in_store;

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail, ensure};
use tidegate_sim::family::Family;

use apart::Apart;

/// So many scenarios are run for each: a hundred of every family.
const SEEDS: u64 = 1_700;
/// Or so many of one, for what is rarely met; and those that once found something, for what is met more rarely still.
const SEEDS_OF_ONE: u64 = 4_000;

/// A fault, put into the code on purpose.
struct Mutant {
    name: &'static str,
    about: &'static str,
    /// The family that is expected to notice; all of them in turn unless told.
    family: Option<Family>,
    patches: &'static [Patch],
}

/// A change to a file of `crates/core/src`.
struct Patch {
    file: &'static str,
    /// This text, which occurs once, ...
    old: &'static str,
    /// ... is replaced by that one.
    new: &'static str,
}

fn all() -> impl Iterator<Item = &'static Mutant> {
    let nodes = in_nodes::MUTANTS.iter().chain(in_fronts::MUTANTS);
    let parts = in_lives::MUTANTS.iter().chain(in_parts::MUTANTS);
    nodes.chain(parts).chain(in_store::MUTANTS)
}

/// Runs those that are named, or all, and prints a table; says whether each was caught.
pub(crate) fn run(names: &[String]) -> Result<bool> {
    for name in names {
        ensure!(
            all().any(|mutant| mutant.name == name),
            "unknown mutant {name:?}: it must be one of {}",
            all()
                .map(|mutant| mutant.name)
                .collect::<Vec<_>>()
                .join(", ")
        );
    }
    let apart = Apart::new()?;
    let wanted =
        all().filter(|mutant| names.is_empty() || names.iter().any(|name| name == mutant.name));
    let wanted: Vec<&Mutant> = wanted.collect();
    let families: BTreeSet<_> = wanted.iter().map(|mutant| mutant.family()).collect();
    for family in families {
        let sound = apart.caught(family)?;
        ensure!(
            sound.is_empty(),
            "without any fault {sound} did not hold, in scenarios of {}",
            family.unwrap_or("all families")
        );
    }
    let mut survivors = Vec::new();
    for mutant in wanted {
        let caught = apart
            .with(mutant)
            .with_context(|| format!("mutant {}", mutant.name))?;
        let shown = if caught.is_empty() {
            "NOT CAUGHT"
        } else {
            &caught
        };
        println!("{:24}  {:50}  {}", mutant.name, shown, mutant.about);
        if caught.is_empty() {
            survivors.push(mutant.name);
        }
    }
    if !survivors.is_empty() {
        println!("\nNot caught: {}", survivors.join(", "));
    }
    Ok(survivors.is_empty())
}

impl Mutant {
    fn family(&self) -> Option<&'static str> {
        self.family.map(|family| family.as_str())
    }
}

impl Patch {
    fn apply(&self, text: &str) -> Result<String> {
        match text.matches(self.old).count() {
            1 => Ok(text.replacen(self.old, self.new, 1)),
            found => bail!(
                "{} has this {found} times, it must have it once:\n{}",
                self.file,
                self.old
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn every_mutant_has_a_name_of_its_own_and_changes_the_code_as_it_is() {
        let mut names = BTreeSet::new();
        for mutant in all() {
            assert!(names.insert(mutant.name), "{} twice", mutant.name);
            for patch in mutant.patches {
                let file = apart::core_sources(&apart::workspace()).join(patch.file);
                let text = fs::read_to_string(file).expect("a file of the core");
                let changed = patch.apply(&text).expect(mutant.name);
                assert_ne!(changed, text, "{} changes nothing", mutant.name);
            }
        }
        assert!(names.len() >= 15);
    }
}
