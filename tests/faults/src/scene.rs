//! Three nodes with a tiered store each, each on a thread of its own, under steady traffic for one client.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use tidegate_core::tiered::Mode;
use tidegate_core::{Algorithm, PolicyName, Provenance, Quota, Rule};
use tidegate_store::{Request, Store};
use tidegate_store_redis::{Builder, RedisStore};
use tidegate_store_tiered::TieredStore;
use tidegate_test_servers::wait::{State, until};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::skewed::{Skew, Skewed};

/// How many nodes there are.
pub const NODES: usize = 3;
/// What all of them together may admit in a window.
pub const LIMIT: u64 = 100;
/// The window.
pub const WINDOW: Duration = Duration::from_secs(1);
/// D, as it is unless told.
pub const DEADLINE: Duration = Duration::from_millis(50);
/// A request to each node every so often: all of them together ask for three times the limit.
const PERIOD: Duration = Duration::from_millis(10);
/// The limit of the second policy, which only counts.
const PLENTY: u64 = 1_000_000_000;
/// How many subjects a node may hold where there is one.
const MANY: usize = 1_000;
/// Whom the traffic is for.
pub const CLIENT: &str = "client";

/// The policies: one that limits, and one whose window does not end, to compare the store's count with ours (G5).
///
/// # Errors
///
/// None, unless the constants above are changed to what cannot be.
pub fn rules() -> Result<[Rule; 2]> {
    let rule = |name, limit, window| -> Result<Rule> {
        let quota = Quota::new(limit, window)?.with_algorithm(Algorithm::FixedWindow)?;
        Ok(Rule::new(PolicyName::new(name)?, quota))
    };
    let month = Duration::from_secs(30 * 24 * 60 * 60);
    Ok([rule("limit", LIMIT, WINDOW)?, rule("count", PLENTY, month)?])
}

/// One answer.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// The node that was asked.
    pub node: usize,
    /// When.
    pub asked: Instant,
    /// How long the answer took.
    pub took: Duration,
    /// The window that it was decided in, by the node's idea of the store's time.
    pub window: u64,
    /// Whether the request was admitted.
    pub allowed: bool,
    /// Whether the answer was that there is none.
    pub error: bool,
    /// Whether an outage setting decided.
    pub outage: bool,
}

/// How the nodes are made.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings {
    /// Each node's clock.
    pub clocks: [Skew; NODES],
    /// D, if it is not the default.
    pub deadline: Option<Duration>,
    /// Whether there is traffic for a new subject with every request for the client as well, and how many subjects a
    /// node then holds.
    pub strangers: Option<usize>,
}

/// The nodes and what they answered.
pub struct Scene {
    nodes: Vec<Node>,
    samples: Arc<Mutex<Vec<Sample>>>,
    asks: Arc<AtomicBool>,
    ends: Arc<AtomicBool>,
}

struct Node {
    store: Arc<TieredStore<Skewed>>,
    thread: Option<JoinHandle<()>>,
    runtime: tokio::runtime::Handle,
    idle: Arc<AtomicBool>,
}

/// The number of the window that it is now, by this machine's clock, which is the server's too.
pub fn window_now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap_or_default().as_secs() / WINDOW.as_secs()
}

/// Sleeps until a window has begun: traffic goes on, and what is measured is whole windows.
pub fn until_window(number: u64) {
    while window_now() < number {
        std::thread::sleep(Duration::from_millis(2));
    }
}

impl Scene {
    /// Starts the nodes. They need not reach their server.
    ///
    /// # Errors
    ///
    /// If a setting is wrong, or there are no threads.
    pub fn start(connect: impl Fn() -> Builder, settings: Settings) -> Result<Self> {
        let (asks, ends) = (Arc::default(), Arc::default());
        let mut scene = Self {
            nodes: Vec::new(),
            samples: Arc::default(),
            asks,
            ends,
        };
        scene.asks.store(true, Ordering::SeqCst);
        let deadline = settings.deadline.unwrap_or(DEADLINE);
        for number in 0..NODES {
            let shared = connect().deadline(deadline).build()?;
            scene.add(number, shared, &settings)?;
        }
        Ok(scene)
    }

