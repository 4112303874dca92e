//! `cargo xtask test-all`: the whole test matrix, row by row, and one table at the end.

mod book;
mod counts;
mod direction;
mod examples;
mod features;
mod forbid_unsafe;
mod licences;
mod markdown;
mod no_std;
mod row;
mod rows;
mod rust_version;
mod section;
mod suite;
mod table;

use std::panic::resume_unwind;
use std::process::ExitCode;
use std::thread;
use std::time::Instant;

use anyhow::{Result, bail};
use lexopt::{Arg, Parser, ValueExt};

use crate::workspace::Workspace;
use row::{Matrix, Row};
use rows::ROWS;
use table::{Line, Table};

const HELP: &str = "\
Usage: cargo xtask test-all [FLAGS]

Runs every row of the matrix, shows the output of those that fail, and prints one table. The last line is
`N passed, N failed`; the exit code is 1 if a row failed.

Flags:
  --only ROW[,ROW]   run these rows only; can be given more than once
  --list             show the rows and what each proves, and run none
  --help             show this";

/// What the flags ask for.
enum Wanted {
    Help,
    List,
    Rows(Vec<&'static Row>),
}

pub(crate) fn main(arguments: Parser) -> Result<ExitCode> {
    match parse(arguments)? {
        Wanted::Help => println!("{HELP}"),
        Wanted::List => println!("{}", list()),
        Wanted::Rows(rows) => return run(&rows),
    }
    Ok(ExitCode::SUCCESS)
}

fn run(rows: &[&Row]) -> Result<ExitCode> {
    let matrix = Matrix::new(Workspace::load()?);
    let mut table = Table::default();
    for together in rows.chunk_by(|row, next| row.job.waits() && next.job.waits()) {
        run_together(together, &matrix)
            .into_iter()
            .for_each(|line| table.push(line));
    }
    println!("{table}");
    Ok(if table.all_passed() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Runs rows at the same time.
fn run_together(rows: &[&Row], matrix: &Matrix) -> Vec<Line> {
    thread::scope(|scope| {
        let running: Vec<_> = rows
            .iter()
            .map(|row| scope.spawn(|| run_row(row, matrix)))
            .collect();
        let lines = running.into_iter().map(|row| row.join());
        lines
            .map(|line| line.unwrap_or_else(|panic| resume_unwind(panic)))
            .collect()
    })
}

fn run_row(row: &Row, matrix: &Matrix) -> Line {
    eprintln!("{} ...", row.name);
    let started = Instant::now();
    let result = row.job.run(matrix);
    if let Err(error) = &result {
        // In one piece, because other rows may have something to show at the same time.
        println!(
            "\n===== {name} failed =====\n{error:#}\n\
             ===== run it alone: cargo xtask test-all --only {name} =====\n",
            name = row.name
        );
    }
    Line {
        row: row.name,
        passed: result.is_ok(),
        took: started.elapsed(),
        note: result.unwrap_or_default(),
    }
}

fn parse(mut arguments: Parser) -> Result<Wanted> {
    let mut only = Vec::new();
    while let Some(argument) = arguments.next()? {
        match argument {
            Arg::Short('h') | Arg::Long("help") => return Ok(Wanted::Help),
            Arg::Long("list") => return Ok(Wanted::List),
            Arg::Long("only") => {
                for name in arguments.value()?.string()?.split(',') {
                    let row = find(name.trim())?;
                    if !only.iter().any(|other: &&Row| other.name == row.name) {
                        only.push(row);
                    }
                }
            }
            other => bail!("{}\n\n{HELP}", other.unexpected()),
        }
    }
    Ok(Wanted::Rows(if only.is_empty() {
        ROWS.iter().collect()
    } else {
        only
    }))
}

fn find(name: &str) -> Result<&'static Row> {
    match ROWS.iter().find(|row| row.name == name) {
        Some(row) => Ok(row),
        None => bail!("unknown row {name:?}; the rows are:\n\n{}", list()),
    }
}

fn list() -> String {
    let width = ROWS.iter().map(|row| row.name.len()).max().unwrap_or(0);
    let lines: Vec<_> = ROWS
        .iter()
        .map(|row| format!("{:width$}  {}", row.name, row.proves))
        .collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(arguments: &[&str]) -> Result<Vec<&'static str>> {
        match parse(Parser::from_args(arguments))? {
            Wanted::Rows(rows) => Ok(rows.iter().map(|row| row.name).collect()),
            Wanted::Help | Wanted::List => bail!("no rows"),
        }
    }

    #[test]
    fn without_flags_every_row_runs() {
        assert_eq!(rows(&[]).unwrap().len(), ROWS.len());
    }

    #[test]
    fn only_takes_rows_in_any_spelling_of_the_flag() {
        let expected = ["format", "clippy", "docs"];
        assert_eq!(
            rows(&["--only", "format,clippy", "--only=docs,format"]).unwrap(),
            expected,
            "and each once"
        );
    }

    #[test]
    fn an_unknown_row_is_named_with_those_that_exist() {
        let text = rows(&["--only", "clipy"]).unwrap_err().to_string();
        assert!(
            text.contains("\"clipy\"") && text.contains("\nclippy "),
            "{text}"
        );
    }

    #[test]
    fn an_unknown_flag_is_named_with_those_that_exist() {
        let text = rows(&["--ony", "clippy"]).unwrap_err().to_string();
        assert!(
            text.contains("--ony") && text.contains("--only ROW"),
            "{text}"
        );
    }

    #[test]
    fn rows_that_wait_stand_together_and_so_run_at_the_same_time() {
        let groups = ROWS.chunk_by(|row, next| row.job.waits() && next.job.waits());
        assert_eq!(groups.filter(|group| group[0].job.waits()).count(), 1);
    }

    #[test]
    fn rows_have_names_of_their_own() {
        let names: std::collections::BTreeSet<_> = ROWS.iter().map(|row| row.name).collect();
        assert_eq!(names.len(), ROWS.len());
    }
}
