//! Several servers: Sentinels that choose another primary, and clusters whose slots move or are lost.

use std::cell::Cell;
use std::time::Duration;

use anyhow::{Context, Result};
use tidegate_store_redis::{Builder, RedisStore};
use tidegate_test_servers::{Cluster, Sentinels, Server};

use super::{Proof, Row, Scale};
use crate::figures::Figures;
use crate::run::Run;
use crate::scene::{CLIENT, Settings};

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "failover",
        about: "the primary is killed, Sentinels promote its replica",
        proof: Proof::Made(failover),
    },
    Row {
        name: "slot-moved",
        about: "the client's slot moves (ASK, TRYAGAIN, MOVED)",
        proof: Proof::Made(slot_moved),
    },
    Row {
        name: "member-lost",
        about: "the member with the client's slot hangs",
        proof: Proof::Made(member_lost),
    },
    Row {
        name: "member-lost-others",
        about: "a lost member takes only its own subjects with it, however little else is asked",
        proof: Proof::Tests(&[(
            "tests/faults/tests/tiered_cluster.rs",
            "l1_a_lost_member_takes_only_its_own_subjects_with_it_and_all_of_them_the_node",
        )]),
    },
    Row {
        name: "member-lost-exact",
        about: "a lost member takes only its own subjects with it, without a tiered store",
        proof: Proof::Tests(&[
            (
                "tests/servers/tests/cluster.rs",
                "l1_a_lost_server_takes_only_its_own_subjects_with_it",
            ),
            (
                "tests/servers/tests/cluster.rs",
                "g1_a_slot_that_moves_counts_every_call_once",
            ),
            (
                "tests/servers/tests/sentinel.rs",
                "l3_a_failover_is_followed",
            ),
        ]),
    },
];

/// Moving a slot holds its servers up for a moment; that is not what is measured.
const PATIENT: Settings = Settings {
    clocks: [crate::skewed::Skew::None; crate::scene::NODES],
    deadline: Some(Duration::from_millis(500)),
    strangers: None,
};

fn failover(_: &Scale) -> Result<Figures> {
    let trio = Sentinels::start()?;
    let addresses: Vec<String> = trio
        .sentinels()
        .iter()
        .map(|sentinel| sentinel.address().to_string())
        .collect();
    let url = format!(
        "redis+sentinel://{}/{}",
        addresses.join(","),
        Sentinels::NAME
    );
    let run = Run::new(|| RedisStore::builder(&url), &[]);
    Run { windows: 1, ..run }.measure(|_| trio.fail_over().map(drop), || Ok(()))
}

fn builder(cluster: &Cluster) -> Builder {
    RedisStore::builder(&cluster.urls().join(","))
}

/// Once the traffic has begun.
fn slot(cluster: &Cluster) -> Result<u16> {
    for server in cluster.servers() {
        for key in server.admin().keys()? {
            if String::from_utf8_lossy(&key).contains(CLIENT) {
                return cluster.slot_of(&key);
            }
        }
    }
    None.context("the client has no records")
}

fn slot_moved(_: &Scale) -> Result<Figures> {
    let cluster = Cluster::start()?;
    let servers: Vec<&Server> = cluster.servers().iter().collect();
    let run = Run::new(|| builder(&cluster), &servers);
    Run {
        settings: PATIENT,
        ..run
    }
    .measure(
        |_| {
            let slot = slot(&cluster)?;
            for _ in 0..3 {
                let from = cluster.owner_of(slot)?;
                let moving = cluster.begin_move(slot, (from + 1) % servers.len())?;
                moving.keys(1)?;
                moving.finish()?;
            }
            Ok(())
        },
        || Ok(()),
    )
}

fn member_lost(_: &Scale) -> Result<Figures> {
    let cluster = Cluster::start()?;
    let servers: Vec<&Server> = cluster.servers().iter().collect();
    let lost = Cell::new(0);
    Run::new(|| builder(&cluster), &servers).measure(
        |_| {
            lost.set(cluster.owner_of(slot(&cluster)?)?);
            servers[lost.get()].freeze()
        },
        || servers[lost.get()].thaw(),
    )
}
