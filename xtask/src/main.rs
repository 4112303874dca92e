//! `cargo xtask`: the project's own commands, one file each.

mod bench;
mod cargo;
mod faults;
mod mutants;
mod sim;
mod test_all;
mod workspace;

use std::process::ExitCode;

use anyhow::{Result, bail};
use lexopt::{Arg, Parser};

/// A command: what it is called, what it does, and the function that parses its flags and runs it.
struct Command {
    name: &'static str,
    about: &'static str,
    run: fn(Parser) -> Result<ExitCode>,
}

const COMMANDS: &[Command] = &[
    Command {
        name: "test-all",
        about: "run the whole test matrix, or some of its rows, and print one table",
        run: test_all::main,
    },
    Command {
        name: "bench",
        about: "measure the limiter side by side with its peers",
        run: bench::main,
    },
    Command {
        name: "sim",
        about: "simulate nodes, a store and a network that fails, thousands of times, and hold each run to the guarantees",
        run: sim::main,
    },
    Command {
        name: "mutants",
        about: "change the core in every way that cargo-mutants knows, and see whether its tests notice",
        run: mutants::main,
    },
    Command {
        name: "faults",
        about: "make every fault of the matrix to real servers, and print one table",
        run: |arguments| faults::run("faults", arguments),
    },
    Command {
        name: "soak",
        about: "make random faults to a real server for minutes",
        run: |arguments| faults::run("soak", arguments),
    },
];

fn main() -> ExitCode {
    run(Parser::from_env()).unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::from(2)
    })
}

fn run(mut arguments: Parser) -> Result<ExitCode> {
    match arguments.next()? {
        None => bail!("a command is missing\n\n{}", help()),
        Some(Arg::Short('h') | Arg::Long("help")) => {
            println!("{}", help());
            Ok(ExitCode::SUCCESS)
        }
        Some(Arg::Value(name)) => {
            let Some(command) = COMMANDS.iter().find(|command| name == command.name) else {
                bail!("unknown command {name:?}\n\n{}", help());
            };
            (command.run)(arguments)
        }
        Some(flag) => bail!("{}\n\n{}", flag.unexpected(), help()),
    }
}

fn help() -> String {
    let mut text =
        "Usage: cargo xtask COMMAND [FLAGS]     (COMMAND --help tells more)\n\nCommands:"
            .to_owned();
    for command in COMMANDS {
        text += &format!("\n  {:10}  {}", command.name, command.about);
    }
    text
}
