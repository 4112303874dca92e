//! Waiting for a condition, not for a time.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// How long a server may take for anything that it does in milliseconds on an idle machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// How often a condition is looked at.
const PAUSE: Duration = Duration::from_millis(5);

/// Returns as soon as the condition holds.
///
/// # Errors
///
/// If it does not hold within [`PATIENCE`], with the last reason that it gave; at once if it fails.
pub fn until(what: &str, condition: impl FnMut() -> Result<State>) -> Result<()> {
    until_within(PATIENCE, what, condition)
}

/// Returns as soon as the condition holds, which may take longer than usual.
///
/// # Errors
///
/// As [`until`], after `patience`.
pub fn until_within(
    patience: Duration,
    what: &str,
    mut condition: impl FnMut() -> Result<State>,
) -> Result<()> {
    let started = Instant::now();
    loop {
        match condition()? {
            State::Holds => return Ok(()),
            State::NotYet(reason) if started.elapsed() > patience => {
                bail!("waited {patience:?} for {what}: {reason}")
            }
            State::NotYet(_) => thread::sleep(PAUSE),
        }
    }
}

/// What a condition says when it is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It holds.
    Holds,
    /// It does not, and this is what was seen instead.
    NotYet(String),
}

impl State {
    /// Holds, or what was seen instead.
    pub fn of(holds: bool, seen: impl FnOnce() -> String) -> Self {
        if holds {
            Self::Holds
        } else {
            Self::NotYet(seen())
        }
    }
}

impl<T, E: std::fmt::Display> From<Result<T, E>> for State {
    /// A success holds, an error is what was seen instead.
    fn from(result: Result<T, E>) -> Self {
        match result {
            Ok(_) => Self::Holds,
            Err(error) => Self::NotYet(format!("{error:#}")),
        }
    }
}
