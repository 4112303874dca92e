//! Traffic: how many requests come, and to which node.

use tidegate_core::Rule;

use crate::event::Event;
use crate::family::Family;
use crate::scenario::nanos;
use crate::time::{MILLI, SECOND};

/// The most requests of a run: a run must be quick, and bounds do not get weaker with time.
const MOST: f64 = 6_000.0;

/// Who asks, how often, and where.
#[derive(Clone, Debug)]
pub struct Traffic {
    /// How many requests there are.
    pub count: usize,
    /// Until when they come.
    pub until: u64,
    /// How many subjects share them; the first has half of all.
    pub subjects: u32,
    /// Whether some requests cost more than one unit.
    pub mixed_costs: bool,
    /// When each distribution over the nodes begins to hold.
    pub phases: Vec<(u64, Vec<f64>)>,
}

impl Traffic {
    /// Between half of the limit and three times as much, or a tenth of that.
    pub fn draw(
        family: Family,
        nodes: usize,
        rule: &Rule,
        until: u64,
        random: &mut fastrand::Rng,
    ) -> Self {
        let per_second = rule.quota().limit() as f64 / rule.quota().window().as_secs_f64();
        let mut rate = per_second * (0.5 + 2.5 * random.f64());
        // Now and then so little that nodes hear nothing of the subject for long.
        if family == Family::StoreClock && random.u8(0..3) == 0 {
            rate /= 10.0;
        }
        let count = (rate * until as f64 / 1e9).clamp(1.0, MOST);
        let window = nanos(rule.quota().window());
        let mut phases = vec![(0, weights(nodes, random))];
        if family == Family::Idle {
            phases = pauses(nodes, (window, until), random);
        } else if random.bool() {
            let mut at = 0;
            loop {
                at += random.u64(window / 2..window * 4);
                if at >= until {
                    break;
                }
                phases.push((at, weights(nodes, random)));
            }
        }
        Self {
            // At least 1 and at most MOST.
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            count: count as usize,
            until,
            subjects: match family {
                Family::Flood => random.u32(50..400),
                _ => 1,
            },
            mixed_costs: random.u8(0..3) == 0,
            phases,
        }
    }

    /// Whether the traffic stays where it is.
    pub fn is_steady(&self) -> bool {
        self.phases.len() == 1
    }

    /// All requests, each with its time after the start.
    pub fn requests(&self, seed: u64) -> Vec<(u64, Event)> {
        let mut random = fastrand::Rng::with_seed(seed ^ 0x7ea);
        // The first moments are the registrations': whatever comes before them is decided by the node's own clock.
        let times = 30 * MILLI..self.until.max(SECOND);
        (0..self.count)
            .filter_map(|_| {
                let at = random.u64(times.clone());
                Some((at, self.request(at, &mut random)?))
            })
            .collect()
    }

    /// None in a pause.
    fn request(&self, at: u64, random: &mut fastrand::Rng) -> Option<Event> {
        let phase = self.phases.iter().rfind(|(from, _)| *from <= at);
        let weights = phase.map_or(&[][..], |(_, weights)| weights);
        let all = weights.iter().sum::<f64>();
        if all <= 0.0 {
            return None;
        }
        let mut drawn = random.f64() * all;
        let node = weights.iter().position(|weight| {
            drawn -= weight;
            *weight > 0.0 && drawn <= 0.0
        });
        let costly = self.mixed_costs && random.u8(0..10) == 0;
        let others = self.subjects > 1 && random.bool();
        Some(Event::Request {
            node: node.unwrap_or(0),
            subject: if others {
                random.u32(1..self.subjects)
            } else {
                0
            },
            cost: if costly { random.u64(1..=3) } else { 1 },
        })
    }
}

/// Uneven: a few nodes can have nearly everything.
fn weights(nodes: usize, random: &mut fastrand::Rng) -> Vec<f64> {
    let power = random.i32(0..4);
    (0..nodes)
        .map(|_| random.f64().powi(power) + 0.005)
        .collect()
}

/// Some nodes are asked for a while, and then others or none, for so long that a node forgets what it was not asked for.
fn pauses(
    nodes: usize,
    (window, until): (u64, u64),
    random: &mut fastrand::Rng,
) -> Vec<(u64, Vec<f64>)> {
    let (mut at, mut phases) = (0, Vec::new());
    while at < until {
        phases.push((at, some(weights(nodes, random), random)));
        at += random.u64(window / 4..window * 2);
        let meanwhile = if random.bool() {
            vec![0.0; nodes]
        } else {
            some(weights(nodes, random), random)
        };
        phases.push((at, meanwhile));
        // A view that denies is refreshed a second later; and a bucket may owe what the others use.
        at += random.u64(2 * window..4 * window) + 1_500 * MILLI;
    }
    phases
}

/// The half of the nodes, about.
fn some(mut weights: Vec<f64>, random: &mut fastrand::Rng) -> Vec<f64> {
    for weight in &mut weights {
        if random.bool() {
            *weight = 0.0;
        }
    }
    weights
}
