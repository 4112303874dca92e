//! What came out: a table with ratios against the goals, and JSON.

use serde::Serialize;

use super::measure::Figures;
use crate::memory::Needs;
use crate::statistics::{median, ratio};

/// Everything that was measured.
#[derive(Default, Serialize)]
pub struct Report {
    speed: Vec<Speed>,
    memory: Vec<Memory>,
}

/// One case: the same requests to all contestants.
#[derive(Serialize)]
struct Speed {
    workload: &'static str,
    answer: &'static str,
    threads: usize,
    contestants: Vec<Contestant>,
    /// tidegate's nanoseconds by governor's, the median of the rounds' ratios; with several threads the inverse, which
    /// is that of the throughputs.
    ratio: f64,
    goal: f64,
    met: bool,
}

#[derive(Serialize)]
struct Contestant {
    name: &'static str,
    /// From one answer to the next, all threads together: the median of the rounds.
    nanos: f64,
    /// Of the rounds.
    fastest: f64,
    slowest: f64,
    /// Million answers in a second, all threads together.
    mops: f64,
}

#[derive(Serialize)]
struct Memory {
    name: &'static str,
    bytes_per_key: f64,
    most_bytes_per_key: f64,
    allocations_per_10_000_known: usize,
}

/// The most bytes that tidegate may need for a key.
const BYTES_GOAL: f64 = 80.0;

impl Report {
    /// Adds a case, and prints it. The first contestant is held against the second.
    pub fn add(
        &mut self,
        workload: &'static str,
        answer: &'static str,
        threads: usize,
        figures: &[Figures],
    ) {
        let [own, peer, ..] = figures else { return };
        let ratio = match threads {
            1 => ratio(&own.nanos, &peer.nanos),
            _ => ratio(&peer.nanos, &own.nanos),
        };
        let goal = goal(workload, threads);
        let met = if threads == 1 {
            ratio <= goal
        } else {
            ratio >= goal
        };
        let speed = Speed {
            workload,
            answer,
            threads,
            contestants: figures.iter().map(Contestant::new).collect(),
            ratio,
            goal,
            met,
        };
        speed.print();
        self.speed.push(speed);
    }

    /// Adds what a contestant needs, and prints it.
    pub fn add_memory(&mut self, name: &'static str, needs: &Needs) {
        println!(
            "{name:<22} {:>6.1} bytes a key at a million keys, at most {:.1} on the way; \
             {} allocations by 10000 requests of known keys",
            needs.bytes_per_key, needs.most_bytes_per_key, needs.allocations,
        );
        self.memory.push(Memory {
            name,
            bytes_per_key: needs.bytes_per_key,
            most_bytes_per_key: needs.most_bytes_per_key,
            allocations_per_10_000_known: needs.allocations,
        });
    }

    /// What the table's columns are.
    pub fn print_heading(&self, names: &[&str]) {
        print!("{:<8} {:<8} {:>7}", "keys", "answer", "threads");
        for name in names {
            print!("  {name:>22}");
        }
        println!("  {:>6}  {:>7}", "ratio", "goal");
    }

    /// How many of tidegate's goals were missed.
    pub fn missed(&self) -> usize {
        let speed = self.speed.iter().filter(|speed| !speed.met).count();
        // The first contestant is tidegate.
        let memory = self.memory.iter().take(1).filter(|memory| {
            memory.most_bytes_per_key > BYTES_GOAL || memory.allocations_per_10_000_known > 0
        });
        speed + memory.count()
    }
}

impl Speed {
    fn print(&self) {
        print!(
            "{:<8} {:<8} {:>7}",
            self.workload, self.answer, self.threads
        );
        for contestant in &self.contestants {
            print!(
                "  {:>6.1} ns  {:>5.1} Mops",
                contestant.nanos, contestant.mops
            );
        }
        let relation = if self.threads == 1 { "<=" } else { ">=" };
        let missed = if self.met { "" } else { "  missed" };
        println!(
            "  {:>6.2}  {relation} {:>4.2}{missed}",
            self.ratio, self.goal
        );
    }
}

impl Contestant {
    fn new(figures: &Figures) -> Self {
        let nanos = median(&figures.nanos);
        Self {
            name: figures.name,
            nanos,
            fastest: figures.nanos.iter().copied().fold(f64::INFINITY, f64::min),
            slowest: figures.nanos.iter().copied().fold(0.0, f64::max),
            mops: 1e3 / nanos,
        }
    }
}

/// On one thread, the largest part of governor's time that tidegate may take; on more, the smallest multiple of its
/// throughput that it must reach.
fn goal(workload: &str, threads: usize) -> f64 {
    match (workload, threads) {
        ("hot", 1) => 1.0,
        ("uniform", 1) => 0.8,
        ("zipf", 1) => 0.6,
        ("hot", _) => 1.5,
        _ => 1.2,
    }
}
