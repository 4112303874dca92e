//! Soaks: random faults for minutes.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use lexopt::{Arg, Parser, ValueExt};
use tidegate_faults::soak::soak;

const HELP: &str = "\
Usage: cargo xtask soak [--minutes M] [--seed S]

Makes random faults to a real server under three nodes for M minutes (10 unless told). Fails if a guarantee does not hold
or memory grows. The seed is printed, and makes the same faults again.";

fn main() -> ExitCode {
    match run(Parser::from_env()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(mut arguments: Parser) -> Result<()> {
    let (mut minutes, mut seed) = (10.0_f64, fastrand::u64(..));
    while let Some(argument) = arguments.next()? {
        match argument {
            Arg::Short('h') | Arg::Long("help") => {
                println!("{HELP}");
                return Ok(());
            }
            Arg::Long("minutes") => minutes = arguments.value()?.parse()?,
            Arg::Long("seed") => seed = arguments.value()?.parse()?,
            other => bail!("{}\n\n{HELP}", other.unexpected()),
        }
    }
    ensure!(
        (0.0..=100_000.0).contains(&minutes),
        "--minutes {minutes}: it must be 0 to 100000"
    );
    println!("seed {seed}: cargo xtask soak --minutes {minutes} --seed {seed}");
    let soaked = soak(Duration::from_secs_f64(minutes * 60.0), seed)?;
    println!("{soaked:#?}");
    Ok(())
}
