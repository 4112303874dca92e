//! All metrics in one table: names, kinds, units, labels, who tells them, and what they mean.

use metrics::Unit;

use crate::recorder;

/// A metric: everything that is known of it before it has a value.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// What its values do.
    pub kind: Kind,
    /// What its values are in; `None` for ratios, states, and other bare numbers.
    pub unit: Option<Unit>,
    /// Its labels, in their order.
    pub labels: &'static [&'static str],
    /// Who tells it.
    pub told_by: ToldBy,
    /// What it means, in a sentence.
    pub description: &'static str,
}

/// What a metric's values do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// They only grow.
    Counter,
    /// They come and go.
    Gauge,
    /// They are many, and what counts is how they are spread: see [`Metric::buckets`].
    Histogram,
}

impl Kind {
    /// The name that Prometheus and the documentation use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// Who tells a metric, and so what must be there for it to appear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToldBy {
    /// [`MetricsObserver`](crate::MetricsObserver): every limiter that has one.
    Observer,
    /// [`Measured`](crate::Measured) around a store that is awaited.
    Measured,
    /// The observer, and `Measured` around a store under a tiered one, each what the other cannot see.
    ObserverAndMeasured,
    /// The observer, or the figures of a store that decides outages by itself.
    ObserverAndTiered,
    /// The figures of a memory store and of a tiered one.
    MemoryAndTiered,
    /// The figures of a tiered store.
    Tiered,
    /// The figures of a Redis store.
    Redis,
}

impl ToldBy {
    /// The words that the documentation uses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Observer => "observer",
            Self::Measured => "measured store",
            Self::ObserverAndMeasured => "observer, measured store",
            Self::ObserverAndTiered => "observer, tiered store",
            Self::MemoryAndTiered => "memory store, tiered store",
            Self::Tiered => "tiered store",
            Self::Redis => "Redis store",
        }
    }
}

impl Metric {
    const fn new(
        name: &'static str,
        kind: Kind,
        labels: &'static [&'static str],
        told_by: ToldBy,
        description: &'static str,
    ) -> Self {
        Self {
            name,
            kind,
            unit: None,
            labels,
            told_by,
            description,
        }
    }

    const fn in_unit(mut self, unit: Unit) -> Self {
        self.unit = Some(unit);
        self
    }

    /// Upper bounds that suit a histogram's values, for recorders that need to be told: seconds, from a microsecond
    /// for decisions and from a tenth of a millisecond for stores. Nothing for other kinds.
    pub const fn buckets(&self) -> &'static [f64] {
        match self.kind {
            Kind::Histogram if matches!(self.told_by, ToldBy::Observer) => &[
                1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2,
                2.5e-2, 5e-2, 0.1, 0.25, 1.0,
            ],
            Kind::Histogram => &[
                1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25, 0.5, 1.0,
            ],
            Kind::Counter | Kind::Gauge => &[],
        }
    }
}

macro_rules! catalogue {
    ($($constant:ident = $metric:expr;)*) => {
        $(pub(crate) const $constant: Metric = $metric;)*

        /// All metrics, in the order in which the documentation has them.
        ///
        /// ```
        /// use tidegate_metrics::METRICS;
        ///
        /// assert!(METRICS.iter().any(|metric| metric.name == "tidegate_decisions_total"));
        /// ```
        pub const METRICS: &[Metric] = &[$($constant),*];
    };
}

