//! The scripts are what core specifies: random histories, call by call against `core::decide` and `core::shared`.
//!
//! The store's time comes from a key that the test sets, so that it stands still, jumps, and steps back. `SEED=7
//! SEEDS=1` replays one history; a failure names its seed.

#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a test that cannot go on says where"
)]

mod calls;
mod reports;

use std::time::Duration;

use fastrand::Rng;
use reports::{Known, Node};
use tidegate_core::shared::{NodeId, Record};
use tidegate_core::{Algorithm, Decision, MAX_COUNT, PolicyName, Quota, Rule, Timestamp, Usage};
use tidegate_store_redis::RedisStore;
use tidegate_test_servers::{Flavor, Options, Server};

const CLOCK: &str = "the-clock-of-the-test";
const NAMES: [&str; 3] = ["one", "two", "three"];
/// Tried besides the first hundred: a refund under a limit that has been lowered since, after the clock stepped back.
const KEPT: [u64; 1] = [1326];

#[tokio::test]
async fn g1_decisions_and_reports_agree_with_core_on_redis() {
    agree(&Server::start().unwrap()).await;
}

#[tokio::test]
async fn g1_decisions_and_reports_agree_with_core_on_valkey() {
    agree(&Options::new().flavor(Flavor::Valkey).start().unwrap()).await;
}

async fn agree(server: &Server) {
    let store = RedisStore::builder(&server.url())
        .deadline(Duration::from_secs(10))
        .clock_key(CLOCK)
        .build()
        .unwrap();
    let from_environment =
        |name, default| std::env::var(name).map_or(default, |text| text.parse().unwrap());
    let first: u64 = from_environment("SEED", 1);
    let seeds = first..first + from_environment("SEEDS", 100);
    let kept = KEPT
        .into_iter()
        .filter(|_| std::env::var_os("SEED").is_none());
    for seed in kept.chain(seeds) {
        let mut history = History::new(server, &store, seed);
        for step in 0..100 {
            history.step(step).await;
        }
    }
}

/// One subject under some rules: in the store, and as core says.
struct History<'a> {
    server: &'a Server,
    store: &'a RedisStore,
    random: Rng,
    seed: u64,
    subject: String,
    rules: Vec<Rule>,
    now: Timestamp,
    records: Vec<Record>,
    decisions: Vec<(Vec<Rule>, Decision)>,
    nodes: Vec<Node>,
    what: String,
}

impl<'a> History<'a> {
    fn new(server: &'a Server, store: &'a RedisStore, seed: u64) -> Self {
        let mut random = Rng::with_seed(seed);
        let number = random.usize(1..=3);
        let rules: Vec<Rule> = NAMES[..number]
            .iter()
            .map(|name| any_rule(&mut random, name))
            .collect();
        let nodes = (0..random.usize(1..=4)).map(|_| Node {
            id: NodeId::from_random(random.u64(..)),
            per_rule: vec![Known::default(); number],
        });
        Self {
            server,
            store,
            nodes: nodes.collect(),
            seed,
            subject: format!("subject-{seed}"),
            now: Timestamp::from_micros(1_700_000_000_000_000 + random.u64(..1_000_000_000)),
            records: vec![Record::default(); number],
            decisions: Vec::new(),
            what: String::new(),
            rules,
            random,
        }
    }

    async fn step(&mut self, step: u32) {
        self.move_clock();
        let quotas: Vec<_> = self.rules.iter().map(Rule::quota).collect();
        self.what = format!(
            "seed {}, step {step}, at {}, under {quotas:?}",
            self.seed, self.now
        );
        match self.random.u8(..100) {
            0..8 => self.peek().await,
            8..40 => self.acquire().await,
            40..45 => self.acquire_together().await,
            45..55 => self.refund().await,
            55..57 => self.reset().await,
            57..61 => self.harm(),
            61..63 => self.change_a_limit(),
            _ => self.sync().await,
        }
    }

    fn move_clock(&mut self) {
        let random = &mut self.random;
        let window = random.choice(&self.rules).unwrap().quota().window();
        let by = window.mul_f64(random.f64() * random.f64());
        let by = Duration::from_micros(by.as_micros() as u64);
        let boundary = self.now.as_nanos() / window.as_nanos() as u64 + 1;
        self.now = match random.u8(..100) {
            0..50 => self.now,
            50..75 => self.now + by / 5_000 * 1_000,
            75..90 => self.now + by,
            90..94 => self.now + by * 4,
            94..97 => Timestamp::from_nanos(boundary * window.as_nanos() as u64),
            _ => self.now - by * random.u32(1..4),
        };
        let micros = self.now.as_micros();
        self.now = Timestamp::from_micros(micros.max(1_500_000_000_000_000));
        let micros = self.now.as_micros();
        let (seconds, rest) = (micros / 1_000_000, micros % 1_000_000);
        let admin = self.server.admin();
        admin.run::<u32>(&["DEL", CLOCK]).unwrap();
        let words = ["RPUSH", CLOCK, &seconds.to_string(), &rest.to_string()];
        admin.run::<u32>(&words).unwrap();
    }

