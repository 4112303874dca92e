//! Runs simulated scenarios, or one of them with its timeline.

mod model;
mod mutants;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;

use anyhow::{Context, Result, bail, ensure};
use lexopt::{Arg, Parser, ValueExt};
use tidegate_sim::family::Family;
use tidegate_sim::invariants::Run;
use tidegate_sim::runner::{Failure, Outcome, Plan};
use tidegate_sim::scenario::Scenario;
use tidegate_sim::{story, svg};

const HELP: &str = "\
Usage: cargo xtask sim [FLAGS]

Runs scenarios of nodes, a store and a network that fails, each drawn from one seed, around the code that production runs,
and holds each run to the guarantees. Seeds go round the families of scenarios.

Flags:
  --seeds N          how many; 1000 unless told
  --from S           the first seed; 0 unless told
  --scenario NAME    all of this family; --list shows them
  --jobs N           threads; one for each core unless told
  --seed S           this one, with its timeline: what is around what went wrong, if anything did
  --found            those that once found something
  --whole            with --seed, all of the timeline
  --svg FILE         with --seed, draws admitted against limit, window by window
  --mutants [NAME]   puts faults into the core, in a copy, and fails if one of them is not caught
  --model            visits every state of small worlds instead, and says how many there were
  --large            with --model, larger worlds: some minutes each
  --list             show the families
  --help             show this";

/// So many failures are named.
const NAMED: usize = 20;
/// How the line begins that says which guarantees did not hold.
const BROKEN: &str = "did not hold: ";

struct Wanted {
    plan: Plan,
    seed: Option<u64>,
    found: bool,
    whole: bool,
    svg: Option<PathBuf>,
    mutants: Option<Vec<String>>,
    model: bool,
    large: bool,
}

fn main() -> ExitCode {
    let done = parse(Parser::from_env()).and_then(|wanted| match wanted {
        None => Ok(true),
        Some(Wanted {
            mutants: Some(names),
            ..
        }) => mutants::run(&names),
        Some(Wanted {
            model: true, large, ..
        }) => Ok(model::run(large)),
        Some(Wanted { found: true, .. }) => Ok(report(&Outcome::of_found())),
        Some(wanted) => match wanted.seed {
            Some(seed) => replay(&wanted, seed),
            None => Ok(report(&wanted.plan.run())),
        },
    });
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn parse(mut arguments: Parser) -> Result<Option<Wanted>> {
    let mut wanted = Wanted {
        plan: Plan {
            from: 0,
            seeds: 1_000,
            family: None,
            threads: thread::available_parallelism().map_or(1, usize::from),
            until_failure: false,
        },
        seed: None,
        found: false,
        whole: false,
        svg: None,
        mutants: None,
        model: false,
        large: false,
    };
    while let Some(argument) = arguments.next()? {
        match argument {
            Arg::Short('h') | Arg::Long("help") => {
                println!("{HELP}");
                return Ok(None);
            }
            Arg::Long("list") => {
                for family in Family::ALL {
                    println!("{:12}  {}", family, family.about());
                }
                return Ok(None);
            }
            Arg::Long("seeds") => wanted.plan.seeds = arguments.value()?.parse()?,
            Arg::Long("from") => wanted.plan.from = arguments.value()?.parse()?,
            Arg::Long("jobs") => wanted.plan.threads = arguments.value()?.parse()?,
            Arg::Long("scenario") => wanted.plan.family = Some(arguments.value()?.parse()?),
            Arg::Long("seed") => wanted.seed = Some(arguments.value()?.parse()?),
            Arg::Long("found") => wanted.found = true,
            Arg::Long("whole") => wanted.whole = true,
            Arg::Long("svg") => wanted.svg = Some(arguments.value()?.into()),
            Arg::Long("model") => wanted.model = true,
            Arg::Long("large") => wanted.large = true,
            Arg::Long("mutants") => wanted.mutants = Some(Vec::new()),
            Arg::Value(name) if wanted.mutants.is_some() => {
                wanted.mutants.get_or_insert_default().push(name.string()?);
            }
            other => bail!("{}\n\n{HELP}", other.unexpected()),
        }
    }
    ensure!(
        wanted.svg.is_none() || wanted.seed.is_some(),
        "--svg draws one scenario: say which with --seed"
    );
    ensure!(
        !wanted.large || wanted.model,
        "--large is about small worlds: say --model too"
    );
    ensure!(wanted.plan.seeds > 0, "--seeds 0: it must be at least 1");
    ensure!(wanted.plan.threads > 0, "--jobs 0: it must be at least 1");
    Ok(Some(wanted))
}

/// Tells what became of them all; says whether all guarantees held.
fn report(outcome: &Outcome) -> bool {
    print!("{}", table(outcome));
    if !outcome.failures.is_empty() {
        println!("\n{BROKEN}{}", broken(outcome));
    }
    let scenario = |failure: &Failure| Scenario::draw(failure.family, failure.seed);
    for failure in outcome.failures.iter().take(NAMED).rev() {
        println!(
            "\n{}",
            story::headline(&scenario(failure), &failure.violation)
        );
    }
    if let Some(first) = outcome.failures.first() {
        let scenario = scenario(first);
        let (world, verdict) = scenario.run(true);
        let run = Run {
            scenario: &scenario,
            world: &world,
        };
        println!(
            "The first of them:\n\n{}",
            story::tell(&run, &verdict, false)
        );
    }
    outcome.failures.is_empty()
}

/// Which guarantees did not hold, in how many scenarios, and by which seed first.
fn broken(outcome: &Outcome) -> String {
    let mut found: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for failure in &outcome.failures {
        let first = (0, failure.seed);
        found.entry(failure.violation.invariant).or_insert(first).0 += 1;
    }
    let parts = found
        .iter()
        .map(|(name, (count, first))| format!("{name} {count} ({first})"));
    parts.collect::<Vec<_>>().join(", ")
}

fn table(outcome: &Outcome) -> String {
    let line = |name: &str, tally: &tidegate_sim::runner::Tally| {
        format!(
            "{name:12}  {:>9}  {:>10}  {:>10}  {:>6}\n",
            tally.scenarios, tally.decisions, tally.calls, tally.failed
        )
    };
    let mut text = format!(
        "{:12}  {:>9}  {:>10}  {:>10}  {:>6}\n",
        "family", "scenarios", "decisions", "calls", "failed"
    );
    for family in Family::ALL {
        if let Some(tally) = outcome.tallies.get(family.as_str()) {
            text += &line(family.as_str(), tally);
        }
    }
    text + &line("all", &outcome.total())
}

/// Runs one scenario and tells it; says whether all guarantees held.
fn replay(wanted: &Wanted, seed: u64) -> Result<bool> {
    let scenario = wanted.plan.scenario(seed);
    let (world, verdict) = scenario.run(true);
    let run = Run {
        scenario: &scenario,
        world: &world,
    };
    if let Some(file) = &wanted.svg {
        std::fs::write(file, svg::draw(&run))
            .with_context(|| format!("{} cannot be written", file.display()))?;
    }
    let told = story::tell(&run, &verdict, wanted.whole);
    // Who stops reading, as `head` does, has seen enough.
    let _ = io::stdout().write_all(told.as_bytes());
    Ok(verdict.is_ok())
}
