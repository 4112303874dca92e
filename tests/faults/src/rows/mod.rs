//! The matrix: each fault by name, what must hold, and the function that makes and measures it.

mod clocks;
mod cluster;
mod custom;
mod data;
mod elsewhere;
mod network;
mod nodes;
mod refusals;
mod server;
mod valkey;

use anyhow::Result;

use crate::figures::Figures;

/// A fault.
pub struct Row {
    /// What it is called.
    pub name: &'static str,
    /// What happens.
    pub about: &'static str,
    /// How it is proved.
    pub proof: Proof,
}

/// How a row is proved.
#[derive(Clone, Copy)]
pub enum Proof {
    /// Made here, under traffic.
    Made(fn(&Scale) -> Result<Figures>),
    /// As that, where packets can be dropped.
    Filtered(fn(&Scale) -> Result<Figures>),
    /// Made here, with a program that must be installed.
    With(&'static str, fn(&Scale) -> Result<Figures>),
    /// By tests of other packages: the file in the workspace, and the test's name.
    Tests(&'static [(&'static str, &'static str)]),
}

/// How large the rows are that have a size.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// How many new keys are a flood.
    pub flood: u64,
}

impl Default for Scale {
    fn default() -> Self {
        Self { flood: 200_000 }
    }
}

/// Every fault, in the order of the table.
pub fn all() -> impl Iterator<Item = &'static Row> {
    [
        server::ROWS,
        network::ROWS,
        data::ROWS,
        refusals::ROWS,
        cluster::ROWS,
        valkey::ROWS,
        clocks::ROWS,
        nodes::ROWS,
        custom::ROWS,
        elsewhere::ROWS,
    ]
    .into_iter()
    .flatten()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn rows_have_names_of_their_own() {
        let names: BTreeSet<_> = all().map(|row| row.name).collect();
        assert_eq!(names.len(), all().count());
    }

    #[test]
    fn tests_that_rows_point_at_exist() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        for row in all() {
            let Proof::Tests(tests) = row.proof else {
                continue;
            };
            for (file, test) in tests {
                let source = std::fs::read_to_string(root.join(file)).unwrap_or_default();
                assert!(
                    source.contains(&format!("fn {test}(")),
                    "{}: no test {test} in {file}",
                    row.name
                );
            }
        }
    }
}
