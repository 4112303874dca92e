//! Scenarios: who asks for how much where, which faults come when, and what must hold.

use std::time::Duration;

use tidegate_core::{Algorithm, Outage, PolicyName, Quota, Rule, Tolerance};

use crate::network::Network;
use crate::world::{Change, Event, MILLI, SECOND, World};

/// A family of scenarios; the seed draws one of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// No faults: G2, G3, G5.
    Healthy,
    /// The store is gone for everybody for a while: G4, G5.
    Outage,
    /// The store loses its data, with and without an outage: G5, G6.
    DataLoss,
    /// Messages are lost, repeated, delayed and reordered all the time: G5.
    Lossy,
}

/// All families.
pub const FAMILIES: [Family; 4] = [
    Family::Healthy,
    Family::Outage,
    Family::DataLoss,
    Family::Lossy,
];

/// A scenario, drawn from a family by a seed.
#[derive(Debug)]
pub struct Scenario {
    /// Its seed.
    pub seed: u64,
    /// Its family.
    pub family: Family,
    /// How many nodes.
    pub nodes: usize,
    /// The policy.
    pub rule: Rule,
    /// When the outage begins and ends, in nanoseconds from the beginning.
    pub outage: (u64, u64),
    /// How long it lasts.
    pub length: u64,
}

