//! A folder and a process in it that do not outlive the test, however the test ends.

use std::fs::File;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Is told which process to watch, line by line; an empty line means none. When the pipe closes, which happens also
/// when the test process is killed, it kills that process and removes the folder.
const WATCHDOG: &str = r#"
while read -r next; do pid=$next; done
[ -z "$pid" ] || kill -9 "$pid"
rm -rf -- "$0"
"#;

/// A temporary folder for one process at a time.
#[derive(Debug)]
pub(crate) struct Home {
    // Its pipe closes first: what it would remove is removed anyway.
    watchdog: Watchdog,
    folder: TempDir,
}

impl Home {
    pub(crate) fn new() -> Result<Arc<Self>> {
        let folder = tempfile::Builder::new()
            .prefix("tidegate-server-")
            .tempdir()?;
        Ok(Arc::new(Self {
            watchdog: Watchdog::start(folder.path())?,
            folder,
        }))
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// A running process. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    home: Arc<Home>,
}

impl Process {
    /// Starts it in its folder; what it prints goes to `log` there.
    pub(crate) fn start(command: &mut Command, home: &Arc<Home>, log: &str) -> Result<Self> {
        let program = command.get_program().to_owned();
        let mut open = File::options();
        let output = open.create(true).append(true).open(home.path().join(log))?;
        let child = command
            .current_dir(home.path())
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            // Ctrl-C in a terminal reaches our process alone, and the watchdog then sees to this one.
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot run {}", program.display()))?;
        let process = Self {
            child,
            home: Arc::clone(home),
        };
        process.home.watchdog.watch(Some(process.id()))?;
        Ok(process)
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
        // First, because after the wait the number may be another process's. A watchdog that is gone needs no telling.
        let _ = self.home.watchdog.watch(None);
        // It may have ended by itself; then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A shell that outlives this process by as much as it takes to kill another.
#[derive(Debug)]
struct Watchdog {
    shell: Child,
    pipe: Mutex<Option<ChildStdin>>,
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
        let pipe = Mutex::new(shell.stdin.take());
        Ok(Self { shell, pipe })
    }

    /// Names the process to kill, in place of the one before.
    fn watch(&self, process: Option<u32>) -> Result<()> {
        let mut pipe = self.pipe.lock().unwrap_or_else(PoisonError::into_inner);
        let pipe = pipe.as_mut().context("the watchdog has no pipe")?;
        let line = process.map_or_else(String::new, |id| id.to_string());
        writeln!(pipe, "{line}").context("the watchdog is gone")
    }

    fn close(&mut self) {
        drop(
            self.pipe
                .get_mut()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.close();
        let _ = self.shell.wait();
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;
    use crate::wait::{State, until};

    fn sleeper(home: &Arc<Home>) -> Process {
        Process::start(Command::new("sleep").arg("600"), home, "log").unwrap()
    }

    fn runs(id: u32) -> bool {
        Path::new(&format!("/proc/{id}")).exists()
    }

    /// What the kernel does when this process is killed.
    fn die(home: &Home) {
        drop(home.watchdog.pipe.lock().unwrap().take());
    }

    fn until_removed(folder: &Path) {
        until("the folder to go", || {
            Ok(State::of(!folder.exists(), || "still there".to_owned()))
        })
        .unwrap();
    }

    #[test]
    fn dropping_kills_even_what_is_stopped() {
        let home = Home::new().unwrap();
        let process = sleeper(&home);
        let id = process.id();
        process.signal(Signal::STOP).unwrap();
        assert!(runs(id));
        drop(process);
        assert!(!runs(id));
        let folder = home.path().to_owned();
        assert!(folder.exists());
        drop(home);
        assert!(!folder.exists());
    }

    #[test]
    fn a_process_whose_parent_dies_is_killed_and_its_folder_removed() {
        let home = Home::new().unwrap();
        drop(sleeper(&home));
        let mut process = sleeper(&home);
        die(&home);
        until("the watchdog to kill", || {
            let status = process.exited()?;
            let killed = status.is_some_and(|status| status.signal() == Some(9));
            Ok(State::of(killed, || format!("it has {status:?}")))
        })
        .unwrap();
        until_removed(home.path());
    }

    #[test]
    fn a_folder_is_removed_also_while_nothing_runs_in_it() {
        let home = Home::new().unwrap();
        drop(sleeper(&home));
        die(&home);
        until_removed(home.path());
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let home = Home::new().unwrap();
        let error = Process::start(&mut Command::new("no-such-program"), &home, "log").unwrap_err();
        assert!(
            format!("{error:#}").contains("no-such-program"),
            "{error:#}"
        );
    }
}
