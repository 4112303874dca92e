//! `cargo xtask sim`: the simulator of tests/sim, which understands the flags itself.

use std::process::ExitCode;

use anyhow::Result;
use lexopt::Parser;

use crate::cargo;

/// Runs it with the rest of the arguments.
pub(crate) fn main(mut arguments: Parser) -> Result<ExitCode> {
    cargo::run_program("tidegate-sim", "sim", arguments.raw_args()?)
}
