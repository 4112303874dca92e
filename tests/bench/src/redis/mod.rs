//! Exact decisions in one Redis: beside commands by hand, beside a peer, and what they cost the server.

mod contestants;
mod server_costs;
mod speed;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use lexopt::Arg::{Long, Short};
use lexopt::{Parser, ValueExt};
use tidegate_core::{Algorithm, PolicyName, Quota, Rule};
use tidegate_test_servers::{Flavor, Options as ServerOptions};

use crate::goals::Report;
use crate::{at_least_one, default_json, finish, unexpected};

const HELP: &str = "\
Exact decisions in one local Redis, which the benchmark starts: 64 tasks, 10 000 keys.

  --only speed|server   only how fast, or only what it costs the server
  --rounds N            how often everybody is measured (default: 7)
  --seconds N           how long, each time (default: 1)
  --quick               2 rounds
  --valkey              on Valkey instead of the first server found
  --json FILE           where to write the figures (default: target/bench-redis.json in the workspace)
  --check               fail if a goal is missed";

/// The three of them, and what they are called here.
const ALGORITHMS: [(Algorithm, &str); 3] = [
    (Algorithm::FixedWindow, "fixed window"),
    (Algorithm::SlidingWindow, "sliding window"),
    (Algorithm::TokenBucket, "token bucket"),
];

struct Options {
    speed: bool,
    server: bool,
    rounds: usize,
    time: Duration,
    flavor: Flavor,
    json: PathBuf,
    check: bool,
}

pub(crate) fn main(parser: Parser) -> Result<ExitCode> {
    let Some(options) = Options::parse(parser)? else {
        println!("{HELP}");
        return Ok(ExitCode::SUCCESS);
    };
    let mut report = Report::default();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let server = ServerOptions::new().flavor(options.flavor).start()?;
        if options.speed {
            speed::measure(&server, options.rounds, options.time, &mut report).await?;
        }
        if options.server {
            server_costs::measure(&server, &mut report).await?;
        }
        anyhow::Ok(())
    })?;
    finish(&report, report.missed(), &options.json, options.check)
}

impl Options {
    /// From the command line; nothing if help was asked for.
    fn parse(mut parser: Parser) -> Result<Option<Self>> {
        let mut options = Self {
            speed: true,
            server: true,
            rounds: 7,
            time: Duration::from_secs(1),
            flavor: Flavor::Any,
            json: default_json("bench-redis"),
            check: false,
        };
        while let Some(argument) = parser.next()? {
            match argument {
                Short('h') | Long("help") => return Ok(None),
                Long("only") => match parser.value()?.string()?.as_str() {
                    "speed" => options.server = false,
                    "server" => options.speed = false,
                    other => bail!("--only {other}: it must be speed or server"),
                },
                Long("rounds") => options.rounds = at_least_one(&mut parser, "--rounds")?,
                Long("seconds") => {
                    let seconds = at_least_one(&mut parser, "--seconds")?;
                    options.time = Duration::from_secs(seconds as u64);
                }
                Long("quick") => options.rounds = 2,
                Long("valkey") => options.flavor = Flavor::Valkey,
                Long("json") => options.json = parser.value()?.into(),
                Long("check") => options.check = true,
                other => return Err(unexpected(other)),
            }
        }
        Ok(Some(options))
    }
}

/// A limit that nobody reaches.
fn plenty(algorithm: Algorithm) -> Result<Rule> {
    let quota = Quota::per_hour(1_000_000_000)?.with_algorithm(algorithm)?;
    let name = PolicyName::new("per-client").context("it is a name")?;
    Ok(Rule::new(name, quota))
}
