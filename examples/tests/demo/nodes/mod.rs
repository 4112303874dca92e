//! Three nodes share a limit through a Redis that freezes, dies, comes back empty, is emptied, and is out of reach of one of
//! them: the real programs, asked over HTTP for three times what they may admit. `--nocapture` shows the figures:
//!
//! `cargo test --release --package tidegate-examples --test demo nodes -- --nocapture`

mod figures;
mod scene;
mod traffic;

use std::ops::Range;

use figures::{Figures, table};
use scene::{NODES, Scene};
use traffic::{Traffic, until_window, window_now};

/// What all nodes together may admit in a window.
const LIMIT: u64 = 100;
/// So many requests a second to each node: three times the limit.
const EVEN: [u32; NODES] = [100; NODES];
/// The same, of which one node gets a twentieth.
const UNEVEN: [u32; NODES] = [143, 142, 15];

/// What a phase may admit of the limit.
#[derive(Clone, Copy)]
enum Promise {
    /// G2: the limit and its tolerance, which is one request for each other node here.
    Connected,
    /// G4: the limit, and a request for each node, since shares are rounded up.
    Outage,
    /// G4: the limit again at most, for the windows in which nodes come back.
    Return,
    /// G4: the limit, and one node's share of it.
    CutOff,
}

struct Phase {
    name: &'static str,
    /// What happens when it begins.
    begin: fn(&mut Scene),
    /// Which windows of it are measured: 0 is the one in which it begins.
    windows: Range<u64>,
    promise: Promise,
}

const PHASES: [Phase; 8] = [
    phase("healthy", |_| {}, 1..4, Promise::Connected),
    phase("Redis hangs", Scene::freeze, 1..4, Promise::Outage),
    phase("Redis is killed", Scene::kill, 1..4, Promise::Outage),
    phase(
        "a node starts meanwhile",
        Scene::start_a_node_anew,
        1..3,
        Promise::Outage,
    ),
    phase(
        "Redis comes back, empty",
        Scene::come_back,
        1..3,
        Promise::Return,
    ),
    phase(
        "all are back",
        Scene::wait_for_nodes,
        1..3,
        Promise::Connected,
    ),
    phase(
        "FLUSHALL in mid-window",
        Scene::flush,
        0..2,
        Promise::Connected,
    ),
    phase("one node is cut off", Scene::cut_off, 1..4, Promise::CutOff),
];

const fn phase(
    name: &'static str,
    begin: fn(&mut Scene),
    windows: Range<u64>,
    promise: Promise,
) -> Phase {
    Phase {
        name,
        begin,
        windows,
        promise,
    }
}

/// Nobody is ever told anything but 200 and 429, and each phase keeps its promise.
fn g4_the_limit_holds_through(phases: &[Phase], algorithm: &str, rates: [u32; NODES]) {
    let mut scene = Scene::start(algorithm, LIMIT);
    scene.wait_for_nodes();
    let traffic = Traffic::start(&scene.doors, rates);
    // A token bucket's first window has its burst too, and shares follow the last finished window.
    until_window(window_now() + 3);
    let mut all = Vec::new();
    for phase in phases {
        (phase.begin)(&mut scene);
        let begun = window_now();
        let windows = begun + phase.windows.start..begun + phase.windows.end;
        until_window(windows.end);
        let figures = Figures::of(&traffic.samples(), windows);
        all.push((phase, figures));
    }
    println!("{algorithm}, {rates:?} requests a second\n{}", table(&all));
    for (phase, figures) in &all {
        figures.assert_only_answers(phase.name);
        figures.assert_kept(phase, algorithm == "fixed-window");
    }
}

#[test]
fn g4_nodes_keep_a_fixed_window() {
    g4_the_limit_holds_through(&PHASES, "fixed-window", EVEN);
}

#[test]
fn g4_nodes_keep_a_sliding_window() {
    g4_the_limit_holds_through(&PHASES, "sliding-window", EVEN);
}

#[test]
fn g4_nodes_keep_a_token_bucket() {
    g4_the_limit_holds_through(&PHASES, "token-bucket", EVEN);
}

#[test]
fn g4_nodes_keep_a_limit_of_which_one_needs_little() {
    g4_the_limit_holds_through(&PHASES[..3], "fixed-window", UNEVEN);
}
