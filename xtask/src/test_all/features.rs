//! Each crate compiles alone: without features, with each feature, with all of them.

use anyhow::{Result, ensure};

use super::row::Matrix;
use crate::cargo;

/// The row: one `cargo check` per crate and set of features, because in one call the crates would lend each
/// other the features that one of them forgot to ask for.
pub(super) fn check(matrix: &Matrix) -> Result<String> {
    let mut checked = 0;
    let mut wrong = Vec::new();
    for package in matrix.workspace.members() {
        for set in feature_sets(&package.features) {
            let arguments = ["check", "--no-default-features", "--package", &package.name];
            let mut command = cargo::command(&arguments);
            if !set.is_empty() {
                command.arg("--features").arg(set.join(","));
            }
            checked += 1;
            match cargo::capture(&mut command) {
                Ok(output) if warns_about(&package.name, &output) => wrong.push(output),
                Ok(_) => {}
                Err(error) => wrong.push(format!("{error:#}")),
            }
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(format!("{checked} combinations"))
}

/// No feature, each alone, all together; every set once.
fn feature_sets(features: &[String]) -> Vec<Vec<&str>> {
    let all: Vec<_> = features.iter().map(String::as_str).collect();
    let mut sets = vec![vec![]];
    sets.extend(all.iter().map(|feature| vec![*feature]));
    if all.len() > 1 {
        sets.push(all);
    }
    sets
}

/// Whether rustc warned, as cargo sums it up; a warning with some features only is one that clippy's row,
/// which has them all, cannot see.
fn warns_about(package: &str, output: &str) -> bool {
    let summary = format!("warning: `{package}` (");
    output.lines().any(|line| line.starts_with(&summary))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sets(features: &[&str]) -> Vec<String> {
        let features: Vec<_> = features.iter().map(ToString::to_string).collect();
        feature_sets(&features)
            .iter()
            .map(|set| set.join(","))
            .collect()
    }

    #[test]
    fn every_set_of_features_is_tried_once() {
        assert_eq!(sets(&[]), [""]);
        assert_eq!(sets(&["a"]), ["", "a"]);
        assert_eq!(sets(&["a", "b"]), ["", "a", "b", "a,b"]);
    }

    #[test]
    fn a_warning_counts_and_one_about_another_crate_does_not() {
        let output = "warning: `tidegate-store` (lib) generated 1 warning";
        assert!(warns_about("tidegate-store", output));
        assert!(!warns_about("tidegate-core", output));
    }
}
