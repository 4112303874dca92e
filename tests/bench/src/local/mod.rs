//! Decisions in memory: tidegate beside governor.

mod contestants;
mod measure;
mod report;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use lexopt::Arg::{Long, Short};
use lexopt::{Parser, ValueExt};

pub(crate) use contestants::{Answer, Contestant, Governor, StoreAlone, Tidegate};
pub(crate) use measure::{Prepared, measure};
use report::Report;

use crate::workload::Workload;
use crate::{at_least_one, default_json, finish, memory, unexpected};

const HELP: &str = "\
Benchmarks of tidegate beside governor, in one run.

  --keys hot|uniform|zipf   only these requests (default: all three)
  --answer allowed|denied   only this answer (default: both)
  --threads N               only this many threads (default: 1, then 2)
  --rounds N                how often everybody is measured (default: 9)
  --requests N              how many requests in a round and thread (default: 1000000)
  --quick                   3 rounds of 200000 requests
  --no-memory               do not measure memory
  --json FILE               where to write the figures (default: target/bench.json in the workspace)
  --check                   fail if a goal is missed";

struct Options {
    workloads: Vec<Workload>,
    answers: Vec<Answer>,
    threads: Vec<usize>,
    rounds: usize,
    requests: usize,
    memory: bool,
    json: PathBuf,
    check: bool,
}

pub(crate) fn main(parser: Parser) -> Result<ExitCode> {
    let Some(options) = Options::parse(parser)? else {
        println!("{HELP}");
        return Ok(ExitCode::SUCCESS);
    };
    let mut report = Report::default();
    if options.memory {
        measure_memory(&mut report)?;
    }
    measure_speed(&options, &mut report)?;

    finish(&report, report.missed(), &options.json, options.check)
}

fn measure_memory(report: &mut Report) -> Result<()> {
    report.add_memory("tidegate", &memory::needs::<Tidegate>()?);
    report.add_memory("governor", &memory::needs::<Governor>()?);
    println!();
    Ok(())
}

fn measure_speed(options: &Options, report: &mut Report) -> Result<()> {
    report.print_heading(&["tidegate", "governor", "tidegate's store alone"]);
    for workload in options.workloads.iter().copied() {
        for answer in options.answers.iter().copied() {
            let contestants = [
                prepare::<Tidegate>("tidegate", workload, answer)?,
                prepare::<Governor>("governor", workload, answer)?,
                prepare::<StoreAlone>("tidegate's store alone", workload, answer)?,
            ];
            for threads in options.threads.iter().copied() {
                let requests: Vec<_> = (0..threads)
                    .map(|thread| workload.requests(options.requests, 100 + thread as u64))
                    .collect();
                let figures = measure(&contestants, &requests, answer, options.rounds)?;
                report.add(workload.as_str(), answer.as_str(), threads, &figures);
            }
        }
    }
    Ok(())
}

fn prepare<C: Contestant + 'static>(
    name: &'static str,
    workload: Workload,
    answer: Answer,
) -> Result<Prepared> {
    Prepared::new::<C>(name, workload, answer).with_context(|| format!("{name} cannot be prepared"))
}

impl Options {
    /// From the command line; nothing if help was asked for.
    fn parse(mut parser: Parser) -> Result<Option<Self>> {
        let mut options = Self {
            workloads: Workload::ALL.to_vec(),
            answers: Answer::ALL.to_vec(),
            threads: vec![1, 2],
            rounds: 9,
            requests: 1_000_000,
            memory: true,
            json: default_json("bench"),
            check: false,
        };
        while let Some(argument) = parser.next()? {
            match argument {
                Short('h') | Long("help") => return Ok(None),
                Long("keys") => {
                    let name = parser.value()?.string()?;
                    let named = |workload: &Workload| workload.as_str() == name;
                    options.workloads.retain(named);
                    if options.workloads.is_empty() {
                        bail!("--keys {name}: it must be hot, uniform or zipf");
                    }
                }
                Long("answer") => {
                    let name = parser.value()?.string()?;
                    options.answers.retain(|answer| answer.as_str() == name);
                    if options.answers.is_empty() {
                        bail!("--answer {name}: it must be allowed or denied");
                    }
                }
                Long("threads") => options.threads = vec![at_least_one(&mut parser, "--threads")?],
                Long("rounds") => options.rounds = at_least_one(&mut parser, "--rounds")?,
                Long("requests") => options.requests = at_least_one(&mut parser, "--requests")?,
                Long("quick") => (options.rounds, options.requests) = (3, 200_000),
                Long("no-memory") => options.memory = false,
                Long("json") => options.json = parser.value()?.into(),
                Long("check") => options.check = true,
                other => return Err(unexpected(other)),
            }
        }
        Ok(Some(options))
    }
}
