//! Scenarios: who asks for how much where, and which faults come when. A family and a seed decide everything.

use std::time::Duration;

use tidegate_core::{Algorithm, Outage, PolicyName, Quota, Rule, Tolerance};

use crate::event::Event;
use crate::family::Family;
use crate::fault::{Fault, Kind};
use crate::invariants::{self, Run, Violation};
use crate::time::{MILLI, SECOND};
use crate::timeline::Timeline;
use crate::traffic::Traffic;
use crate::world::World;

/// By when everything is healed after the last fault: the backoff's cap, D for the probe that was under way and for
/// the one that is answered, and the second in which shares still hold.
pub const HEALING: u64 = 6_500 * MILLI;
/// The silence at the end in which nothing is decided and everything is reported.
const SILENCE: u64 = 1_300 * MILLI;

/// A scenario, drawn from a family by a seed.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub seed: u64,
    pub family: Family,
    pub nodes: usize,
    /// How many nodes each is told to expect.
    pub expected: u32,
    /// The policies of every request.
    pub rules: Vec<Rule>,
    pub traffic: Traffic,
    pub faults: Vec<Fault>,
    /// When it ends.
    pub length: u64,
    /// By how many millionths the nodes' clocks may be fast or slow.
    pub drift: i64,
    /// Whether the store is cut off for good when everything else is over, so that an idle subject must be admitted
    /// without it.
    pub ends_cut_off: bool,
}

impl Scenario {
    /// Draws a scenario.
    pub fn draw(family: Family, seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed ^ 0x5eed);
        let nodes = match family {
            Family::Healthy => random.usize(1..=32),
            Family::Membership => random.usize(2..=8),
            _ => random.usize(1..=8),
        };
        let rules = draw_rules(family, &mut random);
        let faults = family.faults(nodes, &mut random);
        let quiet = quiet_from(&faults);
        let window = nanos(rules[0].quota().window());
        let healing = if faults.is_empty() {
            3 * SECOND
        } else {
            HEALING
        };
        let lives = if family == Family::Idle { 16 } else { 0 };
        let length = quiet + healing + (2 + lives) * window + random.u64(0..window) + SILENCE;
        let expected = if random.u8(0..4) == 0 { 1 } else { nodes };
        Self {
            seed,
            family,
            nodes,
            expected: u32::try_from(expected).unwrap_or(u32::MAX),
            traffic: Traffic::draw(family, nodes, &rules[0], length - SILENCE, &mut random),
            rules,
            faults,
            length,
            drift: random.i64(0..100),
            ends_cut_off: random.bool(),
        }
    }

    /// When the last fault is over.
    pub fn quiet(&self) -> u64 {
        quiet_from(&self.faults)
    }

    /// Lets it happen, and says which guarantee did not hold, if any.
    pub fn run(&self, record: bool) -> (World, Result<(), Violation>) {
        let mut world = World::new(
            self.seed,
            (self.nodes, self.expected),
            &self.rules,
            &self.faults,
        );
        if record {
            world.timeline = Timeline::recording();
        }
        world.subjects = self.traffic.subjects;
        world.forgets = self.family == Family::Idle;
        world.start_clocks(self.drift);
        for (at, event) in self.traffic.requests(self.seed) {
            world.schedule(at, event);
        }
        let healed = self.quiet() + HEALING - SECOND;
        world.schedule(healed, Event::MustBeHealed);
        world.run_until(world.start + self.length);
        world.compare_totals();
        world.rest(self.ends_cut_off);
        let run = Run {
            scenario: self,
            world: &world,
        };
        let verdict = invariants::check(&run);
        (world, verdict)
    }

    /// A policy's slack q if all nodes know N.
    pub fn slack(&self, rule: &Rule) -> u64 {
        slack(rule, self.nodes)
    }

    /// The slack of nodes that do not know of each other yet: each reckons with one other.
    pub fn slack_of_strangers(&self, rule: &Rule) -> u64 {
        slack(rule, self.nodes.min(2))
    }

    /// The faults that overlap a stretch of time.
    pub fn faults_within(&self, from: u64, to: u64) -> impl Iterator<Item = &Fault> {
        self.faults
            .iter()
            .filter(move |fault| fault.from <= to && fault.to >= from)
    }

    /// The command that runs it again.
    pub fn replay(&self) -> String {
        if self.family == Family::of(self.seed) {
            format!("cargo xtask sim --seed {}", self.seed)
        } else {
            format!(
                "cargo xtask sim --scenario {} --seed {}",
                self.family, self.seed
            )
        }
    }
}

/// A policy's slack q among so many nodes, reckoned anew: what is under test is not asked how much it may.
pub fn slack(rule: &Rule, nodes: usize) -> u64 {
    let (limit, others) = (rule.quota().limit(), nodes.saturating_sub(1) as u64);
    // In millionths, at most 1 000 000.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let tolerance = (rule.tolerance().as_fraction() * 1e6).round() as u64;
    let together = limit * tolerance / 1_000_000;
    match (tolerance, others) {
        (0, _) => 0,
        (_, 0) => limit,
        _ if together < others => u64::from(others * 10 <= limit),
        _ => together / others,
    }
}

/// A duration as true time.
pub fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn quiet_from(faults: &[Fault]) -> u64 {
    let ends = faults.iter().map(|fault| match fault.kind {
        // Who has left for good has left.
        Kind::Away(_) if fault.to > 1_000 * SECOND => fault.from,
        _ => fault.to,
    });
    ends.max().unwrap_or(0)
}

fn draw_rules(family: Family, random: &mut fastrand::Rng) -> Vec<Rule> {
    let limit = [3, 5, 20, 100, 300][random.usize(0..5)];
    let window = Duration::from_secs(random.u64(1..=2));
    let algorithm = match random.u8(0..3) {
        0 => Algorithm::FixedWindow,
        1 => Algorithm::SlidingWindow,
        _ => Algorithm::TokenBucket,
    };
    let tolerance = [0.0, 0.01, 0.05, 0.2][random.usize(0..4)];
    let mut rules = vec![rule("short", (limit, window), algorithm, tolerance)];
    // Corrupt records would have to be told apart by policy.
    if random.u8(0..5) == 0 && family != Family::Corrupt {
        let long = (limit * 3, window * 2);
        rules.push(rule("long", long, Algorithm::FixedWindow, tolerance));
    }
    rules
}

fn rule(
    name: &'static str,
    (limit, window): (u64, Duration),
    algorithm: Algorithm,
    tolerance: f64,
) -> Rule {
    let quota = Quota::new(limit, window).and_then(|quota| quota.with_algorithm(algorithm));
    Rule::new(
        PolicyName::new(name).expect("a valid name"),
        quota.expect("a valid quota"),
    )
    .with_tolerance(Tolerance::from_fraction(tolerance).expect("a fraction"))
    .with_outage(Outage::SHARE)
}
