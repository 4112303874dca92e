//! Random histories of several nodes and direct calls, call by call against `core`, which is the specification.

use tidegate_core::shared::{NodeId, Record, Reply, Report, sync};
use tidegate_core::{Algorithm, Decision, Rule, Timestamp, Usage, decide, give_back, look};

use super::super::{ALGORITHMS, LONG, check, moment, rule};
use super::player::{NODES, Player, nothing};
use super::{Checked, Nodes, Violation};
use crate::Request;

const STEPS: u32 = 150;

/// The policies of a history: their number.
const RULES: usize = 2;

/// What the store may hold: a record for each policy.
type World = [Record; RULES];

pub(super) async fn agrees_with_core_on_random_histories(nodes: &Nodes<'_>) -> Checked {
    // A fixed seed: the suite says the same of the same store.
    let mut random = fastrand::Rng::with_seed(0x7379_6e63);
    for (index, algorithm) in ALGORITHMS.into_iter().enumerate() {
        let short = nodes.bench.clock.window();
        for (window, shadow) in [(LONG, false), (LONG, true), (short, false)] {
            let rules = [
                rule("history-a", 40, window, algorithm)?,
                rule("history-b", 25, window, ALGORITHMS[(index + 1) % 3])?.with_shadow(shadow),
            ];
            let subject = format!("{index} {window:?} {shadow}");
            let mut history = History::begin(nodes, &subject, rules).await?;
            for step in 0..STEPS {
                history
                    .step(&mut random)
                    .await
                    .map_err(|Violation(seen)| Violation(format!("step {step}, {seen}")))?;
            }
        }
    }
    Ok(())
}

/// A subject's history: the nodes, and every state that the store may be in by what it has answered so far.
struct History<'a> {
    nodes: &'a Nodes<'a>,
    subject: &'a str,
    rules: [Rule; RULES],
    players: Vec<[Player; RULES]>,
    /// Reports that were sent and have not arrived.
    delayed: Vec<(NodeId, [Report; RULES], u64)>,
    charged: Option<(u64, Decision)>,
    worlds: Vec<World>,
    /// When the store last answered.
    now: Timestamp,
}

impl<'a> History<'a> {
    async fn begin(
        nodes: &'a Nodes<'a>,
        subject: &'a str,
        rules: [Rule; RULES],
    ) -> Result<Self, Violation> {
        let mut history = Self {
            nodes,
            subject,
            rules,
            players: Vec::new(),
            delayed: Vec::new(),
            charged: None,
            worlds: vec![World::default()],
            now: Timestamp::EPOCH,
        };
        for node in NODES {
            let reports = rules.map(|rule| nothing(&rule));
            let replies = history.tell(node, reports, 0).await?;
            let mut parts = rules.iter().zip(&replies);
            let mut part = || {
                let (rule, reply) = parts.next()?;
                Some(Player::new(
                    rule,
                    tidegate_core::shared::Totals::default(),
                    reply,
                ))
            };
            if let (Some(one), Some(other)) = (part(), part()) {
                history.players.push([one, other]);
            }
        }
        Ok(history)
    }

    async fn step(&mut self, random: &mut fastrand::Rng) -> Checked {
        if random.u8(..) < 24 {
            let part = random.f64() * random.f64();
            let clock = self.nodes.bench.clock;
            clock.advance(clock.window().mul_f64(part)).await;
        }
        match random.u8(..) {
            0..50 => self.acquire(random.u64(0..6)).await,
            50..60 => self.peek(random.u64(0..30)).await,
            60..75 => self.refund().await,
            75..78 => self.reset().await,
            78..110 if !self.delayed.is_empty() => {
                let (node, reports, want) =
                    self.delayed.swap_remove(random.usize(..self.delayed.len()));
                // The answer comes too late for anybody to listen.
                self.tell(node, reports, want).await.map(drop)
            }
            _ => self.report(random).await,
        }
    }

    /// A node has used some, gives some back, and reports: at once, later, twice, or without hearing the answer.
    async fn report(&mut self, random: &mut fastrand::Rng) -> Checked {
        let who = random.usize(..self.players.len());
        let used = random.u64(0..4);
        for player in &mut self.players[who] {
            let totals = &mut player.current;
            totals.local += used;
            if random.u8(..) < 30 {
                totals.returned += random.u64(0..=totals.net().min(2));
            }
        }
        let want = if random.bool() { 0 } else { random.u64(0..8) };
        let player = &self.players[who];
        let reports: [Report; RULES] =
            std::array::from_fn(|part| player[part].report(&self.rules[part]));
        match random.u8(..) {
            0..50 => {
                self.delayed.push((NODES[who], reports, want));
                return Ok(());
            }
            50..80 => self.delayed.push((NODES[who], reports, want)),
            _ => {}
        }
        let replies = self.tell(NODES[who], reports, want).await?;
        if random.u8(..) > 50 {
            for ((player, rule), reply) in
                self.players[who].iter_mut().zip(&self.rules).zip(&replies)
            {
                player.hear(rule, reply);
            }
        }
        Ok(())
    }

