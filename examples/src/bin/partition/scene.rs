//! The Redis that the nodes share, the phases of the measurement, and what happens at the beginning of each.

use anyhow::Result;
use tidegate_test_servers::{Direction, Proxy, Server};

use crate::limiter::NODES;

/// A Redis, and the way by which the last of the nodes reaches it.
pub(crate) struct Scene {
    server: Server,
    way: Proxy,
}

impl Scene {
    pub(crate) fn start() -> Result<Self> {
        let server = Server::start()?;
        let way = Proxy::start(server.address())?;
        Ok(Self { server, way })
    }

    /// Where each node finds Redis.
    pub(crate) fn urls(&self) -> [String; NODES] {
        [self.server.url(), self.server.url(), self.way.url()]
    }
}

/// One phase: what happens to Redis at its beginning.
pub(crate) struct Phase {
    pub(crate) name: &'static str,
    pub(crate) begin: fn(&Scene) -> Result<()>,
}

pub(crate) const PHASES: &[Phase] = &[
    Phase {
        name: "healthy",
        begin: |_| Ok(()),
    },
    Phase {
        name: "frozen",
        begin: |scene| scene.server.freeze(),
    },
    Phase {
        name: "refused",
        begin: kill,
    },
    Phase {
        name: "back, empty",
        begin: |scene| scene.server.start_again(),
    },
    Phase {
        name: "emptied",
        begin: |scene| scene.server.admin().flush_all(),
    },
    Phase {
        name: "cut off from one node",
        begin: cut_off,
    },
];

fn kill(scene: &Scene) -> Result<()> {
    scene.server.kill();
    Ok(())
}

/// Packets vanish both ways.
fn cut_off(scene: &Scene) -> Result<()> {
    scene.way.hold(Direction::ToServer);
    scene.way.hold(Direction::ToClient);
    Ok(())
}