catalogue! {
    DECISIONS = Metric::new(
        "tidegate_decisions_total",
        Kind::Counter,
        &["policy", "outcome", "mode"],
        ToldBy::Observer,
        "What each policy said to requests, and how that was known. An empty policy stands for requests that no policy had a say in.",
    ).in_unit(Unit::Count);
    DECISION_SECONDS = Metric::new(
        "tidegate_decision_seconds",
        Kind::Histogram,
        &[],
        ToldBy::Observer,
        "How long decisions took, waiting for the store included.",
    ).in_unit(Unit::Seconds);
    LOOKUP_FAILURES = Metric::new(
        "tidegate_lookup_failures_total",
        Kind::Counter,
        &[],
        ToldBy::Observer,
        "How often a subject's own limits could not be looked up.",
    ).in_unit(Unit::Count);
    STORE_ERRORS = Metric::new(
        "tidegate_store_errors_total",
        Kind::Counter,
        &["kind"],
        ToldBy::ObserverAndMeasured,
        "Failed calls to the store, by the kind of failure.",
    ).in_unit(Unit::Count);
    STORE_SECONDS = Metric::new(
        "tidegate_store_seconds",
        Kind::Histogram,
        &["op"],
        ToldBy::Measured,
        "How long calls to the store took, failed and abandoned ones included, by what was asked.",
    ).in_unit(Unit::Seconds);
    PARTITIONED = Metric::new(
        "tidegate_partitioned",
        Kind::Gauge,
        &[],
        ToldBy::ObserverAndTiered,
        "1 while outage settings decide on this node, because the store does not answer; else 0.",
    );
    NODES = Metric::new(
        "tidegate_nodes",
        Kind::Gauge,
        &[],
        ToldBy::Tiered,
        "How many nodes share each limit, as this node knows.",
    ).in_unit(Unit::Count);
    SHARE = Metric::new(
        "tidegate_share",
        Kind::Gauge,
        &[],
        ToldBy::Tiered,
        "The part of a limit that this node would take without the store; NaN until windows have finished.",
    );
    OVERSHOOT = Metric::new(
        "tidegate_overshoot_ratio",
        Kind::Gauge,
        &[],
        ToldBy::Tiered,
        "What the worst window of the last minute or two admitted on all nodes, over its limit; NaN until one has finished.",
    );
    SYNC_LAG = Metric::new(
        "tidegate_sync_lag_seconds",
        Kind::Gauge,
        &[],
        ToldBy::Tiered,
        "How long ago the shared store last answered; NaN until it has.",
    ).in_unit(Unit::Seconds);
    UNSENT = Metric::new(
        "tidegate_unsent",
        Kind::Gauge,
        &[],
        ToldBy::Tiered,
        "Subjects of which the shared store is still to be told or asked.",
    ).in_unit(Unit::Count);
    STORE_CALLS = Metric::new(
        "tidegate_store_calls_total",
        Kind::Counter,
        &[],
        ToldBy::Tiered,
        "Batched calls to the shared store.",
    ).in_unit(Unit::Count);
    DROPPED = Metric::new(
        "tidegate_dropped_total",
        Kind::Counter,
        &["reason"],
        ToldBy::Tiered,
        "Cost that was admitted and never reported, because its window was too long past.",
    ).in_unit(Unit::Count);
    ENTRIES = Metric::new(
        "tidegate_entries",
        Kind::Gauge,
        &[],
        ToldBy::MemoryAndTiered,
        "What the table in this process holds: counters, or subjects in a tiered store.",
    ).in_unit(Unit::Count);
    MAX_ENTRIES = Metric::new(
        "tidegate_max_entries",
        Kind::Gauge,
        &[],
        ToldBy::MemoryAndTiered,
        "What the table in this process may hold.",
    ).in_unit(Unit::Count);
    EVICTIONS = Metric::new(
        "tidegate_evictions_total",
        Kind::Counter,
        &[],
        ToldBy::MemoryAndTiered,
        "Idle entries that the table dropped.",
    ).in_unit(Unit::Count);
    OVERFLOWS = Metric::new(
        "tidegate_overflows_total",
        Kind::Counter,
        &[],
        ToldBy::MemoryAndTiered,
        "Requests that were decided on the overflow counter, because the table was full.",
    ).in_unit(Unit::Count);
    BREAKER_STATE = Metric::new(
        "tidegate_breaker_state",
        Kind::Gauge,
        &["endpoint"],
        ToldBy::Redis,
        "1 while a server is not asked, because it does not work; else 0.",
    );
    BREAKER_OPENED = Metric::new(
        "tidegate_breaker_opened_total",
        Kind::Counter,
        &["endpoint"],
        ToldBy::Redis,
        "How often a server was given up.",
    ).in_unit(Unit::Count);
    IN_FLIGHT = Metric::new(
        "tidegate_store_in_flight",
        Kind::Gauge,
        &[],
        ToldBy::Redis,
        "Calls that wait for an answer.",
    ).in_unit(Unit::Count);
    REPAIRED = Metric::new(
        "tidegate_repaired_total",
        Kind::Counter,
        &[],
        ToldBy::Redis,
        "Records that were found to be something else, and were begun anew.",
    ).in_unit(Unit::Count);
}

/// Tells the recorder what all metrics mean. [`MetricsObserver::new`](crate::MetricsObserver::new) does it as well.
pub fn describe() {
    for metric in METRICS {
        recorder::describe(metric);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_distinct_and_follow_the_conventions() {
        let names: HashSet<_> = METRICS.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), METRICS.len());
        for metric in METRICS {
            let Metric { name, kind, .. } = metric;
            assert!(name.starts_with("tidegate_"), "{name}");
            assert_eq!(*kind == Kind::Counter, name.ends_with("_total"), "{name}");
            let in_seconds = metric.unit == Some(Unit::Seconds);
            assert_eq!(in_seconds, name.ends_with("_seconds"), "{name}");
            assert!(metric.description.ends_with('.'), "{name}");
        }
    }

    #[test]
    fn only_histograms_have_buckets_and_these_rise() {
        for metric in METRICS {
            let buckets = metric.buckets();
            assert_eq!(buckets.is_empty(), metric.kind != Kind::Histogram);
            assert!(buckets.is_sorted(), "{}", metric.name);
        }
    }
}
