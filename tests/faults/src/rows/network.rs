//! The network swallows, loses, or is slow.

use std::time::Duration;

use anyhow::{Result, ensure};
use tidegate_store_redis::RedisStore;
use tidegate_test_servers::{Direction, Proxy, Server};

use super::{Proof, Row, Scale};
use crate::figures::Figures;
use crate::isolation::{Filter, Wire};
use crate::run::Run;
use crate::scene::Settings;

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "black-hole",
        about: "every packet is lost, on connections old and new",
        proof: Proof::Made(black_hole),
    },
    Row {
        name: "one-way",
        about: "replies are lost, requests arrive",
        proof: Proof::Made(one_way),
    },
    Row {
        name: "firewall",
        about: "a packet filter resets every connection",
        proof: Proof::Filtered(firewall),
    },
    Row {
        name: "loss",
        about: "10 % of the packets are lost, each way",
        proof: Proof::Filtered(loss),
    },
    Row {
        name: "slow-20ms",
        about: "replies take 20 ms, D is 1 s",
        proof: Proof::Made(slow_but_in_time),
    },
    Row {
        name: "slow-200ms",
        about: "replies take 200 ms, D is 50 ms",
        proof: Proof::Made(|_| slow(Duration::from_millis(200))),
    },
    Row {
        name: "slow-1000ms",
        about: "replies take 1 s, D is 50 ms",
        proof: Proof::Made(|_| slow(Duration::from_secs(1))),
    },
];

fn black_hole(_: &Scale) -> Result<Figures> {
    swallow(&[Direction::ToServer, Direction::ToClient])
}

fn one_way(_: &Scale) -> Result<Figures> {
    swallow(&[Direction::ToClient])
}

fn swallow(directions: &[Direction]) -> Result<Figures> {
    let server = Server::start()?;
    let wire = Wire::to(&server)?;
    let run = Run::new(|| RedisStore::builder(&wire.url(&server)), &[&server]);
    let run = Run {
        direct: RedisStore::builder(&server.url()),
        ..run
    };
    let figures = run.measure(|_| wire.swallow(directions), || wire.heal())?;
    Ok(Figures {
        note: wire.means().to_owned(),
        ..figures
    })
}

fn firewall(_: &Scale) -> Result<Figures> {
    let server = Server::start()?;
    let filter = Filter::on(server.port());
    Run::new(|| RedisStore::builder(&server.url()), &[&server]).measure(
        |_| filter.add(Direction::ToServer, "reject with tcp reset"),
        || filter.clear(),
    )
}

fn loss(_: &Scale) -> Result<Figures> {
    let server = Server::start()?;
    let filter = Filter::on(server.port());
    let run = Run::new(|| RedisStore::builder(&server.url()), &[&server]);
    Run { windows: 6, ..run }.measure(
        |_| {
            let some = "numgen random mod 100 < 10 drop";
            filter.add(Direction::ToServer, some)?;
            filter.add(Direction::ToClient, some)
        },
        || filter.clear(),
    )
}

fn slow_but_in_time(_: &Scale) -> Result<Figures> {
    let settings = Settings {
        deadline: Some(Duration::from_secs(1)),
        ..Settings::default()
    };
    let figures = delayed(Duration::from_millis(20), settings)?;
    ensure!(
        figures.healed < Some(Duration::from_secs(1)),
        "a server that answers in time was given up: {figures:?}"
    );
    Ok(figures)
}

fn slow(delay: Duration) -> Result<Figures> {
    delayed(delay, Settings::default())
}

fn delayed(delay: Duration, settings: Settings) -> Result<Figures> {
    let server = Server::start()?;
    let proxy = Proxy::start(server.address())?;
    let run = Run::new(|| RedisStore::builder(&proxy.url()), &[&server]);
    Run {
        direct: RedisStore::builder(&server.url()),
        settings,
        ..run
    }
    .measure(
        |_| {
            proxy.delay(Direction::ToClient, delay);
            Ok(())
        },
        || {
            proxy.heal();
            Ok(())
        },
    )
}
