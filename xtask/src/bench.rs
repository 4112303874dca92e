//! `cargo xtask bench`: the benchmarks, in release, from a package of their own outside the workspace.

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::{Result, ensure};
use lexopt::Parser;

use crate::cargo;
use crate::workspace::Workspace;

const HELP: &str = "\
Usage: cargo xtask bench [local|redis|tiered|http] [ARGS]

  local    (default) decisions in memory, beside governor
  redis    exact decisions in Redis, beside commands by hand and a peer; what they cost the server
  tiered   decisions in memory on counts shared through Redis: speed, waiting, accuracy, commands, beside peers
  http     what a limiter costs a web server, beside a peer in each framework

Builds the benchmarks with full optimisation and runs one. ARGS are passed on as they are:
`cargo xtask bench redis --help` shows what a benchmark understands.

The peers that they compare with are dependencies of tests/bench alone, which is no member of the
workspace, so that none of them reaches users.";

pub(crate) fn main(mut arguments: Parser) -> Result<ExitCode> {
    let mut passed_on: Vec<OsString> = arguments.raw_args()?.collect();
    if matches!(passed_on.first(), Some(first) if first == "--help" || first == "-h") {
        println!("{HELP}");
        return Ok(ExitCode::SUCCESS);
    }
    if matches!(passed_on.first(), Some(first) if first == "--") {
        passed_on.remove(0);
    }
    let workspace = Workspace::load()?;
    let manifest = workspace.benchmarks();
    ensure!(
        manifest.is_file(),
        "there are no benchmarks at {}",
        manifest.display()
    );
    let mut command = cargo::command(&["run", "--release", "--manifest-path"]);
    command.arg(&manifest);
    if passed_on.first().is_some_and(|first| first == "tiered") {
        // Its peers take minutes to build, and nobody else needs them.
        command.args(["--features", "rivals"]);
    }
    command
        // Inside the workspace's own target folder, so that `cargo clean` cleans it, but apart: the profile
        // and the peers are the benchmarks' own.
        .arg("--target-dir")
        .arg(workspace.target.join("bench"))
        .arg("--")
        .args(passed_on);
    cargo::pass_on(command)
}
