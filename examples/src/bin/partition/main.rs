//! What three nodes admit together while their Redis freezes, dies, comes back empty, is emptied, and is out of reach of
//! one of them: tidegate's tiered store beside the two limiters that one writes by hand.
//!
//! It starts a Redis server of its own on a free port, and stops it. `cargo run --release --bin partition` takes
//! about a minute and prints a table.

mod by_hand;
mod limiter;
mod run;
mod scene;
mod table;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;

use crate::by_hand::{AskEveryTime, CountYourself};
use crate::limiter::{Limiter, Tiered};
use crate::run::{Recorder, run_phase};
use crate::scene::{PHASES, Scene};

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
    let scene = Scene::start()?;
    let urls = scene.urls();
    let limiters: Vec<(&str, Arc<dyn Limiter>)> = vec![
        ("tidegate, tiered", Arc::new(Tiered::new(&urls)?)),
        (
            "asks Redis every time (CP)",
            Arc::new(AskEveryTime::new(&urls)?),
        ),
        (
            "counts itself without Redis (AP)",
            Arc::new(CountYourself::new(&urls)?),
        ),
    ];
    let recorders: Vec<Arc<Recorder>> = limiters.iter().map(|_| Arc::default()).collect();
    for phase in PHASES {
        println!("{} ...", phase.name);
        (phase.begin)(&scene)?;
        run_phase(phase, &limiters, &recorders).await;
    }
    let names: Vec<&str> = limiters.iter().map(|(name, _)| *name).collect();
    println!("\n{}", table::render(&names, &recorders));
    Ok(())
}
