//! When to stop: ctrl-c, or a polite kill.

use anyhow::{Context, Result};

/// Ends when the server is to stop. It listens from now on, and not only once it is awaited: whoever sees the server
/// answer can stop it.
///
/// Must be called in a runtime, which must go on for as long as it is waited for.
#[cfg(unix)]
pub(crate) fn listen() -> Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};

    let heard = |kind| signal(kind).context("cannot listen to signals");
    let mut interrupted = heard(SignalKind::interrupt())?;
    let mut terminated = heard(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupted.recv() => {}
            _ = terminated.recv() => {}
        }
        println!("stopping");
    })
}

/// Ends when the server is to stop.
#[cfg(windows)]
pub(crate) fn listen() -> Result<impl Future<Output = ()> + Send + 'static> {
    let mut interrupted = tokio::signal::windows::ctrl_c().context("cannot listen to ctrl-c")?;
    Ok(async move {
        interrupted.recv().await;
        println!("stopping");
    })
}