    async fn tell(
        &mut self,
        node: NodeId,
        reports: [Report; RULES],
        want: u64,
    ) -> Result<Vec<Reply>, Violation> {
        let parts: [(Rule, Report); RULES] =
            std::array::from_fn(|part| (self.rules[part], reports[part]));
        let replies = self.nodes.sync(node, self.subject, &parts, want).await?;
        let now = replies[0].now;
        let rules = self.rules;
        self.narrow(
            now,
            &format!("a report of {reports:?} that wants {want}"),
            &replies,
            |world| sync(world, &rules, &reports, node, want, now),
        )?;
        Ok(replies)
    }

    async fn acquire(&mut self, cost: u64) -> Checked {
        let request = Request::new(self.subject, &self.rules).with_cost(cost);
        let answer = self.nodes.store.acquire(&request).await?;
        let (rules, now) = (self.rules, answer.at());
        self.narrow(
            now,
            &format!("acquire of {cost}"),
            &said(&answer),
            |world| {
                let mut usages = usages(world);
                let expected = decide(&rules, &mut usages, cost, now);
                set_usages(world, &rules, usages, now);
                said(&expected)
            },
        )?;
        self.charged = Some((cost, answer));
        Ok(())
    }

    async fn peek(&mut self, cost: u64) -> Checked {
        let request = Request::new(self.subject, &self.rules).with_cost(cost);
        let answer = self.nodes.store.peek(&request).await?;
        let (rules, now) = (self.rules, answer.at());
        self.narrow(now, &format!("peek of {cost}"), &said(&answer), |world| {
            said(&look(&rules, &usages(world), cost, now))
        })
    }

    async fn refund(&mut self) -> Checked {
        let Some((cost, decision)) = self.charged.take() else {
            return Ok(());
        };
        let matters = |world| moment::matters(&self.rules, &usages(world), &decision, self.now);
        if self.worlds.iter().any(matters) {
            return Ok(());
        }
        let request = Request::new(self.subject, &self.rules).with_cost(cost);
        self.nodes.store.refund(&request, &decision).await?;
        // A refund has no answer to say when it was carried out: look at once, and take that moment.
        let answer = self.nodes.store.peek(&request).await?;
        let (rules, now) = (self.rules, answer.at());
        self.narrow(now, &format!("refund of {cost}"), &said(&answer), |world| {
            let mut usages = usages(world);
            give_back(&rules, &mut usages, &decision, now);
            set_usages(world, &rules, usages, now);
            said(&look(&rules, &usages, cost, now))
        })
    }

    async fn reset(&mut self) -> Checked {
        let request = Request::new(self.subject, &self.rules);
        self.nodes.store.reset(&request).await?;
        self.charged = None;
        // As a refund, a reset has no answer.
        let answer = self.nodes.store.peek(&request).await?;
        let (rules, now) = (self.rules, answer.at());
        self.narrow(now, "reset", &said(&answer), |world| {
            set_usages(world, &rules, [Usage::default(); RULES], now);
            said(&look(&rules, &usages(world), 1, now))
        })
    }

    /// Keeps the worlds in which the specification answers as the store did.
    ///
    /// There is more than one where the store may have forgotten: what was used once it is as good as nothing, and
    /// of a bucket that is full again also what it remembers of the nodes.
    fn narrow<T: PartialEq + std::fmt::Debug>(
        &mut self,
        now: Timestamp,
        what: &str,
        answer: &T,
        mut specified: impl FnMut(&mut World) -> T,
    ) -> Checked {
        for (part, rule) in self.rules.iter().enumerate() {
            for index in 0..self.worlds.len() {
                let record = &self.worlds[index][part];
                if rule.quota().idle_at(record.usage()) <= now {
                    for record in forgotten(rule, record, now) {
                        let mut world = self.worlds[index].clone();
                        world[part] = record;
                        self.worlds.push(world);
                    }
                }
            }
        }
        let mut kept: Vec<World> = Vec::new();
        let mut expected = None;
        for mut world in std::mem::take(&mut self.worlds) {
            let answered = specified(&mut world);
            if &answered != answer {
                expected.get_or_insert(answered);
            } else if !kept.contains(&world) {
                kept.push(world);
            }
        }
        check!(
            !kept.is_empty(),
            "{what}: the answer is {answer:?}, by the specification {expected:?}"
        );
        (self.worlds, self.now) = (kept, now);
        Ok(())
    }
}

/// What may be left of a record that has become idle.
fn forgotten(rule: &Rule, record: &Record, now: Timestamp) -> Vec<Record> {
    let mut unused = record.clone();
    unused.set_usage(rule.quota(), Usage::default(), now);
    match rule.quota().algorithm() {
        Algorithm::TokenBucket => vec![unused, Record::default()],
        Algorithm::FixedWindow | Algorithm::SlidingWindow => vec![unused],
    }
}

fn usages(world: &World) -> [Usage; RULES] {
    [world[0].usage(), world[1].usage()]
}

fn set_usages(world: &mut World, rules: &[Rule; RULES], usages: [Usage; RULES], now: Timestamp) {
    for ((record, rule), usage) in world.iter_mut().zip(rules).zip(usages) {
        record.set_usage(rule.quota(), usage, now);
    }
}

/// What of a decision must agree: whether it was allowed, what remains, how long to wait.
fn said(decision: &Decision) -> (bool, Vec<u64>, Option<std::time::Duration>) {
    let statuses = decision.statuses().iter();
    let remaining = statuses.map(tidegate_core::Status::remaining).collect();
    (decision.is_allowed(), remaining, decision.retry_after())
}
