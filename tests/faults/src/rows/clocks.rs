//! Clocks that are wrong.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tidegate_store_redis::RedisStore;
use tidegate_test_servers::{Options, Server};

use super::{Proof, Row, Scale};
use crate::figures::{CONNECTED, Figures};
use crate::run::Run;
use crate::scene::{LIMIT, Scene, Settings, WINDOW};
use crate::skewed::Skew;

const HOUR: Duration = Duration::from_secs(60 * 60);

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "node-clocks",
        about: "one node's clock is an hour ahead, one's an hour behind; the server hangs for a while",
        proof: Proof::Made(node_clocks),
    },
    Row {
        name: "server-clock-steps",
        about: "the server's clock steps an hour ahead, back, and an hour behind",
        proof: Proof::With("cc", server_clock_steps),
    },
    Row {
        name: "node-clock-steps",
        about: "the wall clock steps while a node runs: it was read once, at the start",
        proof: Proof::Tests(&[(
            "crates/clock/src/system.rs",
            "starts_at_wall_time_and_never_goes_back",
        )]),
    },
];

fn node_clocks(_: &Scale) -> Result<Figures> {
    let server = Server::start()?;
    let run = Run::new(|| RedisStore::builder(&server.url()), &[&server]);
    let settings = Settings {
        clocks: [Skew::None, Skew::Ahead(HOUR), Skew::Behind(HOUR)],
        ..Settings::default()
    };
    let figures = Run { settings, ..run }.measure(|_| server.freeze(), || server.thaw())?;
    Ok(Figures {
        note: "clocks injected".to_owned(),
        ..figures
    })
}

/// G7: after a step, wrong decisions for a window at the most; then every window is as promised again.
fn server_clock_steps(_: &Scale) -> Result<Figures> {
    const HOUR_SECONDS: i64 = 60 * 60;
    let server = Options::new().stepping_clock().start()?;
    let connect = || RedisStore::builder(&server.url());
    let scene = Scene::healthy(connect, Settings::default())?;
    let mut figures = Figures::noted("a library loaded into the server");
    for seconds in [HOUR_SECONDS, 0, -HOUR_SECONDS, 0] {
        server.step_clock(seconds)?;
        // The window of the step, the one of wrong decisions, and what is left of the one after it.
        let began = Instant::now() + 3 * WINDOW;
        let lasts = 4 * WINDOW;
        while Instant::now() < began + lasts {
            std::thread::sleep(Duration::from_millis(5));
        }
        let samples = scene.take_before(u64::MAX);
        let mut windows = BTreeMap::<u64, u64>::new();
        for sample in samples.iter().filter(|sample| sample.asked > began) {
            *windows.entry(sample.window).or_default() += u64::from(sample.allowed);
        }
        let whole = windows.len().saturating_sub(2);
        ensure!(whole >= 2, "no whole windows after a step: {windows:?}");
        for (number, admitted) in windows.iter().skip(1).take(whole) {
            ensure!(
                (LIMIT / 3..=CONNECTED).contains(admitted),
                "G7: {admitted} admitted in window {number}, {seconds} s ahead: {windows:?}"
            );
            let of = *admitted as f64 / LIMIT as f64;
            figures.after = Some(figures.after.unwrap_or(0.0).max(of));
        }
        figures.longest = figures.longest.max(samples.iter().map(|s| s.took).max());
        figures.errors += samples.iter().filter(|sample| sample.error).count() as u64;
    }
    ensure!(figures.errors == 0, "errors: {figures:?}");
    scene.stop_traffic()?;
    scene.end()?;
    Ok(figures)
}