    /// Starts the nodes and waits until they know each other and have a history of two windows to take shares by.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start), or if they do not find each other.
    pub fn healthy(connect: impl Fn() -> Builder, settings: Settings) -> Result<Self> {
        let scene = Self::start(connect, settings)?;
        until("the nodes to find each other", || {
            let stats: Vec<_> = scene.nodes.iter().map(|node| node.store.stats()).collect();
            let found = |stats: &tidegate_store_tiered::TieredStats| {
                stats.mode == Mode::Connected && stats.nodes == 3 && stats.lag.is_some()
            };
            Ok(State::of(stats.iter().all(found), || format!("{stats:?}")))
        })?;
        until_window(window_now() + 3);
        Ok(scene)
    }

    fn add(&mut self, number: usize, shared: RedisStore, settings: &Settings) -> Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let store = {
            let _inside = runtime.enter();
            TieredStore::builder(shared)
                .clock(Skewed::by(settings.clocks[number]))
                .deadline(settings.deadline.unwrap_or(DEADLINE))
                .expected_nodes(3)
                .max_entries(settings.strangers.unwrap_or(MANY))
                .build()?
        };
        let (store, rules) = (Arc::new(store), rules()?);
        let (idle, handle) = (Arc::new(AtomicBool::new(false)), runtime.handle().clone());
        let traffic = traffic(Traffic {
            number,
            store: Arc::clone(&store),
            rules,
            samples: Arc::clone(&self.samples),
            asks: Arc::clone(&self.asks),
            ends: Arc::clone(&self.ends),
            idle: Arc::clone(&idle),
            strangers: settings.strangers.is_some(),
        });
        let thread = std::thread::Builder::new()
            .name(format!("node-{number}"))
            .spawn(move || runtime.block_on(traffic))
            .context("no thread for a node")?;
        self.nodes.push(Node {
            store,
            thread: Some(thread),
            runtime: handle,
            idle,
        });
        Ok(())
    }

    /// What was answered so far.
    pub fn samples(&self) -> Vec<Sample> {
        let samples = self.samples.lock();
        samples.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes the answers of the windows before this one: they are not kept.
    pub fn take_before(&self, window: u64) -> Vec<Sample> {
        let mut samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        let (old, new): (Vec<_>, Vec<_>) =
            samples.drain(..).partition(|sample| sample.window < window);
        *samples = new;
        old
    }

    /// Lets nothing run on a node's thread until the answer is dropped: requests, timers and replies all wait.
    ///
    /// # Errors
    ///
    /// If the node does not stop.
    pub fn pause(&self, node: usize) -> Result<Paused> {
        let ((stopped, has_stopped), (go_on, resumes)) =
            (mpsc::channel::<()>(), mpsc::channel::<()>());
        self.nodes[node].runtime.spawn(async move {
            let _ = stopped.send(());
            // Ends with an error when the other end is dropped.
            let _ = resumes.recv();
        });
        has_stopped.recv().context("the node has ended")?;
        Ok(Paused { _go_on: go_on })
    }

    /// How long after `ended` every node's latest answer was an ordinary one.
    ///
    /// # Errors
    ///
    /// If that does not happen.
    pub fn until_healed(&self, ended: Instant) -> Result<Duration> {
        until("every node to answer as usual", || {
            let samples = self.samples();
            let latest = |node| samples.iter().rev().find(|sample| sample.node == node);
            let healed = |sample: &Sample| sample.asked > ended && !sample.outage && !sample.error;
            let all = (0..NODES).all(|node| latest(node).is_some_and(healed));
            Ok(State::of(all, || {
                let stats: Vec<_> = self.nodes.iter().map(|node| node.store.stats()).collect();
                format!("{stats:?}")
            }))
        })?;
        Ok(ended.elapsed())
    }

    /// Waits until no outage setting decided anything in so many whole windows.
    ///
    /// # Errors
    ///
    /// If that does not happen.
    pub fn until_calm(&self, windows: u64) -> Result<()> {
        until("every answer to be an ordinary one", || {
            let now = window_now();
            let recent = now - windows..now;
            let samples = self.samples();
            let out = |sample: &&Sample| sample.outage && recent.contains(&sample.window);
            let count = samples.iter().filter(out).count();
            Ok(State::of(count == 0, || {
                format!("{count} of the last windows")
            }))
        })
    }

    /// Stops the traffic and waits for the last answers.
    ///
    /// # Errors
    ///
    /// If they do not come.
    pub fn stop_traffic(&self) -> Result<()> {
        self.asks.store(false, Ordering::SeqCst);
        until("the last answers", || {
            let idle = |node: &Node| node.idle.load(Ordering::SeqCst);
            Ok(State::of(self.nodes.iter().all(idle), String::new))
        })
    }

    /// G5 and G6: waits until the store's count is what the nodes admitted, after the traffic has stopped.
    ///
    /// # Errors
    ///
    /// If it stays another.
    pub fn check_total(&self, direct: Builder, admitted: u64) -> Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (rules, direct) = (rules()?, direct.deadline(Duration::from_secs(5)).build()?);
        until("G5: the store to count what was admitted", || {
            let request = Request::new(CLIENT, &rules[1..]);
            let decision = match runtime.block_on(direct.peek(&request)) {
                Ok(decision) => decision,
                Err(error) => return Ok(State::NotYet(error.to_string())),
            };
            let counted = PLENTY - decision.statuses()[0].remaining();
            Ok(State::of(counted == admitted, || {
                format!("it counts {counted}, and {admitted} were admitted")
            }))
        })
    }

    /// L7: stops the nodes.
    ///
    /// # Errors
    ///
    /// If a node's thread panicked.
    pub fn end(mut self) -> Result<()> {
        self.ends.store(true, Ordering::SeqCst);
        for node in &mut self.nodes {
            if let Some(thread) = node.thread.take() {
                ensure!(thread.join().is_ok(), "a node panicked");
            }
        }
        Ok(())
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.asks.store(false, Ordering::SeqCst);
        self.ends.store(true, Ordering::SeqCst);
    }
}

