//! The server: a process of its own on a core of its own, which tells what processor time it has taken.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};
use metrics_exporter_prometheus::PrometheusBuilder;
use rustix::process::{Pid, Signal, kill_process};
use rustix::thread::{CpuSet, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};

use super::contestants::{Answer, Around, Contestant, Framework};
use super::{actix, axum};

/// The path at which a server tells its processor time, in nanoseconds. It is never limited.
pub const CPU_TIME: &str = "/cpu";

/// A server, killed when it is dropped.
pub struct Server {
    process: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Server {
    /// Starts one.
    pub fn start(contestant: Contestant, answer: Answer) -> Result<Self> {
        Self::start_by(Command::new(std::env::current_exe()?), contestant, answer)
    }

    /// Starts one by a command that runs this program.
    pub fn start_by(mut command: Command, contestant: Contestant, answer: Answer) -> Result<Self> {
        command
            .args(["http", "--serve", &contestant.argument()])
            .arg(answer.as_str())
            .stdout(Stdio::piped());
        let mut process = command
            .spawn()
            .with_context(|| format!("{} cannot be run", command.get_program().display()))?;
        let output = process.stdout.take().context("it is piped")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let address = line
            .trim()
            .parse()
            .with_context(|| format!("{}: the server said {line:?}", contestant.argument()))?;
        Ok(Self { process, address })
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Asks it to end, and waits until it has.
    pub fn stop(mut self) -> Result<()> {
        kill_process(Pid::from_child(&self.process), Signal::TERM)?;
        self.process.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Serves until killed.
pub fn serve(contestant: Contestant, answer: Answer) -> Result<()> {
    keep_to_core(0);
    if contestant.around == Around::WithMetrics {
        let recorder = PrometheusBuilder::new().install_recorder()?;
        // Histograms' samples are drained as in a server that is scraped.
        std::thread::spawn(move || {
            loop {
                std::thread::sleep(std::time::Duration::from_secs(1));
                recorder.run_upkeep();
            }
        });
    }
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?);
    match contestant.framework {
        Framework::Axum => axum::serve(listener, contestant.around, answer),
        Framework::Actix => actix::serve(listener, contestant.around, answer),
    }
}

/// This thread, and those that it starts, run on one core, if the machine has it and lets us.
pub fn keep_to_core(core: usize) {
    let mut cores = CpuSet::new();
    cores.set(core);
    let _ = sched_setaffinity(None, &cores);
}

/// The processor time that this process has taken so far, in nanoseconds.
pub fn cpu_time() -> String {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    (i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec)).to_string()
}
