//! Decisions in memory on counts that nodes share through Redis: how fast, how long one may wait for them while Redis is
//! there and while it is not, how exact they are, what they ask of Redis.

mod accuracy;
mod commands;
mod forgetful;
mod hot;
mod own;
mod rivals;
mod throughput;
mod waiting;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, bail};
use lexopt::Arg::{Long, Short};
use lexopt::{Parser, ValueExt};
use tidegate_test_servers::{Flavor, Options as ServerOptions};

use crate::goals::Report;
use crate::{at_least_one, default_json, finish, unexpected};

const HELP: &str = "\
Decisions in memory on counts shared through one local Redis or Valkey, which the benchmark starts.

  --only SECTION        hot, memory, waiting, throughput, accuracy or commands (default: all)
  --rounds N            how often contestants are measured in turn (default: 9)
  --minutes N           how long accuracy is measured, each time (default: 1)
  --quick               2 rounds; accuracy for 20 seconds
  --json FILE           where to write the figures (default: target/bench-tiered.json in the workspace)
  --check               fail if a goal is missed";

const SECTIONS: [&str; 6] = [
    "hot",
    "memory",
    "waiting",
    "throughput",
    "accuracy",
    "commands",
];

struct Options {
    sections: Vec<&'static str>,
    rounds: usize,
    /// How long accuracy is measured, each time.
    accuracy: Duration,
    json: PathBuf,
    check: bool,
}

pub(crate) fn main(parser: Parser) -> Result<ExitCode> {
    let Some(options) = Options::parse(parser)? else {
        println!("{HELP}");
        return Ok(ExitCode::SUCCESS);
    };
    let mut report = Report::default();
    // Before there are threads that allocate too.
    if options.has("memory") {
        hot::measure_memory(&mut report)?;
    }
    if options.has("hot") {
        hot::measure_speed(options.rounds, &mut report)?;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(measure_with_a_server(&options, &mut report))?;
    finish(&report, report.missed(), &options.json, options.check)
}

async fn measure_with_a_server(options: &Options, report: &mut Report) -> Result<()> {
    // trypema needs commands of Redis 7.4, which Valkey 8 has.
    let start = || ServerOptions::new().flavor(Flavor::Valkey).start();
    if options.has("waiting") {
        waiting::measure(&start()?, report).await?;
    }
    if options.has("throughput") {
        throughput::measure(&start()?, options.rounds, report).await?;
    }
    if options.has("accuracy") {
        accuracy::measure(&start()?, options.accuracy, report).await?;
    }
    if options.has("commands") {
        commands::measure(&start()?, report).await?;
    }
    Ok(())
}

impl Options {
    fn has(&self, section: &str) -> bool {
        self.sections.contains(&section)
    }

    /// From the command line; nothing if help was asked for.
    fn parse(mut parser: Parser) -> Result<Option<Self>> {
        let mut options = Self {
            sections: SECTIONS.to_vec(),
            rounds: 9,
            accuracy: Duration::from_secs(60),
            json: default_json("bench-tiered"),
            check: false,
        };
        while let Some(argument) = parser.next()? {
            match argument {
                Short('h') | Long("help") => return Ok(None),
                Long("only") => {
                    let name = parser.value()?.string()?;
                    options.sections.retain(|section| *section == name);
                    if options.sections.is_empty() {
                        bail!("--only {name}: it must be one of {}", SECTIONS.join(", "));
                    }
                }
                Long("rounds") => options.rounds = at_least_one(&mut parser, "--rounds")?,
                Long("minutes") => {
                    let minutes = at_least_one(&mut parser, "--minutes")?;
                    options.accuracy = Duration::from_secs(60 * minutes as u64);
                }
                Long("quick") => {
                    options.rounds = 2;
                    options.accuracy = Duration::from_secs(20);
                }
                Long("json") => options.json = parser.value()?.into(),
                Long("check") => options.check = true,
                other => return Err(unexpected(other)),
            }
        }
        Ok(Some(options))
    }
}
