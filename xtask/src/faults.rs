//! `cargo xtask faults` and `cargo xtask soak`: programs of tests/faults, which understand the flags themselves.

use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use lexopt::Parser;

use crate::cargo;

/// The package of the programs.
pub(crate) const PACKAGE: &str = "tidegate-faults";
/// The program that installs the servers where they are missing.
const INSTALLER: &[&str] = &[
    "run",
    "--quiet",
    "--package=tidegate-test-servers",
    "--bin=install-servers",
];

/// Runs a program of the package with the rest of the arguments.
pub(crate) fn run(program: &str, mut arguments: Parser) -> Result<ExitCode> {
    let installed = cargo::command(INSTALLER)
        .output()
        .context("cargo cannot be run")?;
    ensure!(
        installed.status.success(),
        "{}",
        String::from_utf8_lossy(&installed.stderr)
    );
    cargo::run_program(PACKAGE, program, arguments.raw_args()?)
}
