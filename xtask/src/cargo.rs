//! Runs cargo and other programs, and keeps what they print.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{ErrorKind, PipeReader, Read};
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

/// A part of the Rust toolchain that can be missing.
pub(crate) struct Component {
    /// The cargo subcommand that it brings.
    pub(crate) subcommand: &'static str,
    /// What rustup calls it.
    pub(crate) name: &'static str,
}

/// Brings `cargo fmt`.
pub(crate) const RUSTFMT: Component = Component {
    subcommand: "fmt",
    name: "rustfmt",
};

/// Brings `cargo clippy`.
pub(crate) const CLIPPY: Component = Component {
    subcommand: "clippy",
    name: "clippy",
};

impl Component {
    /// An error that says how to install it, if it is not there.
    pub(crate) fn require(&self) -> Result<()> {
        let version = command(&[self.subcommand, "--version"]).output();
        if version.is_ok_and(|output| output.status.success()) {
            return Ok(());
        }
        bail!(
            "`cargo {}` is missing. Install it with:\n\n    rustup component add {}\n",
            self.subcommand,
            self.name
        )
    }
}

/// Runs a command that prints for itself, and ends as it ends.
pub(crate) fn pass_on(mut command: Command) -> Result<ExitCode> {
    let status = command.status().context("cargo cannot be run")?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Builds and runs a program of the workspace with these arguments, and ends as it ends.
pub(crate) fn run_program(
    package: &str,
    program: &str,
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<ExitCode> {
    let mut command = command(&[
        "run",
        "--quiet",
        "--package",
        package,
        "--bin",
        program,
        "--",
    ]);
    command.args(arguments);
    pass_on(command)
}

/// The cargo that runs us, with these arguments.
///
/// What cargo tells us about our own package is taken out of the environment, so that the same command typed
/// by hand finds everything built.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(arguments).stdin(Stdio::null());
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(is_about_xtask) {
            command.env_remove(name);
        }
    }
    command
}

fn is_about_xtask(variable: &str) -> bool {
    [
        "CARGO_PKG_",
        "CARGO_MANIFEST_",
        "CARGO_BIN_",
        "CARGO_CRATE_",
    ]
    .iter()
    .any(|prefix| variable.starts_with(prefix))
}

/// The longest that a command may take. None does, unless it hangs.
const LIMIT: Duration = Duration::from_secs(30 * 60);

/// Runs the command to its end. What it printed, on both streams in the order in which it came, is the answer
/// if it succeeded, and the error if it did not.
pub(crate) fn capture(command: &mut Command) -> Result<String> {
    capture_within(command, LIMIT)
}

fn capture_within(command: &mut Command, limit: Duration) -> Result<String> {
    let shown = shown(command);
    let (reader, writer) = std::io::pipe()?;
    let mut child = command
        .stdout(writer.try_clone()?)
        .stderr(writer)
        .spawn()
        .with_context(|| format!("cannot run {shown}"))?;
    // The command still holds the pipe's writing ends; the reader would wait for them for ever.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut bytes = Vec::new();
    let in_time = collect(reader, &mut bytes, Instant::now() + limit);
    if !in_time {
        child.kill()?;
    }
    let status = child.wait()?;
    let output = String::from_utf8_lossy(&bytes).into_owned();
    ensure!(
        in_time,
        "{output}\n{shown}: stopped, because it took more than {limit:?}"
    );
    ensure!(status.success(), "{output}\n{shown}: {status}");
    Ok(output)
}

/// Reads to the end, in a thread of its own, because what the command started may hold the pipe for longer than
/// the command lives. Whether the end came in time.
fn collect(mut reader: PipeReader, bytes: &mut Vec<u8>, until: Instant) -> bool {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 8_192];
        loop {
            match reader.read(&mut buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Ok(read @ 1..) if sender.send(buffer[..read].to_vec()).is_ok() => {}
                _ => return,
            }
        }
    });
    loop {
        let left = until.saturating_duration_since(Instant::now());
        match receiver.recv_timeout(left) {
            Ok(read) => bytes.extend(read),
            Err(end) => return end == RecvTimeoutError::Disconnected,
        }
    }
}

/// The command as one would type it, without the environment.
fn shown(command: &Command) -> String {
    let program = command.get_program();
    let name = std::path::Path::new(program).file_name().unwrap_or(program);
    let words: Vec<_> = std::iter::once(name)
        .chain(command.get_args())
        .map(OsStr::to_string_lossy)
        .collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_fails_shows_what_it_printed_and_what_it_was() {
        let error = capture(&mut command(&["--no-such-flag"])).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("unexpected argument"), "{text}");
        assert!(text.contains("cargo --no-such-flag: exit"), "{text}");
    }

    #[test]
    fn a_command_that_succeeds_gives_what_it_printed() {
        let version = capture(&mut command(&["--version"])).unwrap();
        assert!(version.starts_with("cargo "), "{version}");
    }

    #[test]
    fn a_command_that_hangs_is_stopped() {
        // It waits for a program to compile, which never comes.
        let mut hanging = Command::new("rustc");
        hanging.arg("-").stdin(Stdio::piped());
        let error = capture_within(&mut hanging, Duration::ZERO).unwrap_err();
        assert!(error.to_string().contains("rustc -: stopped"), "{error}");
    }

    #[test]
    fn a_missing_component_is_named_with_its_command() {
        let missing = Component {
            subcommand: "no-such-subcommand",
            name: "no-such-component",
        };
        let text = missing.require().unwrap_err().to_string();
        assert!(
            text.contains("rustup component add no-such-component"),
            "{text}"
        );
    }
}
