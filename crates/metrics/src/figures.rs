//! What a store knows of itself, as data, and from there as metrics.

use crate::catalogue::{
    BREAKER_OPENED, BREAKER_STATE, DROPPED, ENTRIES, EVICTIONS, IN_FLIGHT, MAX_ENTRIES, Metric,
    NODES, OVERFLOWS, OVERSHOOT, PARTITIONED, REPAIRED, SHARE, STORE_CALLS, SYNC_LAG, UNSENT,
};
use crate::recorder;

/// What a store knows of itself at a moment. What it does not know is `None`, and does not become a metric.
///
/// Take it from one of our stores (features `memory`, `redis`, `tiered`) or fill it in for one of your own, and
/// [`record`](Self::record) it before every scrape, or every few seconds.
///
/// ```
/// use tidegate_metrics::Figures;
///
/// let figures = Figures { entries: Some(17), evicted: Some(3), ..Figures::default() };
/// figures.record();
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    /// Whether outage settings decide.
    pub partitioned: Option<bool>,
    /// How many nodes share each limit.
    pub nodes: Option<u32>,
    /// The part of a limit that this node would take in an outage; NaN if that cannot be told yet.
    pub share: Option<f64>,
    /// What the worst of the last windows admitted over its limit; NaN if that cannot be told yet.
    pub overshoot: Option<f64>,
    /// How many seconds ago the shared store last answered; NaN if it never did.
    pub lag_seconds: Option<f64>,
    /// Subjects of which the shared store is still to be told or asked.
    pub unsent: Option<usize>,
    /// Calls to the shared store so far.
    pub calls: Option<u64>,
    /// Cost that was admitted and can no longer be reported.
    pub dropped: Option<u64>,
    /// What the table holds.
    pub entries: Option<usize>,
    /// What the table may hold.
    pub max_entries: Option<usize>,
    /// Idle entries that were dropped so far.
    pub evicted: Option<u64>,
    /// Requests that were decided on the overflow counter so far.
    pub overflowed: Option<u64>,
    /// Calls that wait for an answer.
    pub in_flight: Option<usize>,
    /// Records that were found to be something else so far.
    pub repaired: Option<u64>,
    /// The store's servers. Those that are gone keep the metrics that they last had.
    pub servers: Vec<ServerFigures>,
}

/// What is known of one server of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerFigures {
    /// Its address, which becomes a label: a host and a port, without a password.
    pub endpoint: String,
    /// Whether it is not asked, because it does not work.
    pub is_open: bool,
    /// How often it was given up so far.
    pub opened: u64,
}

impl Figures {
    /// Sets the metrics to these figures. It looks each of them up: that is for once a scrape, not for every request.
    pub fn record(&self) {
        self.record_gauges();
        self.record_counters();
        for server in &self.servers {
            let endpoint = [server.endpoint.as_str()];
            let state = recorder::gauge(&BREAKER_STATE, endpoint);
            state.set(f64::from(u8::from(server.is_open)));
            recorder::counter(&BREAKER_OPENED, endpoint).absolute(server.opened);
        }
    }

    fn record_gauges(&self) {
        let gauges = [
            (
                PARTITIONED,
                self.partitioned.map(|out| f64::from(u8::from(out))),
            ),
            (NODES, self.nodes.map(f64::from)),
            (SHARE, self.share),
            (OVERSHOOT, self.overshoot),
            (SYNC_LAG, self.lag_seconds),
            (UNSENT, self.unsent.map(number)),
            (ENTRIES, self.entries.map(number)),
            (MAX_ENTRIES, self.max_entries.map(number)),
            (IN_FLIGHT, self.in_flight.map(number)),
        ];
        for (metric, value) in gauges {
            if let Some(value) = value {
                recorder::gauge(&metric, []).set(value);
            }
        }
    }

    fn record_counters(&self) {
        let counters: [(Metric, Option<u64>); 4] = [
            (STORE_CALLS, self.calls),
            (EVICTIONS, self.evicted),
            (OVERFLOWS, self.overflowed),
            (REPAIRED, self.repaired),
        ];
        for (metric, value) in counters {
            if let Some(value) = value {
                recorder::counter(&metric, []).absolute(value);
            }
        }
        if let Some(dropped) = self.dropped {
            recorder::counter(&DROPPED, ["window_over"]).absolute(dropped);
        }
    }
}

#[allow(
    clippy::cast_precision_loss,
    reason = "entries and calls in memory are far below 2^53"
)]
fn number(of: usize) -> f64 {
    of as f64
}
