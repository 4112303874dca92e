//! Three demo servers and their Redis, and what happens to them.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tidegate_test_servers::wait::{State, until};
use tidegate_test_servers::{Direction, Proxy, Server};

use super::traffic::{WINDOW, until_window_half_over};
use crate::support::Demo;

pub(super) const NODES: usize = 3;

/// Where a node is asked; nowhere while it is being started.
pub(super) type Door = Arc<Mutex<Option<SocketAddr>>>;

pub(super) struct Scene {
    redis: Server,
    /// The way by which the last node reaches Redis.
    way: Proxy,
    flags: Vec<String>,
    nodes: Vec<Demo>,
    pub(super) doors: [Door; NODES],
}

impl Scene {
    pub(super) fn start(algorithm: &str, limit: u64) -> Self {
        let redis = Server::start().unwrap();
        let way = Proxy::start(redis.address()).unwrap();
        let window = format!("{}s", WINDOW.as_secs());
        let (limit, nodes) = (limit.to_string(), NODES.to_string());
        let flags = [
            ["--store", "tiered"],
            ["--limit", &limit],
            ["--window", &window],
            ["--expected-nodes", &nodes],
            ["--algorithm", algorithm],
        ];
        let mut scene = Self {
            redis,
            way,
            flags: flags
                .as_flattened()
                .iter()
                .map(|flag| (*flag).to_owned())
                .collect(),
            nodes: Vec::new(),
            doors: std::array::from_fn(|_| Door::default()),
        };
        for node in 0..NODES {
            let demo = scene.demo(node);
            *scene.doors[node].lock().unwrap() = Some(demo.address);
            scene.nodes.push(demo);
        }
        scene
    }

    fn demo(&self, node: usize) -> Demo {
        let url = if node + 1 == NODES {
            self.way.url()
        } else {
            self.redis.url()
        };
        let mut flags: Vec<&str> = self.flags.iter().map(String::as_str).collect();
        flags.extend(["--redis", &url]);
        Demo::start("axum", &flags)
    }

    /// Waits until every node reaches Redis, and knows the others.
    pub(super) fn wait_for_nodes(&mut self) {
        let all = format!("tidegate_nodes {NODES}");
        let shown = |demo: &Demo| {
            let metrics = demo.get("/metrics").body;
            metrics.lines().any(|line| line == all)
                && metrics.lines().any(|line| line == "tidegate_partitioned 0")
        };
        until("all nodes are connected", || {
            Ok(State::of(self.nodes.iter().all(shown), String::new))
        })
        .unwrap();
    }

    pub(super) fn freeze(&mut self) {
        self.redis.freeze().unwrap();
    }

    pub(super) fn kill(&mut self) {
        self.redis.kill();
    }

    /// The first node is stopped, and another one comes in its place, which has heard of nobody.
    pub(super) fn start_a_node_anew(&mut self) {
        *self.doors[0].lock().unwrap() = None;
        self.nodes[0] = self.demo(0);
        *self.doors[0].lock().unwrap() = Some(self.nodes[0].address);
    }

    pub(super) fn come_back(&mut self) {
        self.redis.start_again().unwrap();
    }

    pub(super) fn flush(&mut self) {
        until_window_half_over();
        self.redis.admin().flush_all().unwrap();
    }

    /// Packets between the last node and Redis vanish, both ways.
    pub(super) fn cut_off(&mut self) {
        self.way.hold(Direction::ToServer);
        self.way.hold(Direction::ToClient);
    }
}
