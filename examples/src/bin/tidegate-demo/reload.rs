//! Reads the policies anew while the server runs: on SIGHUP, as servers do.

use anyhow::{Context, Result, bail};
use tidegate_limiter::{Capabilities, Limiter};

use crate::flags::Flags;
use crate::setup::{self, Setup};

/// From now on, a hangup reads the file of policies anew. Needs a runtime around it. Without a file it is heard all the same,
/// because whoever hears none is ended by it.
#[cfg(unix)]
pub(crate) fn on_hangup(flags: &Flags, setup: &Setup) -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut hangups = signal(SignalKind::hangup()).context("SIGHUP cannot be listened to")?;
    let (flags, limiter) = (flags.clone(), setup.limiter.clone());
    let store = setup.counts.store.capabilities();
    tokio::spawn(async move {
        while hangups.recv().await.is_some() {
            match reload(&flags, &limiter, &store) {
                Ok(policies) => println!("policies read anew: {policies}"),
                Err(error) => eprintln!("the policies stay as they are: {error:#}"),
            }
        }
    });
    Ok(())
}

/// There is no such signal.
#[cfg(not(unix))]
pub(crate) fn on_hangup(_: &Flags, _: &Setup) -> Result<()> {
    Ok(())
}

#[cfg(unix)]
fn reload(flags: &Flags, limiter: &Limiter, store: &Capabilities) -> Result<String> {
    if flags.policies.is_none() {
        bail!("there is no file to read anew: --policies FILE gives one");
    }
    limiter.replace_policies(setup::policies(flags, store)?)?;
    Ok(setup::listed(limiter))
}
