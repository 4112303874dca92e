//! One fault, from healthy traffic to healthy traffic.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tidegate_store_redis::Builder;
use tidegate_test_servers::{Server, Stats};

use crate::figures::{Figures, HEALS_WITHIN, Span, judge};
use crate::scene::{DEADLINE, NODES, Scene, Settings, until_window, window_now};

/// How many commands a node may send into an outage before it stops: the threshold of the breaker of each of the two
/// layers, and what was under way.
const TRIP: u64 = 20;
/// R2: probes a second at the floor of the backoff, of each layer.
const PROBES: u64 = 2 * 20;

/// A fault and how it is measured.
pub struct Run<'a, C> {
    /// Makes a node's store, but for the deadline.
    pub connect: C,
    /// Makes a store past the fault, to read the counts with.
    pub direct: Builder,
    /// Whose commands and connections are counted.
    pub servers: Vec<&'a Server>,
    /// How the nodes are made.
    pub settings: Settings,
    /// How many whole windows the fault lasts.
    pub windows: u64,
    /// Whether the servers can count what the nodes admitted (G5): not if a record was made to say something else.
    pub counts: bool,
    /// A node that stands still during the fault: how long its requests take says nothing.
    pub paused: Option<usize>,
}

impl<'a, C: Fn() -> Builder> Run<'a, C> {
    /// A fault of three windows on these servers, with nothing special.
    pub fn new(connect: C, servers: &[&'a Server]) -> Self {
        Self {
            direct: connect(),
            connect,
            servers: servers.to_vec(),
            settings: Settings::default(),
            windows: 3,
            counts: true,
            paused: None,
        }
    }

    /// Measures the fault.
    ///
    /// # Errors
    ///
    /// If a guarantee did not hold, or the fault could not be made.
    pub fn measure(
        self,
        begin: impl FnOnce(&Scene) -> Result<()>,
        end: impl FnOnce() -> Result<()>,
    ) -> Result<Figures> {
        let scene = Scene::healthy(&self.connect, self.settings)?;
        self.measure_on(scene, begin, end)
    }

    /// Measures a fault that is there before the nodes are.
    ///
    /// # Errors
    ///
    /// As [`measure`](Self::measure).
    pub fn measure_from_start(self, end: impl FnOnce() -> Result<()>) -> Result<Figures> {
        let scene = Scene::start(&self.connect, self.settings)?;
        self.measure_on(scene, |_| Ok(()), end)
    }

    fn measure_on(
        self,
        scene: Scene,
        begin: impl FnOnce(&Scene) -> Result<()>,
        end: impl FnOnce() -> Result<()>,
    ) -> Result<Figures> {
        let before = self.stats();
        let (first, began) = (window_now(), Instant::now());
        begin(&scene).context("the fault could not be made")?;
        until_window(first + 1 + self.windows);
        end().context("the fault could not be ended")?;
        let (last, ended) = (window_now(), Instant::now());
        let lasted = began.elapsed();
        let load = before.and_then(|before| load(&before, &self.stats()?));
        let healed = scene.until_healed(ended)?;
        ensure!(
            healed <= HEALS_WITHIN,
            "L3: healed {healed:?} after the fault, at most {HEALS_WITHIN:?}"
        );
        until_window((last + 2).max(window_now() + 2));
        scene.stop_traffic()?;
        let mut samples = scene.samples();
        for sample in &mut samples {
            if Some(sample.node) == self.paused && sample.asked < ended {
                sample.took = Duration::ZERO;
            }
        }
        let deadline = self.settings.deadline.unwrap_or(DEADLINE);
        let span = Span { first, last, began };
        let figures = judge(&samples, span, deadline)?;
        if self.counts {
            let admitted = samples.iter().filter(|sample| sample.allowed).count();
            scene.check_total(self.direct, admitted as u64)?;
        }
        let is_out = samples
            .iter()
            .filter(|sample| (first + 1..last).contains(&sample.window))
            .all(|sample| sample.outage);
        if let (true, Some((_, connections))) = (is_out, load) {
            let most = NODES as u64 * (TRIP + PROBES * lasted.as_secs().max(1));
            ensure!(
                connections <= most,
                "R2: {connections} connections in an outage of {lasted:?}, at most {most}"
            );
        }
        scene.end()?;
        Ok(Figures {
            healed: Some(healed),
            load,
            ..figures
        })
    }

    fn stats(&self) -> Option<Vec<Stats>> {
        if self.servers.is_empty() {
            return None;
        }
        let stats = self
            .servers
            .iter()
            .map(|server| server.admin().stats().ok());
        stats.collect()
    }
}

/// Commands and connections since; nothing if a server was started again meanwhile.
fn load(before: &[Stats], after: &[Stats]) -> Option<(u64, u64)> {
    let mut load = (0, 0);
    for (before, after) in before.iter().zip(after) {
        load.0 += after.commands.checked_sub(before.commands)?;
        load.1 += after.connections.checked_sub(before.connections)?;
    }
    Some(load)
}
