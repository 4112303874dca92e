//! Reads the policies anew while the server runs: on SIGHUP, as servers do.

use anyhow::{Context, Result};
use tidegate_limiter::Limiter;

use crate::flags::Flags;
use crate::setup::policies;

/// From now on, a hangup reads the file of policies anew. Needs a runtime around it; does nothing without a file.
#[cfg(unix)]
pub(crate) fn on_hangup(flags: &Flags, limiter: &Limiter) -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};

    if flags.policies.is_none() {
        return Ok(());
    }
    let mut hangups = signal(SignalKind::hangup()).context("SIGHUP cannot be listened to")?;
    let (flags, limiter) = (flags.clone(), limiter.clone());
    tokio::spawn(async move {
        while hangups.recv().await.is_some() {
            match reload(&flags, &limiter) {
                Ok(policies) => println!("policies read anew: {policies}"),
                Err(error) => eprintln!("the policies stay as they are: {error:#}"),
            }
        }
    });
    Ok(())
}

/// There is no such signal.
#[cfg(not(unix))]
pub(crate) fn on_hangup(_: &Flags, _: &Limiter) -> Result<()> {
    Ok(())
}

#[cfg(unix)]
fn reload(flags: &Flags, limiter: &Limiter) -> Result<String> {
    limiter.replace_policies(policies(flags)?)?;
    Ok(crate::setup::listed(limiter))
}
