//! core and what it depends on build where there is no standard library.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use super::row::Matrix;
use crate::cargo;

const CRATE: &str = "tidegate-core";
/// What a `no_std` crate with `alloc` may find.
const LIBRARIES: &[&str] = &["core", "alloc", "compiler_builtins"];

/// The row. No bare-metal target has to be installed: the crate is checked for this machine against a copy of
/// the toolchain's libraries that lacks `std`, so that whoever names `std`, core or a crate under it, does
/// not compile. Programs that run while building (procedural macros) keep the whole toolchain.
pub(super) fn check(matrix: &Matrix) -> Result<String> {
    let folder = matrix.workspace.target.join("no-std");
    let host = host()?;
    let sysroot = folder.join("sysroot");
    fill(&sysroot.join("lib/rustlib").join(&host).join("lib"))?;
    let without_std = ["check", "--package", CRATE, "--no-default-features"];
    let mut command = cargo::command(&without_std);
    command
        .args(["--target", &host, "--target-dir"])
        .arg(&folder)
        .env(
            "CARGO_ENCODED_RUSTFLAGS",
            format!("--sysroot={}", sysroot.display()),
        );
    cargo::capture(&mut command)?;
    Ok(String::new())
}

/// The target that this toolchain runs on.
fn host() -> Result<String> {
    let version = rustc(&["-vV"])?;
    version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .map(str::to_owned)
        .with_context(|| format!("rustc -vV names no host:\n{version}"))
}

/// Copies the libraries, afresh: those of another toolchain would be in the way.
fn fill(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    let source = PathBuf::from(rustc(&["--print", "target-libdir"])?.trim());
    let mut copied = 0;
    for entry in fs::read_dir(&source)? {
        let name = entry?.file_name();
        if name.to_str().is_some_and(is_wanted) {
            fs::copy(source.join(&name), folder.join(&name))?;
            copied += 1;
        }
    }
    ensure!(
        copied >= LIBRARIES.len(),
        "the toolchain's core and alloc are not in {}",
        source.display()
    );
    Ok(())
}

/// As in `libcore-120cbae4e86ec454.rlib`.
fn is_wanted(file: &str) -> bool {
    let library = file
        .strip_prefix("lib")
        .and_then(|rest| rest.split_once('-'));
    library.is_some_and(|(name, _)| LIBRARIES.contains(&name))
}

fn rustc(arguments: &[&str]) -> Result<String> {
    let output = std::process::Command::new("rustc")
        .args(arguments)
        .output()
        .context("rustc cannot be run")?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_core_and_alloc_are_there() {
        assert!(is_wanted("libcore-120cbae4e86ec454.rlib"));
        assert!(is_wanted("liballoc-6e6df4ffe0af4d15.rmeta"));
        assert!(!is_wanted("libstd-6e6df4ffe0af4d15.rlib"));
        assert!(!is_wanted("librustc_std_workspace_core-1.rlib"));
    }
}
