//! No crate of the workspace has unsafe code, and none can switch that off.

use std::fs;

use anyhow::{Result, ensure};

use super::row::Matrix;
use super::section::section;

/// The row: the workspace's lints forbid it, and every member takes the workspace's lints. `forbid` cannot be
/// lifted by an attribute further down.
pub(super) fn check(matrix: &Matrix) -> Result<String> {
    let workspace = &matrix.workspace;
    let root = fs::read_to_string(workspace.root.join("Cargo.toml"))?;
    ensure!(
        says(&root, "workspace.lints.rust", "unsafe_code = \"forbid\""),
        "the root Cargo.toml must say unsafe_code = \"forbid\" under [workspace.lints.rust]"
    );
    let mut wrong = Vec::new();
    for package in workspace.members() {
        let manifest = fs::read_to_string(&package.manifest)?;
        if !says(&manifest, "lints", "workspace = true") {
            wrong.push(package.manifest.display().to_string());
        }
    }
    ensure!(
        wrong.is_empty(),
        "these manifests lack [lints] workspace = true:\n{}",
        wrong.join("\n")
    );
    Ok(format!("{} crates", workspace.members().count()))
}

/// Whether the section of a manifest holds this line.
fn says(manifest: &str, name: &str, line: &str) -> bool {
    section(manifest, name).any(|l| l == line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_counts_only_in_its_section() {
        let manifest = "[package]\nname = \"a\"\n\n[lints]\nworkspace = true\n";
        assert!(says(manifest, "lints", "workspace = true"));
        let elsewhere = "[lints]\nrust = {}\n[package]\nworkspace = true\n";
        assert!(!says(elsewhere, "lints", "workspace = true"));
        assert!(!says("[package]\n", "lints", "workspace = true"));
    }
}