impl Scenario {
    /// Draws a scenario.
    pub fn draw(family: Family, seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed ^ 0x5eed);
        let nodes = random.usize(1..=8);
        let limit = [5, 20, 100, 500, 2_000][random.usize(0..5)];
        let window = Duration::from_secs(2);
        let algorithm = match random.u8(0..3) {
            0 => Algorithm::FixedWindow,
            1 => Algorithm::SlidingWindow,
            _ => Algorithm::TokenBucket,
        };
        let tolerance = [0.0, 0.01, 0.05, 0.2][random.usize(0..4)];
        let rule = Rule::new(
            PolicyName::new("simulated").expect("a valid name"),
            Quota::new(limit, window)
                .and_then(|quota| quota.with_algorithm(algorithm))
                .expect("a valid quota"),
        )
        .with_tolerance(Tolerance::from_fraction(tolerance).expect("a fraction"))
        .with_outage(Outage::SHARE);
        let begin = random.u64(3 * SECOND..6 * SECOND);
        let outage = (begin, begin + random.u64(SECOND..9 * SECOND));
        Self {
            seed,
            family,
            nodes,
            rule,
            outage,
            length: 20 * SECOND,
        }
    }

    /// Lets it happen, and looks whether everything held. `Err` says what did not.
    pub fn run(&self, timeline: bool) -> (World, Result<(), String>) {
        let expected = u32::try_from(self.nodes).unwrap_or(u32::MAX);
        let mut world = World::new(
            self.seed,
            self.nodes,
            std::slice::from_ref(&self.rule),
            expected,
        );
        world.timeline = timeline.then(Vec::new);
        let start = world.now;
        self.traffic(&mut world);
        self.faults(&mut world);
        world.run_until(start + self.length);
        let verdict = self.check(&mut world, start);
        (world, verdict)
    }

    /// Requests at one and a half times the limit or more, spread unevenly over the nodes.
    fn traffic(&self, world: &mut World) {
        let mut random = fastrand::Rng::with_seed(self.seed ^ 0x7ea);
        let weights: Vec<f64> = (0..self.nodes).map(|_| random.f64() + 0.02).collect();
        let sum: f64 = weights.iter().sum();
        let per_second =
            self.rule.quota().limit() as f64 / self.rule.quota().window().as_secs_f64();
        let rate = (per_second * (0.5 + 2.5 * random.f64())).min(3_000.0);
        let count = rate * self.length as f64 / 1e9;
        let mut asked = 0.0;
        while asked < count {
            asked += 1.0;
            let mut drawn = random.f64() * sum;
            let node = weights.iter().position(|weight| {
                drawn -= weight;
                drawn <= 0.0
            });
            let cost = if random.u8(0..10) == 0 {
                random.u64(1..=3)
            } else {
                1
            };
            let event = Event::Request {
                node: node.unwrap_or(0),
                subject: 0,
                cost,
            };
            // The last two seconds are quiet, so that everything can converge within a living window.
            world.schedule(random.u64(0..self.length - 2 * SECOND), event);
        }
    }

    fn faults(&self, world: &mut World) {
        let mut random = fastrand::Rng::with_seed(self.seed ^ 0xfa17);
        let healthy = Network::healthy(self.nodes);
        let gone = Network {
            to_store: vec![false; self.nodes],
            from_store: vec![false; self.nodes],
            ..Network::healthy(self.nodes)
        };
        match self.family {
            Family::Healthy => {}
            Family::Outage => {
                world.schedule(self.outage.0, Event::Change(Change::Network(gone)));
                world.schedule(self.outage.1, Event::Change(Change::Network(healthy)));
            }
            Family::DataLoss => {
                if random.bool() {
                    world.schedule(self.outage.0, Event::Change(Change::Network(gone)));
                    world.schedule(self.outage.1, Event::Change(Change::LoseEverything));
                    world.schedule(self.outage.1, Event::Change(Change::Network(healthy)));
                } else {
                    for _ in 0..random.u8(1..4) {
                        let when = random.u64(0..self.length - 3 * SECOND);
                        world.schedule(when, Event::Change(Change::LoseEverything));
                    }
                }
            }
            Family::Lossy => {
                let lossy = Network {
                    loss: random.u16(0..150),
                    duplication: random.u16(0..150),
                    delay: (50_000, random.u64(MILLI..60 * MILLI)),
                    ..healthy.clone()
                };
                world.schedule(0, Event::Change(Change::Network(lossy)));
                world.schedule(
                    self.length - 2 * SECOND,
                    Event::Change(Change::Network(healthy)),
                );
            }
        }
    }

    fn check(&self, world: &mut World, start: u64) -> Result<(), String> {
        self.check_bounds(world, start)?;
        self.check_converged(world)
    }

    fn window(&self) -> u64 {
        u64::try_from(self.rule.quota().window().as_nanos()).unwrap_or(u64::MAX)
    }

    /// G2 while the store answers, G4 in full windows of an outage, 2L in any.
    fn check_bounds(&self, world: &World, start: u64) -> Result<(), String> {
        let (limit, nodes) = (self.rule.quota().limit(), self.nodes as u64);
        let slack = self
            .rule
            .tolerance()
            .slack(limit, u32::try_from(self.nodes).unwrap_or(1));
        let healthy = limit + (nodes - 1) * slack;
        if self.rule.quota().algorithm() == Algorithm::TokenBucket {
            if self.family == Family::Healthy {
                // Messages take up to half a millisecond each way: by so much can true time and the store's differ.
                let jitter = limit * 3 * MILLI / 2 / self.window() + 1;
                return bucket_bound(world, &self.rule, (nodes - 1) * slack + jitter);
            }
            return Ok(());
        }
        for (window, admitted) in world.oracle.by_charged_window(0) {
            let (from, to) = (
                window.saturating_sub(start),
                (window + self.window()).saturating_sub(start),
            );
            let out = self.family != Family::Healthy
                && from < self.outage.1 + 1_500 * MILLI
                && to > self.outage.0;
            let full = from >= self.outage.0 + SECOND && to <= self.outage.1;
            let bound = match self.family {
                Family::Healthy => healthy,
                Family::Outage if full => limit + nodes,
                Family::Outage if !out => healthy,
                Family::DataLoss | Family::Lossy | Family::Outage => {
                    2 * limit + nodes * (slack + 1)
                }
            };
            if admitted > bound {
                return Err(format!(
                    "window at {:.3} s: {admitted} admitted, bound {bound} (L {limit}, N {nodes}, q {slack})",
                    from as f64 / 1e9
                ));
            }
        }
        Ok(())
    }

    /// G5, G6: for every window still alive, the store's total is what the nodes admitted.
    fn check_converged(&self, world: &mut World) -> Result<(), String> {
        if self.rule.quota().algorithm() == Algorithm::TokenBucket {
            return Ok(());
        }
        let now = world.now;
        let record = world.store.record(0, &self.rule, now);
        let charged = world.oracle.by_charged_window(0);
        let current = record.usage().at().as_nanos();
        for (window, total) in [
            (current, record.usage().current()),
            (current - self.window(), record.usage().previous()),
        ] {
            let admitted = charged.get(&window).copied().unwrap_or(0);
            if admitted != total {
                return Err(format!(
                    "the store counts {total} in the window at {window}, {admitted} were admitted"
                ));
            }
        }
        Ok(())
    }
}

/// Token bucket: at most `burst + d / T + extra` in every interval d.
fn bucket_bound(world: &World, rule: &Rule, extra: u64) -> Result<(), String> {
    let quota = rule.quota();
    let window = quota.window().as_nanos();
    // The largest excess over the allowed rate ending at each admission: a running maximum, scaled by the window.
    let (mut lowest, mut sum) = (0i128, 0i128);
    for admission in &world.oracle.admitted {
        let flowed = i128::from(admission.at) * i128::from(quota.limit());
        let before = sum * i128::try_from(window).unwrap_or(1) - flowed;
        lowest = lowest.min(before);
        if sum == 0 {
            lowest = before;
        }
        sum += i128::from(admission.cost);
        let excess = sum * i128::try_from(window).unwrap_or(1) - flowed - lowest;
        let bound = i128::from(quota.capacity() + extra) * i128::try_from(window).unwrap_or(1);
        if excess > bound {
            let over = excess / i128::try_from(window).unwrap_or(1);
            return Err(format!(
                "an interval that ends at {} admitted {over} over its rate, burst {} and {extra} more are allowed",
                admission.at,
                quota.capacity()
            ));
        }
    }
    Ok(())
}
