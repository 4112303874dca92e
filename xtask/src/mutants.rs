//! `cargo xtask mutants`: every mutant of the core that cargo-mutants knows, against the core's own tests.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use lexopt::{Arg, Parser, ValueExt};

use crate::cargo;
use crate::workspace::Workspace;

const HELP: &str = "\
Usage: cargo xtask mutants [PART ...]

Changes the core in a copy, one change at a time, and runs all tests of the core against each: one should fail, or
not end. Prints how many did, and which mutants were missed, and fails if fewer than 90 of 100 were noticed. It takes
hours. What is left out, and why, is in .cargo/mutants.toml; why some are missed, in docs/surviving-mutants.md.

Parts (all of them unless told):
";

/// At least so many of a hundred must be caught.
const LEAST_PERCENT: usize = 90;
const PACKAGE: &str = "tidegate-core";
const SOURCE: &str = "crates/core/src/";
/// Where those that are known to be missed are listed, each with its reason.
const LIST: &str = "docs/surviving-mutants.md";
/// Properties are tried on so many cases: most mutants fall to the first few.
const CASES: &str = "64";

/// Files of the core, to be tried apart from the others.
struct Part {
    name: &'static str,
    files: &'static [&'static str],
}

const PARTS: &[Part] = &[
    Part {
        name: "breaker",
        files: &["breaker/*.rs", "backoff.rs"],
    },
    Part {
        name: "shared",
        files: &["shared/*.rs"],
    },
    Part {
        name: "counting",
        files: &["algorithm/*.rs"],
    },
    Part {
        name: "deciding",
        files: &[
            "closed.rs",
            "decide.rs",
            "decision.rs",
            "name.rs",
            "outage.rs",
            "policy.rs",
            "quota.rs",
            "rule.rs",
            "status.rs",
            "subject.rs",
            "time.rs",
            "usage.rs",
        ],
    },
    Part {
        name: "tiered",
        files: &["tiered/**/*.rs", "tolerance.rs"],
    },
];

/// What became of the mutants.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    /// A test failed.
    caught: usize,
    /// A test did not end: nobody would take that for a success, so that it counts as noticed.
    timed_out: usize,
    /// They do not compile, and count for nothing.
    unviable: usize,
    missed: Vec<String>,
}

