//! A server's wall clock that can be stepped: a small library in C, which is loaded into the server before all others.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

const SOURCE: &str = include_str!("clock.c");
const LIBRARY: &str = "clock.so";
const STEP: &str = "clock.step";

/// Compiles the library into the server's folder.
pub(super) fn prepare(folder: &Path) -> Result<()> {
    let source = folder.join("clock.c");
    std::fs::write(&source, SOURCE)?;
    let output = Command::new("cc")
        .args(["-shared", "-fPIC", "-O2", "-o"])
        .arg(folder.join(LIBRARY))
        .arg(&source)
        .output()
        .context("cannot run cc")?;
    ensure!(
        output.status.success(),
        "cc: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    step(folder, 0)
}

/// Has the server that is about to be started use it.
pub(super) fn load(command: &mut Command, folder: &Path) {
    command
        .env("LD_PRELOAD", folder.join(LIBRARY))
        .env("TIDEGATE_CLOCK_FILE", folder.join(STEP));
}

/// Sets the clock so many seconds ahead of the machine's.
pub(super) fn step(folder: &Path, seconds: i64) -> Result<()> {
    let new = folder.join("clock.new");
    std::fs::write(&new, seconds.to_string())?;
    // At once: the server may be reading.
    Ok(std::fs::rename(&new, folder.join(STEP))?)
}