/// A node that stands still until this is dropped.
#[derive(Debug)]
pub struct Paused {
    _go_on: mpsc::Sender<()>,
}

struct Traffic {
    number: usize,
    store: Arc<TieredStore<Skewed>>,
    rules: [Rule; 2],
    samples: Arc<Mutex<Vec<Sample>>>,
    asks: Arc<AtomicBool>,
    ends: Arc<AtomicBool>,
    idle: Arc<AtomicBool>,
    strangers: bool,
}

async fn traffic(traffic: Traffic) {
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut asked = JoinSet::new();
    while traffic.asks.load(Ordering::SeqCst) {
        ticks.tick().await;
        let (store, rules) = (Arc::clone(&traffic.store), traffic.rules);
        let (samples, number) = (Arc::clone(&traffic.samples), traffic.number);
        let stranger = traffic.strangers.then(|| fastrand::u64(..).to_string());
        asked.spawn(async move {
            if let Some(stranger) = stranger {
                let request = Request::new(stranger.as_str(), &rules[..1]);
                let _ = store.acquire(&request).await;
            }
            let sample = ask(&store, &rules, number).await;
            let mut samples = samples.lock().unwrap_or_else(PoisonError::into_inner);
            samples.push(sample);
        });
        while asked.try_join_next().is_some() {}
    }
    while asked.join_next().await.is_some() {}
    traffic.idle.store(true, Ordering::SeqCst);
    while !traffic.ends.load(Ordering::SeqCst) {
        ticks.tick().await;
    }
    let _ = traffic.store.shutdown(Duration::from_millis(200)).await;
}

async fn ask(store: &TieredStore<Skewed>, rules: &[Rule; 2], node: usize) -> Sample {
    let asked = Instant::now();
    let answer = store.acquire(&Request::new(CLIENT, rules)).await;
    let took = asked.elapsed();
    match answer {
        Ok(decision) => Sample {
            node,
            asked,
            took,
            window: decision.at().as_nanos() / 1_000_000_000 / WINDOW.as_secs(),
            allowed: decision.is_allowed(),
            error: decision.is_unavailable(),
            outage: matches!(decision.provenance(), Provenance::Outage(_)),
        },
        Err(_) => Sample {
            node,
            asked,
            took,
            window: window_now(),
            allowed: false,
            error: true,
            outage: false,
        },
    }
}
