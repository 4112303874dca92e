//! Clocks that are wrong.

use std::time::Duration;

use anyhow::Result;
use tidegate_store_redis::RedisStore;
use tidegate_test_servers::Server;

use super::{Proof, Row, Scale};
use crate::figures::Figures;
use crate::run::Run;
use crate::scene::Settings;
use crate::skewed::Skew;

const HOUR: Duration = Duration::from_secs(60 * 60);

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "node-clocks",
        about: "one node's clock is an hour ahead, one's an hour behind; the server hangs for a while",
        proof: Proof::Made(node_clocks),
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
        deadline: None,
    };
    let figures = Run { settings, ..run }.measure(|_| server.freeze(), || server.thaw())?;
    Ok(Figures {
        note: "clocks injected".to_owned(),
        ..figures
    })
}
