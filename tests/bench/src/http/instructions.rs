//! The instructions that a request takes of the server's own code, counted by valgrind: what a layer costs, however busy the
//! machine is. What the kernel does is not in it.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::client::Crowd;
use super::contestants::{Answer, Contestant, Framework};
use super::server::Server;
use crate::goals::{Report, figure};

/// How many requests each server is asked before any are counted.
const WARM_UP: usize = 1_000;

/// Counts for each of a framework's servers, and adds what came out.
pub fn count(framework: Framework, requests: usize, report: &mut Report) -> Result<()> {
    let found = Command::new("valgrind").arg("--version").output();
    found.context("--instructions needs valgrind, which is not there: `apt-get install valgrind`, or what your system has for it")?;
    let section = format!("{}: instructions of a request", framework.as_str());
    // The bare one is the first.
    let mut bare = f64::NAN;
    for (contestant, answer) in Contestant::all(framework) {
        let each = of(contestant, answer, requests)
            .with_context(|| format!("{}, {}", contestant.argument(), answer.as_str()))?;
        if bare.is_nan() {
            bare = each;
        }
        let name = format!("{}, {}", contestant.name(), answer.as_str());
        let figures = vec![
            figure("instructions", each),
            figure("over bare", each - bare),
        ];
        report.add(&section, &name, figures);
    }
    Ok(())
}

/// The instructions of one request.
fn of(contestant: Contestant, answer: Answer, requests: usize) -> Result<f64> {
    let counts = std::env::temp_dir().join(format!("tidegate-bench-{}.out", std::process::id()));
    let server = Server::start_by(valgrind(&counts)?, contestant, answer)?;
    let mut crowd = Crowd::connect(server.address, answer)?;
    crowd.send(WARM_UP, answer.status())?;
    // Only what follows is counted, so that it does not matter how long it took to start.
    instrumentation("on", server.id())?;
    let counted = crowd.send(requests, answer.status())?;
    instrumentation("off", server.id())?;
    server.stop()?;
    let written = std::fs::read_to_string(&counts)
        .with_context(|| format!("valgrind left nothing in {}", counts.display()))?;
    std::fs::remove_file(&counts)?;
    Ok(total(&written)? / counted as f64)
}

/// This program under valgrind, which is to write to that file what it has counted.
fn valgrind(counts: &Path) -> Result<Command> {
    let mut out = OsString::from("--callgrind-out-file=");
    out.push(counts);
    let mut command = Command::new("valgrind");
    command
        .args(["--quiet", "--tool=callgrind", "--instr-atstart=no"])
        .arg(out)
        .arg(std::env::current_exe()?);
    Ok(command)
}

/// Has a process under valgrind counted, or no longer.
fn instrumentation(what: &str, process: u32) -> Result<()> {
    let output = Command::new("callgrind_control")
        .arg(format!("--instr={what}"))
        .arg(process.to_string())
        .output()
        .context("callgrind_control, which is a part of valgrind, cannot be run")?;
    ensure!(
        output.status.success(),
        "callgrind_control: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

/// All instructions, by what callgrind wrote.
fn total(written: &str) -> Result<f64> {
    let mut lines = written.lines();
    let total = lines.find_map(|line| line.strip_prefix("totals: "));
    let total = total.context("callgrind's file has no totals")?;
    let total: f64 = total.trim().parse()?;
    ensure!(total > 0.0, "callgrind has counted nothing");
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_found_and_is_not_nothing() {
        let written = "events: Ir\nfn=(1) f\n1 40\n\ntotals: 45371044\n";
        assert_eq!(total(written).unwrap(), 45_371_044.0);
        assert!(total("events: Ir\ntotals: 0\n").is_err());
        assert!(total("events: Ir\n").is_err());
    }
}
