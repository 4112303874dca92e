//! A process that does not outlive the test, however the test ends.

use std::fs::File;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};

/// Kills the process and removes its folder when the pipe to it closes, which happens also when the test
/// process is killed: `read` says so. A line before that means that all is well.
const WATCHDOG: &str = r#"read -r pid && { read -r _ || { kill -9 "$pid"; rm -rf -- "$0"; }; }"#;

/// A running process. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    watchdog: Watchdog,
}

impl Process {
    /// Starts it in `folder`, which is its own; what it prints goes to `log` there.
    pub(crate) fn start(command: &mut Command, folder: &Path, log: &str) -> Result<Self> {
        let program = command.get_program().to_owned();
        let output = File::options()
            .create(true)
            .append(true)
            .open(folder.join(log))?;
        let mut watchdog = Watchdog::start(folder)?;
        let child = command
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            // Ctrl-C in a terminal reaches our process alone, and the watchdog then sees to this one.
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot run {}", program.display()))?;
        watchdog.watch(child.id())?;
        Ok(Self { child, watchdog })
    }

    /// How it ended, if it has.
    pub(crate) fn exited(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) -> Result<()> {
        kill_process(Pid::from_child(&self.child), signal)
            .with_context(|| format!("cannot send {signal:?} to process {}", self.child.id()))
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The watchdog first: after the wait, the number may be another process's.
        self.watchdog.dismiss();
        // It may have ended by itself; then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A shell that outlives this process by as much as it takes to kill another.
#[derive(Debug)]
struct Watchdog {
    shell: Child,
    pipe: Option<ChildStdin>,
}

impl Watchdog {
    fn start(folder: &Path) -> Result<Self> {
        let mut shell = Command::new("sh")
            .args(["-c", WATCHDOG])
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .context("cannot run sh")?;
        let pipe = shell.stdin.take();
        Ok(Self { shell, pipe })
    }

    fn watch(&mut self, process: u32) -> Result<()> {
        let pipe = self.pipe.as_mut().context("the watchdog has no pipe")?;
        writeln!(pipe, "{process}").context("the watchdog is gone")
    }

    fn dismiss(&mut self) {
        if let Some(mut pipe) = self.pipe.take() {
            // If it is gone already, it needs no dismissing.
            let _ = writeln!(pipe, "well");
        }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        drop(self.pipe.take());
        let _ = self.shell.wait();
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;
    use crate::wait::{State, until};

    fn sleeper(folder: &Path) -> Process {
        Process::start(Command::new("sleep").arg("600"), folder, "log").unwrap()
    }

    fn runs(id: u32) -> bool {
        Path::new(&format!("/proc/{id}")).exists()
    }

    #[test]
    fn dropping_kills_even_what_is_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let process = sleeper(folder.path());
        let id = process.id();
        process.signal(Signal::STOP).unwrap();
        assert!(runs(id));
        drop(process);
        assert!(!runs(id));
        assert!(
            folder.path().exists(),
            "the folder is its owner's to remove"
        );
    }

    #[test]
    fn a_process_whose_parent_dies_is_killed_and_its_folder_removed() {
        let folder = tempfile::tempdir().unwrap();
        let mut process = sleeper(folder.path());
        // What the kernel does when this process is killed.
        drop(process.watchdog.pipe.take());
        until("the watchdog to kill", || {
            let status = process.exited()?;
            let killed = status.is_some_and(|status| status.signal() == Some(9));
            Ok(State::of(killed, || format!("it has {status:?}")))
        })
        .unwrap();
        until("the folder to go", || {
            Ok(State::of(!folder.path().exists(), || {
                "still there".to_owned()
            }))
        })
        .unwrap();
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error =
            Process::start(&mut Command::new("no-such-program"), folder.path(), "log").unwrap_err();
        assert!(
            format!("{error:#}").contains("no-such-program"),
            "{error:#}"
        );
    }
}