    fn usages(&self) -> Vec<Usage> {
        self.records.iter().map(Record::usage).collect()
    }

    fn any_cost(&mut self) -> u64 {
        let (rule, record) = (&self.rules[0], &self.records[0]);
        let usage = rule.quota().brought_forward(record.usage(), self.now);
        let remaining = rule.quota().remaining(usage, self.now);
        let capacity = rule.quota().capacity();
        match self.random.u8(..20) {
            0 => 0,
            1..10 => self.random.u64(1..4),
            10..14 => remaining,
            14..16 => remaining.saturating_add(1),
            16 => self.random.u64(..=capacity),
            17 => capacity,
            18 => capacity.saturating_add(1),
            _ => u64::MAX,
        }
    }

    /// The store writes what changes, and what was ahead of the time; what only rolled on is rolled on again by whoever
    /// reads it next.
    fn write(&mut self, index: usize, quota: &Quota, change: impl FnOnce(&mut Record, Timestamp)) {
        let record = &mut self.records[index];
        let mut rolled = record.clone();
        rolled.bring_forward(quota, self.now);
        let mut changed = record.clone();
        change(&mut changed, self.now);
        let window = quota.window();
        let ahead = match quota.algorithm() {
            Algorithm::TokenBucket => rolled.usage().at() < record.usage().at(),
            _ => record.usage().at() - window == rolled.usage().at(),
        };
        if ahead || changed != rolled {
            *record = changed;
        }
    }

    /// Someone puts something else in a record's place, or it is lost, or its expiry is.
    fn harm(&mut self) {
        let index = self.random.usize(..self.rules.len());
        let key = self.key(index);
        let admin = self.server.admin();
        let spared = match self.random.u8(..10) {
            0 => admin.run::<i64>(&["PERSIST", &key]).is_ok(),
            1 => admin.run::<i64>(&["PEXPIRE", &key, "999999999999"]).is_ok(),
            _ => false,
        };
        if spared {
            return;
        }
        admin.run::<i64>(&["DEL", &key]).unwrap();
        self.records[index] = Record::default();
        match self.random.u8(..6) {
            0 => drop(admin.run::<i64>(&["LPUSH", &key, "a", "b"]).unwrap()),
            1 => drop(admin.run::<i64>(&["HSET", &key, "w", "1"]).unwrap()),
            2 => admin.run::<()>(&["SET", &key, "12345"]).unwrap(),
            3 => admin
                .run::<()>(&["SET", &key, &"W".repeat(self.random.usize(..60))])
                .unwrap(),
            4 => admin
                .run::<()>(&["SET", &key, &"B".repeat(self.random.usize(..60))])
                .unwrap(),
            _ => {}
        }
    }

    fn key(&self, index: usize) -> String {
        let rule = &self.rules[index];
        let letter = match rule.quota().algorithm() {
            Algorithm::FixedWindow => 'f',
            Algorithm::SlidingWindow => 's',
            Algorithm::TokenBucket => 'b',
        };
        let millis = rule.quota().window().as_millis();
        format!("tg1:{{s{}}}:{}:{letter}{millis}", self.subject, rule.name())
    }

    fn change_a_limit(&mut self) {
        let index = self.random.usize(..self.rules.len());
        let rule = self.rules[index];
        let limit = (rule.quota().limit() / 2).max(1)
            + self.random.u64(..rule.quota().limit().min(1 << 50));
        if let Ok(quota) = rule.quota().with_limit(limit) {
            self.rules[index] = rule.with_quota(quota);
        }
    }
}

fn any_rule(random: &mut Rng, name: &'static str) -> Rule {
    loop {
        let limit = match random.u8(..8) {
            0 => random.u64(1..=MAX_COUNT),
            1 => random.u64(1..1 << 40),
            2..4 => random.u64(1..1_000_000),
            _ => random.u64(1..60),
        };
        let millis = *random
            .choice(&[5_000, 7_001, 60_000, 86_400_000, 31_622_400_000])
            .unwrap();
        let algorithm = *random
            .choice(&[
                Algorithm::FixedWindow,
                Algorithm::SlidingWindow,
                Algorithm::TokenBucket,
            ])
            .unwrap();
        let quota = Quota::new(limit, Duration::from_millis(millis)).unwrap();
        let Ok(mut quota) = quota.with_algorithm(algorithm) else {
            continue;
        };
        if let Ok(burst) = quota.with_burst(random.u64(1..100)) {
            quota = if random.bool() { burst } else { quota };
        }
        let shadow = random.u8(..8) == 0;
        return Rule::new(PolicyName::new(name).unwrap(), quota).with_shadow(shadow);
    }
}