pub(crate) fn main(arguments: Parser) -> Result<ExitCode> {
    let Some(parts) = parse(arguments)? else {
        println!("{}", help());
        return Ok(ExitCode::SUCCESS);
    };
    require_cargo_mutants()?;
    let workspace = Workspace::load()?;
    let folder = workspace.target.join("cargo-mutants");
    let mut tally = Tally::default();
    for part in parts {
        let output = part.run(&folder)?;
        tally.add(Tally::read(&output)?);
    }
    let listed = fs::read_to_string(workspace.root.join(LIST))
        .with_context(|| format!("{LIST} cannot be read"))?;
    println!("{}", tally.shown(&listed));
    Ok(if tally.percent() >= LEAST_PERCENT {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The parts that are wanted; none if it is help that is.
fn parse(mut arguments: Parser) -> Result<Option<Vec<&'static Part>>> {
    let mut wanted = Vec::new();
    while let Some(argument) = arguments.next()? {
        match argument {
            Arg::Short('h') | Arg::Long("help") => return Ok(None),
            Arg::Value(name) => {
                let name = name.string()?;
                let part = PARTS.iter().find(|part| part.name == name);
                wanted.push(part.with_context(|| format!("no part {name:?}\n\n{}", help()))?);
            }
            flag => bail!("{}\n\n{}", flag.unexpected(), help()),
        }
    }
    if wanted.is_empty() {
        wanted.extend(PARTS);
    }
    Ok(Some(wanted))
}

fn help() -> String {
    let lines = PARTS
        .iter()
        .map(|part| format!("  {:10}  {}", part.name, part.files.join(", ")));
    HELP.to_owned() + &lines.collect::<Vec<_>>().join("\n")
}

fn require_cargo_mutants() -> Result<()> {
    let version = cargo::command(&["mutants", "--version"]).output();
    ensure!(
        version.is_ok_and(|output| output.status.success()),
        "`cargo mutants` is missing. Install it with:\n\n    cargo install cargo-mutants\n"
    );
    Ok(())
}

impl Part {
    /// Tries the part's mutants; where cargo-mutants says what became of them.
    fn run(&self, folder: &Path) -> Result<PathBuf> {
        let output = folder.join(self.name);
        fs::create_dir_all(&output)?;
        let mut command = cargo::command(&["mutants", "--package", PACKAGE]);
        // Without a mutant the tests must pass, or all would count as caught; and one that is stopped for a while by a busy
        // machine has not caught anything.
        command.args(["--baseline=run", "--timeout=40", "--no-shuffle"]);
        for file in self.files {
            command.arg("--file").arg(format!("{SOURCE}{file}"));
        }
        // All of them: they take a second, building them takes most of the time. Examples in documentation take longer.
        command
            .arg("--cargo-test-arg=--tests")
            .arg("--output")
            .arg(&output)
            .env("CARGO_TARGET_DIR", folder.join("build"))
            .env("PROPTEST_CASES", CASES)
            .env("PROPTEST_MAX_SHRINK_ITERS", "0");
        let status = command.status().context("cargo cannot be run")?;
        // 2 and 3: mutants were missed, or timed out, which is ours to judge. Whatever else it is, it has tried none.
        ensure!(
            matches!(status.code(), Some(0 | 2 | 3)),
            "cargo mutants could not try the part {}: it ended with {status}",
            self.name
        );
        Ok(output.join("mutants.out"))
    }
}

impl Tally {
    /// What cargo-mutants wrote into its folder: a file for each outcome, with a line for each mutant.
    fn read(folder: &Path) -> Result<Self> {
        let lines = |outcome: &str| -> Result<Vec<String>> {
            let file = folder.join(outcome).with_extension("txt");
            let text = fs::read_to_string(&file)
                .with_context(|| format!("{} cannot be read", file.display()))?;
            Ok(text.lines().map(str::to_owned).collect())
        };
        Ok(Self {
            caught: lines("caught")?.len(),
            timed_out: lines("timeout")?.len(),
            unviable: lines("unviable")?.len(),
            missed: lines("missed")?,
        })
    }

    fn add(&mut self, more: Self) {
        self.caught += more.caught;
        self.timed_out += more.timed_out;
        self.unviable += more.unviable;
        self.missed.extend(more.missed);
    }

    /// Of those that compile, how many of a hundred were noticed, rounded down; none of none.
    fn percent(&self) -> usize {
        let noticed = self.caught + self.timed_out;
        noticed * 100 / (noticed + self.missed.len()).max(1)
    }

    /// What became of all, and of each that was missed, whether it is among those that are listed.
    fn shown(&self, listed: &str) -> String {
        let missed: String = self.missed.iter().fold(String::new(), |text, mutant| {
            let known = listed.contains(&format!("- `{}`", name(mutant)));
            let why = if known { LIST } else { "not listed" };
            text + &format!("missed: {mutant} ({why})\n")
        });
        format!(
            "{missed}{} caught, {} timed out, {} missed, {} unviable: {} % noticed, of {LEAST_PERCENT} that are wanted",
            self.caught,
            self.timed_out,
            self.missed.len(),
            self.unviable,
            self.percent()
        )
    }
}

/// What the list calls a mutant: as cargo-mutants does, but without line and column, which change with everything above.
fn name(mutant: &str) -> String {
    let mut parts = mutant.strip_prefix(SOURCE).unwrap_or(mutant).splitn(4, ':');
    let file = parts.next().unwrap_or_default();
    format!("{file}:{}", parts.last().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_compile_counts_for_nothing_and_what_does_not_end_is_noticed() {
        let mut tally = Tally {
            caught: 8,
            unviable: 5,
            missed: vec![
                "crates/core/src/a/b.rs:1:23: replace || with && in <impl c::D for E>::f"
                    .to_owned(),
            ],
            ..Tally::default()
        };
        assert_eq!(tally.percent(), 88);
        tally.add(Tally {
            timed_out: 1,
            ..Tally::default()
        });
        assert_eq!(tally.percent(), 90);
        let counts =
            "8 caught, 1 timed out, 1 missed, 5 unviable: 90 % noticed, of 90 that are wanted";
        let mutant = &tally.missed[0];
        let of = |why: &str| format!("missed: {mutant} ({why})\n{counts}");
        assert_eq!(tally.shown("nothing"), of("not listed"));
        let listed = "- `a/b.rs: replace || with && in <impl c::D for E>::f`: it is quicker.";
        assert_eq!(tally.shown(listed), of(LIST));
        assert_eq!(
            Tally::default().percent(),
            0,
            "a run of nothing shows nothing"
        );
    }

    #[test]
    fn every_file_of_the_core_is_in_a_part() {
        let source = Workspace::load().unwrap();
        let source = source.member(PACKAGE).unwrap().folder().join("src");
        let named = |name: &str| {
            PARTS.iter().flat_map(|part| part.files).any(|file| {
                *file == name
                    || file.strip_suffix("/**/*.rs") == Some(name)
                    || file.strip_suffix("/*.rs") == Some(name)
            })
        };
        for entry in fs::read_dir(source).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(name == "lib.rs" || named(&name), "{name}");
        }
    }
}
