//! Runs the matrix of faults, or some of its rows, and prints one table.

use std::collections::VecDeque;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::thread;

use anyhow::{Result, bail, ensure};
use lexopt::{Arg, Parser, ValueExt};
use tidegate_faults::isolation;
use tidegate_faults::rows::{Proof, Row, Scale, all};
use tidegate_faults::table::{Outcome, render};
use tidegate_test_servers::find;

const HELP: &str = "\
Usage: cargo xtask faults [FLAGS] [ROW ...]

Makes every fault of the matrix, or the rows that are named, to real servers under traffic, and prints one table. Fails
if a guarantee did not hold, and if a row could not be run here.

Flags:
  --list             show the rows, and run none
  --allow-missing    do not fail for rows that could not be run
  --jobs N           rows at the same time; 8 unless told
  --flood N          so many new keys are a flood; 200000 unless told
  --help             show this";

struct Wanted {
    rows: Vec<&'static Row>,
    allow_missing: bool,
    jobs: usize,
    scale: Scale,
}

fn main() -> ExitCode {
    match parse(Parser::from_env()) {
        Ok(None) => ExitCode::SUCCESS,
        Ok(Some(wanted)) => {
            isolation::enter();
            run(&wanted)
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn parse(mut arguments: Parser) -> Result<Option<Wanted>> {
    let mut wanted = Wanted {
        rows: Vec::new(),
        allow_missing: false,
        jobs: 8,
        scale: Scale::default(),
    };
    while let Some(argument) = arguments.next()? {
        match argument {
            Arg::Short('h') | Arg::Long("help") => {
                println!("{HELP}");
                return Ok(None);
            }
            Arg::Long("list") => {
                for row in all() {
                    println!("{:20} {}", row.name, row.about);
                }
                return Ok(None);
            }
            Arg::Long("allow-missing") => wanted.allow_missing = true,
            Arg::Long("jobs") => wanted.jobs = arguments.value()?.parse()?,
            Arg::Long("flood") => wanted.scale.flood = arguments.value()?.parse()?,
            Arg::Value(name) => {
                let name = name.string()?;
                let Some(row) = all().find(|row| row.name == name) else {
                    bail!("unknown row {name:?}; `cargo xtask faults --list` shows them");
                };
                wanted.rows.push(row);
            }
            other => bail!("{}\n\n{HELP}", other.unexpected()),
        }
    }
    ensure!(wanted.jobs > 0, "--jobs 0: it must be at least 1");
    if wanted.rows.is_empty() {
        wanted.rows = all().collect();
    }
    Ok(Some(wanted))
}

fn run(wanted: &Wanted) -> ExitCode {
    let missing = isolation::missing();
    let queue = Mutex::new(
        wanted
            .rows
            .iter()
            .copied()
            .enumerate()
            .collect::<VecDeque<_>>(),
    );
    let outcomes = Mutex::new(Vec::new());
    let work = || {
        loop {
            let next = queue
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop_front();
            let Some((index, row)) = next else { return };
            let outcome = prove(row, &wanted.scale, missing.as_deref());
            if let Outcome::Failed(why) = &outcome {
                println!("===== {} failed =====\n{why}\n", row.name);
            }
            eprintln!("{} done", row.name);
            let mut outcomes = outcomes.lock().unwrap_or_else(PoisonError::into_inner);
            outcomes.push((index, row.name, outcome));
        }
    };
    thread::scope(|scope| {
        for _ in 0..wanted.jobs {
            scope.spawn(work);
        }
    });
    let mut outcomes = outcomes
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    outcomes.sort_by_key(|(index, ..)| *index);
    println!(
        "{}",
        render(outcomes.iter().map(|(_, name, outcome)| (*name, outcome)))
    );
    let count = |which: fn(&Outcome) -> bool| {
        outcomes
            .iter()
            .filter(|(_, _, outcome)| which(outcome))
            .count()
    };
    let failed = count(|outcome| matches!(outcome, Outcome::Failed(_)));
    let not_run = count(|outcome| matches!(outcome, Outcome::NotRun(_)));
    let elsewhere = count(|outcome| matches!(outcome, Outcome::Elsewhere(_)));
    let passed = outcomes.len() - failed - not_run - elsewhere;
    println!("{passed} passed, {failed} failed, {not_run} not run, {elsewhere} by other tests");
    if failed > 0 || (not_run > 0 && !wanted.allow_missing) {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

fn prove(row: &Row, scale: &Scale, missing: Option<&str>) -> Outcome {
    let make = match row.proof {
        Proof::Tests(tests) => {
            let tests: Vec<String> = tests.iter().map(|(_, test)| format!("`{test}`")).collect();
            return Outcome::Elsewhere(tests.join(", "));
        }
        Proof::Filtered(make) => match missing {
            Some(why) => return Outcome::NotRun(why.to_owned()),
            None => make,
        },
        Proof::With(program, make) if find(program).is_some() => make,
        Proof::With(program, _) => return Outcome::NotRun(format!("{program} is not installed")),
        Proof::Made(make) => make,
    };
    match thread::scope(|scope| scope.spawn(|| make(scale)).join()) {
        Ok(Ok(figures)) => Outcome::Passed(figures),
        Ok(Err(error)) => Outcome::Failed(format!("{error:#}")),
        Err(_) => Outcome::Failed("panicked: see above".to_owned()),
    }
}
