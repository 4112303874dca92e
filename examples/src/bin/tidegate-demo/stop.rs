//! When to stop: ctrl-c, or a polite kill.

/// Waits until the server is to stop.
pub(crate) async fn signal() {
    tokio::select! {
        outcome = tokio::signal::ctrl_c() => ignore(outcome).await,
        () = terminated() => {}
    }
    println!("stopping");
}

/// Where signals cannot be listened to, the server runs until it is killed.
async fn ignore(outcome: std::io::Result<()>) {
    if let Err(error) = outcome {
        eprintln!("ctrl-c cannot be listened to: {error}");
        std::future::pending::<()>().await;
    }
}

#[cfg(unix)]
async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};

    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            terminate.recv().await;
        }
        Err(error) => {
            eprintln!("SIGTERM cannot be listened to: {error}");
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(not(unix))]
async fn terminated() {
    std::future::pending::<()>().await;
}
