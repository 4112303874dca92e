//! What three nodes admit together while their Redis freezes, dies and comes back empty: tidegate's tiered store
//! beside the two limiters that one writes by hand.
//!
//! It starts a Redis server of its own on a free port, and stops it. `cargo run --release --bin partition` takes
//! about half a minute and prints a table.

mod by_hand;
mod limiter;
mod run;
mod table;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use tidegate_test_servers::Server;

use crate::by_hand::{AskEveryTime, CountYourself};
use crate::limiter::{Limiter, Tiered};
use crate::run::{PHASES, Recorder, run_phase};

fn main() -> ExitCode {
    match measure() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn measure() -> Result<()> {
    let server = Server::start()?;
    let url = server.url();
    let limiters: Vec<(&str, Arc<dyn Limiter>)> = vec![
        ("tidegate, tiered", Arc::new(Tiered::new(&url)?)),
        (
            "asks Redis every time (CP)",
            Arc::new(AskEveryTime::new(&url)?),
        ),
        (
            "counts itself without Redis (AP)",
            Arc::new(CountYourself::new(&url)?),
        ),
    ];
    let recorders: Vec<Arc<Recorder>> = limiters.iter().map(|_| Arc::default()).collect();
    for phase in PHASES {
        println!("{} ...", phase.name);
        (phase.begin)(&server)?;
        run_phase(phase, &limiters, &recorders).await;
    }
    let names: Vec<&str> = limiters.iter().map(|(name, _)| *name).collect();
    println!("\n{}", table::render(&names, &recorders));
    Ok(())
}
