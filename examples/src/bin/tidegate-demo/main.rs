//! The demo: a server that limits real requests, in either framework, without any configuration.
//!
//! `GET /` is limited by `x-api-key` if that is present, else by the client's address, and answers `ok`. (The demo knows no API
//! keys; a service has something further outside that refuses those which it does not know.)
//! `GET /unlimited` is not limited, `GET /metrics` shows all metrics in Prometheus' text format, `GET /healthz` says
//! that the server is alive. With `--policies FILE`, SIGHUP reads the file anew. What changes is logged to standard
//! error.

mod flags;
mod log;
mod metrics;
mod reload;
mod serve_actix;
mod serve_axum;
mod setup;
mod stop;
mod store;

use std::net::TcpListener;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;

use crate::flags::{Flags, Framework};
use crate::setup::Setup;

fn main() -> ExitCode {
    let flags = Flags::parse();
    log::start(flags.log);
    match run(&flags) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(flags: &Flags) -> Result<()> {
    // For what goes on in the background, whichever framework serves.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let (setup, stop) = {
        let _entered = runtime.enter();
        let setup = Setup::new(flags)?;
        reload::on_hangup(flags, &setup)?;
        (setup, stop::listen()?)
    };
    let listener = TcpListener::bind(flags.listen).with_context(|| {
        let address = flags.listen;
        format!("cannot listen on {address}; give another address with --listen (port 0 takes a free one)")
    })?;
    println!(
        "listening on http://{} ({}, store {}): {}",
        listener.local_addr()?,
        flags.framework,
        flags.store,
        setup::listed(&setup.limiter)
    );
    match flags.framework {
        Framework::Axum => serve_axum::run(listener, &setup, stop)?,
        Framework::Actix => serve_actix::run(listener, &setup, stop)?,
    }
    runtime.block_on(setup.counts.shut_down());
    Ok(())
}
