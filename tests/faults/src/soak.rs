//! Minutes of random faults on one server, decided by a seed: the guarantees hold throughout, and memory stays flat.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use fastrand::Rng;
use tidegate_store_redis::RedisStore;
use tidegate_test_servers::{Direction, Proxy, Server};

use crate::figures::{HEALS_WITHIN, Span, judge};
use crate::scene::{DEADLINE, NODES, Paused, Scene, Settings, until_window, window_now};

/// So many subjects a node holds: traffic for new ones fills the table within the time in which memory settles.
const ENTRIES: usize = 2_000;
/// How much more memory than after it settled is still flat: allocators do not give everything back.
const FLAT: u64 = 8 * 1024 * 1024;

/// What the soak came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Soaked {
    /// How many faults were made.
    pub faults: u32,
    /// Answers given to the one client.
    pub answers: u64,
    /// Of these, admitted.
    pub admitted: u64,
    /// The longest answer.
    pub longest: Duration,
    /// The longest time to heal.
    pub healed: Duration,
    /// What was admitted in the worst window, over the limit.
    pub worst: f64,
    /// Bytes in use by this process after a fifth of the time, and at the end.
    pub memory: (u64, u64),
}

/// A fault that begins and ends.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Hang,
    Kill,
    BlackHole,
    LoseReplies,
    Refuse,
    Cut,
    Flush,
    FlushScripts,
    Full,
    Slow(Duration),
    Pause(usize),
}

impl Fault {
    fn random(random: &mut Rng) -> Self {
        match random.u32(0..11) {
            0 => Self::Hang,
            1 => Self::Kill,
            2 => Self::BlackHole,
            3 => Self::LoseReplies,
            4 => Self::Refuse,
            5 => Self::Cut,
            6 => Self::Flush,
            7 => Self::FlushScripts,
            8 => Self::Full,
            9 => Self::Slow(Duration::from_millis(random.u64(5..300))),
            _ => Self::Pause(random.usize(0..NODES)),
        }
    }

    fn begin(self, server: &Server, proxy: &Proxy, scene: &Scene) -> Result<Option<Paused>> {
        match self {
            Self::Hang => server.freeze()?,
            Self::Kill => server.kill(),
            Self::BlackHole => {
                proxy.hold(Direction::ToServer);
                proxy.hold(Direction::ToClient);
            }
            Self::LoseReplies => proxy.hold(Direction::ToClient),
            Self::Refuse => proxy.refuse()?,
            Self::Cut => proxy.cut()?,
            Self::Flush => server.admin().flush_all()?,
            Self::FlushScripts => server.admin().flush_scripts()?,
            Self::Full => server.admin().set("maxmemory", "1")?,
            Self::Slow(delay) => proxy.delay(Direction::ToClient, delay),
            Self::Pause(node) => return scene.pause(node).map(Some),
        }
        Ok(None)
    }

    fn end(self, server: &Server, proxy: &Proxy) -> Result<()> {
        match self {
            Self::Hang => server.thaw(),
            Self::Kill => server.start_again(),
            Self::Refuse => proxy.accept(),
            Self::Full => server.admin().set("maxmemory", "0"),
            Self::BlackHole | Self::LoseReplies | Self::Slow(_) => {
                proxy.heal();
                Ok(())
            }
            Self::Cut | Self::Flush | Self::FlushScripts | Self::Pause(_) => Ok(()),
        }
    }
}

/// Makes faults for so long.
///
/// # Errors
///
/// If a guarantee does not hold, or memory grows. The error names the fault; the seed makes the same ones again.
pub fn soak(time: Duration, seed: u64) -> Result<Soaked> {
    let (server, mut random) = (Server::start()?, Rng::with_seed(seed));
    let proxy = Proxy::start(server.address())?;
    let settings = Settings {
        strangers: Some(ENTRIES),
        ..Settings::default()
    };
    let scene = Scene::healthy(|| RedisStore::builder(&proxy.url()), settings)?;
    let (began, mut soaked) = (Instant::now(), Soaked::default());
    while began.elapsed() < time {
        let fault = Fault::random(&mut random);
        let lasts = Duration::from_millis(random.u64(100..4_000));
        println!("{:4} s  {fault:?} for {lasts:?}", began.elapsed().as_secs());
        round(&mut soaked, &scene, &server, &proxy, (fault, lasts)).with_context(|| {
            format!(
                "fault {} of seed {seed}: {fault:?} for {lasts:?}",
                soaked.faults
            )
        })?;
        soaked.memory.1 = memory()?;
        if soaked.memory.0 == 0 && began.elapsed() > time / 5 {
            soaked.memory.0 = soaked.memory.1;
        }
    }
    scene.stop_traffic()?;
    let rest = scene.samples();
    soaked.admitted += rest.iter().filter(|sample| sample.allowed).count() as u64;
    scene.check_total(RedisStore::builder(&server.url()), soaked.admitted)?;
    scene.end()?;
    let (settled, last) = soaked.memory;
    ensure!(
        last <= settled + FLAT,
        "memory grew from {settled} to {last} bytes"
    );
    Ok(soaked)
}

fn round(
    soaked: &mut Soaked,
    scene: &Scene,
    server: &Server,
    proxy: &Proxy,
    (fault, lasts): (Fault, Duration),
) -> Result<()> {
    soaked.faults += 1;
    let (first, began) = (window_now(), Instant::now());
    let paused = fault.begin(server, proxy, scene)?;
    std::thread::sleep(lasts);
    fault.end(server, proxy)?;
    drop(paused);
    let (last, ended) = (window_now(), Instant::now());
    let healed = scene.until_healed(ended)?;
    ensure!(healed <= HEALS_WITHIN, "L3: healed after {healed:?}");
    // Shares come from windows in which every node heard the store: a fault begins after two of them.
    until_window(window_now() + 3);
    scene.until_calm(2)?;
    // Answers of the window that just ended may still be on their way.
    let mut samples = scene.take_before(window_now() - 1);
    for sample in &mut samples {
        if matches!(fault, Fault::Pause(node) if node == sample.node) && sample.asked < ended {
            sample.took = Duration::ZERO;
        }
    }
    let figures = judge(&samples, Span { first, last, began }, DEADLINE)?;
    let worst = [figures.during, figures.after].into_iter().flatten();
    soaked.worst = worst.fold(soaked.worst, f64::max);
    soaked.longest = soaked.longest.max(figures.longest.unwrap_or_default());
    soaked.healed = soaked.healed.max(healed);
    soaked.answers += samples.len() as u64;
    soaked.admitted += samples.iter().filter(|sample| sample.allowed).count() as u64;
    Ok(())
}

/// Bytes of this process in memory.
fn memory() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes: u64 = line
        .and_then(|line| line.split_whitespace().next())
        .context("no VmRSS in /proc/self/status")?
        .parse()?;
    Ok(kilobytes * 1_024)
}
