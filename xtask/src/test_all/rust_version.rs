//! The oldest Rust that the manifests and the texts promise is enough.

use std::fs;

use anyhow::{Context, Result, ensure};

use super::row::Matrix;
use crate::workspace::{Package, RustVersion, Workspace};

/// The row: no crate needs one that needs a newer Rust than the crate says; and the two texts that say which Rust to
/// have say the right one, for who builds and for who tests.
pub(super) fn check(matrix: &Matrix) -> Result<String> {
    let workspace = &matrix.workspace;
    let promised = workspace.member("tidegate-core")?.rust_version;
    let promised = promised.context("the root Cargo.toml must say rust-version")?;
    let wrong = too_new(workspace);
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));

    let tests = workspace.packages.iter().filter_map(|it| it.rust_version);
    let tests = tests.max().unwrap_or(promised).max(promised);
    for file in ["README.md", "CONTRIBUTING.md"] {
        let text = fs::read_to_string(workspace.root.join(file))?;
        for version in [promised, tests] {
            let expected = format!("Rust {version}");
            ensure!(
                text.contains(&expected),
                "{file} must say that to build takes Rust {promised}, and to test Rust {tests}: it does not say \"{expected}\""
            );
        }
    }
    Ok(format!("{promised}, tests {tests}"))
}

/// What needs a newer Rust than a crate that needs it says.
fn too_new(workspace: &Workspace) -> Vec<String> {
    let members = workspace.members();
    members
        .flat_map(|member| {
            let needed = workspace.needed_by(member).into_iter();
            needed.filter_map(|needed| newer(member, needed))
        })
        .collect()
}

fn newer(member: &Package, needed: &Package) -> Option<String> {
    let (says, needs): (Option<RustVersion>, _) = (member.rust_version, needed.rust_version?);
    if says.is_some_and(|says| says >= needs) {
        return None;
    }
    let says = says.map_or_else(|| "nothing".to_owned(), |says| says.to_string());
    Some(format!(
        "{} says rust-version {says}, but {} {} needs Rust {needs}",
        member.name, needed.name, needed.version
    ))
}
