//! What a limiter costs a web server: hello-world, bare and limited, in both frameworks, beside a peer in each.

mod actix;
mod axum;
mod client;
mod contestants;
mod instructions;
mod measure;
mod server;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use lexopt::Arg::{Long, Short};
use lexopt::{Parser, ValueExt};

use crate::goals::Report;
use crate::http::contestants::{Answer, Contestant, Framework};
use crate::{at_least_one, default_json, finish, unexpected};

const HELP: &str = "\
Hello-world over HTTP/1.1, bare and limited: one server of one thread on one core, and 64 connections from another.

  --rounds N            how often everybody is measured, in turn (default: 99)
  --requests N          how many requests, each time (default: 2000)
  --quick               15 rounds
  --json FILE           where to write the figures (default: target/bench-http.json in the workspace, or
                        target/bench-http-instructions.json)
  --instructions        count the instructions of each server's own code for a request, by valgrind (which must be
                        installed), instead of measuring times
  --check               fail if a goal is missed
  --serve SERVER ANSWER only serve, until killed: print the address, for another program that asks. SERVER is axum/ or actix-web/ and
                        one of bare, empty-layer, two-constant-lines, tidegate, tidegate-without-headers,
                        tidegate-without-headers-and-decision, tidegate-with-metrics, peer; ANSWER is allowed or denied

Goals are held against the processor time that the server takes for a request, because it differs less from run to
run than requests per second do.";

struct Options {
    rounds: usize,
    requests: usize,
    json: Option<PathBuf>,
    check: bool,
    /// Whether instructions are counted, and no times measured.
    instructions: bool,
    /// Whom to serve, in the process that is the server.
    serve: Option<(Contestant, Answer)>,
}

pub(crate) fn main(parser: Parser) -> Result<ExitCode> {
    let Some(options) = Options::parse(parser)? else {
        println!("{HELP}");
        return Ok(ExitCode::SUCCESS);
    };
    if let Some((contestant, answer)) = options.serve {
        server::serve(contestant, answer)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut report = Report::default();
    for framework in Framework::ALL {
        if options.instructions {
            instructions::count(framework, options.requests, &mut report)?;
        } else {
            measure::measure(framework, options.rounds, options.requests, &mut report)?;
        }
    }
    let json = options.json.unwrap_or_else(|| {
        default_json(if options.instructions {
            "bench-http-instructions"
        } else {
            "bench-http"
        })
    });
    finish(&report, report.missed(), &json, options.check)
}

impl Options {
    /// From the command line; nothing if help was asked for.
    fn parse(mut parser: Parser) -> Result<Option<Self>> {
        let mut options = Self {
            rounds: 99,
            requests: 2_000,
            json: None,
            check: false,
            instructions: false,
            serve: None,
        };
        while let Some(argument) = parser.next()? {
            match argument {
                Short('h') | Long("help") => return Ok(None),
                Long("rounds") => options.rounds = at_least_one(&mut parser, "--rounds")?,
                Long("requests") => options.requests = at_least_one(&mut parser, "--requests")?,
                Long("quick") => options.rounds = 15,
                Long("json") => options.json = Some(parser.value()?.into()),
                Long("instructions") => options.instructions = true,
                Long("check") => options.check = true,
                Long("serve") => {
                    let contestant = Contestant::parse(&parser.value()?.string()?)?;
                    let answer = Answer::parse(&parser.value()?.string()?)?;
                    options.serve = Some((contestant, answer));
                }
                other => return Err(unexpected(other)),
            }
        }
        Ok(Some(options))
    }
}
