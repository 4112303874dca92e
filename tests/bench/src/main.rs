//! Benchmarks of tidegate beside its peers, in one run each: how fast, how much memory, against which goals.

mod goals;
mod http;
mod latency;
mod local;
mod memory;
mod redis;
mod statistics;
mod tasks;
#[cfg(feature = "rivals")]
mod tiered;
mod workload;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use lexopt::{Arg, Parser};
use serde::Serialize;

const HELP: &str = "\
Benchmarks of tidegate beside its peers, in one run each.

  local    (default) decisions in memory, beside governor
  redis    exact decisions in Redis, beside commands by hand and actix-extensible-rate-limit
  tiered   decisions in memory on counts shared through Redis, beside trypema and limitador
  http     what a limiter costs a web server, beside tower_governor and actix-extensible-rate-limit

`local --help` and so on show what each understands.";

fn main() -> Result<ExitCode> {
    let mut parser = Parser::from_env();
    let first = parser
        .try_raw_args()
        .and_then(|arguments| arguments.peek().map(ToOwned::to_owned));
    let run = match first
        .as_deref()
        .map(|first| first.to_string_lossy())
        .as_deref()
    {
        Some("local") => local::main,
        Some("redis") => redis::main,
        #[cfg(feature = "rivals")]
        Some("tiered") => tiered::main,
        #[cfg(not(feature = "rivals"))]
        Some("tiered") => {
            bail!("tiered is built with its peers only: `cargo xtask bench tiered` does that")
        }
        Some("http") => http::main,
        Some("help" | "--help" | "-h") => {
            println!("{HELP}");
            return Ok(ExitCode::SUCCESS);
        }
        Some(other) if !other.starts_with('-') => {
            bail!("unknown benchmark {other:?}: it must be local, redis, tiered or http")
        }
        _ => return local::main(parser),
    };
    parser.raw_args()?.next();
    run(parser)
}

/// What all benchmarks end with: the figures as JSON, and how many goals were missed.
fn finish(report: &impl Serialize, missed: usize, json: &Path, check: bool) -> Result<ExitCode> {
    let parent = json.parent().context("--json names no file")?;
    std::fs::create_dir_all(parent)?;
    std::fs::write(json, serde_json::to_string_pretty(report)? + "\n")
        .with_context(|| format!("cannot write {}", json.display()))?;
    println!("\n{missed} goals missed; figures in {}", json.display());
    Ok(if check && missed > 0 {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// Where a benchmark's figures go unless told.
fn default_json(name: &str) -> PathBuf {
    let target = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target");
    Path::new(target).join(format!("{name}.json"))
}

/// The value of a flag that counts something.
fn at_least_one(parser: &mut Parser, flag: &str) -> Result<usize> {
    use lexopt::ValueExt;

    let number: usize = parser
        .value()?
        .parse()
        .with_context(|| format!("{flag} needs a number"))?;
    if number == 0 {
        bail!("{flag} 0: it must be at least 1");
    }
    Ok(number)
}

/// A flag that no benchmark knows.
fn unexpected(argument: Arg<'_>) -> anyhow::Error {
    argument.unexpected().into()
}
