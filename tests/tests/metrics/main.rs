//! What is counted and measured, as a Prometheus server would see it; and that the book tells of all of it.
#![allow(clippy::unwrap_used)] // also in the helpers, which clippy does not take for tests

mod dashboard;
mod log;
mod measured;
mod observer;
mod page;
mod stores;

use metrics::LocalRecorderGuard;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

/// Records what happens on this thread while `body` runs, and hands it a way to look at what was recorded.
fn recorded(body: impl FnOnce(&Seen)) {
    let recorder = PrometheusBuilder::new().build_recorder();
    let seen = Seen(recorder.handle());
    let _recording: LocalRecorderGuard<'_> = metrics::set_default_local_recorder(&recorder);
    body(&seen);
}

/// Waits on this thread, with timers.
fn wait<T>(future: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_time().build().unwrap().block_on(future)
}

/// What was recorded.
struct Seen(PrometheusHandle);

impl Seen {
    /// The value of a series as it is written, `None` if there is none.
    fn value(&self, series: &str) -> Option<String> {
        let text = self.0.render();
        let mut lines = text.lines();
        let found = lines.find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        found.map(str::to_owned)
    }

    #[track_caller]
    fn assert(&self, series: &str, value: &str) {
        let found = self.value(series);
        assert_eq!(
            found.as_deref(),
            Some(value),
            "{series}:\n{}",
            self.0.render()
        );
    }
}
