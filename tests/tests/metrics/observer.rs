//! What the observer counts: decisions, failures, outages.

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use tidegate_limiter::{
    Algorithm, Fallback, Limiter, LimiterBuilder, ManualClock, Policy, Quota, Store,
};
use tidegate_metrics::{METRICS, MetricsObserver};
use tidegate_store_memory::MemoryStore;
use tidegate_tests::Flaky;

use crate::{recorded, wait};

fn policy(name: &'static str, limit: u64) -> Policy {
    let quota = Quota::per_hour(limit).unwrap();
    Policy::new(name, quota.with_algorithm(Algorithm::FixedWindow).unwrap())
}

fn builder(store: impl Store + 'static) -> LimiterBuilder {
    Limiter::builder(store).observer(MetricsObserver::new())
}

#[test]
fn each_policy_is_counted_by_what_it_said_and_how_that_was_known() {
    recorded(|seen| {
        let limiter = builder(MemoryStore::new())
            .policy(policy("strict", 1))
            .policy(policy("loose", 5))
            .policy(policy("trial", 2).shadow(true))
            .build()
            .unwrap();
        for _ in 0..2 {
            let _ = limiter.try_check("alice").unwrap();
        }
        let _ = limiter.try_check_with_cost("bob", 3).unwrap();
        let counted = |policy: &str, outcome: &str, count: &str| {
            let labels = format!(r#"policy="{policy}",outcome="{outcome}",mode="store""#);
            seen.assert(&format!("tidegate_decisions_total{{{labels}}}"), count);
        };
        counted("strict", "allowed", "1");
        counted("strict", "denied", "2");
        counted("loose", "allowed", "3");
        counted("trial", "allowed", "2");
        counted("trial", "shadow-denied", "1");
        seen.assert("tidegate_decision_seconds_count", "3");
        let text = seen.0.render();
        assert!(!text.contains("alice") && !text.contains("bob"), "{text}");
    });
}

#[test]
fn an_outage_shows_in_the_mode_the_errors_and_the_gauge_until_it_is_over() {
    recorded(|seen| {
        let policy = policy("p", 5).outage(Fallback::Closed);
        let limiter = builder(Flaky::down(MemoryStore::new())).policy(policy);
        let limiter = limiter.build().unwrap();
        seen.assert("tidegate_partitioned", "0");
        seen.assert("tidegate_lookup_failures_total", "0");
        for _ in 0..3 {
            let denied = wait(limiter.check("alice"));
            assert!(denied.is_unavailable());
        }
        seen.assert(r#"tidegate_store_errors_total{kind="unavailable"}"#, "3");
        let closed = r#"tidegate_decisions_total{policy="p",outcome="denied",mode="closed"}"#;
        seen.assert(closed, "3");
        seen.assert("tidegate_partitioned", "1");
    });
}

#[test]
fn what_a_closed_policy_in_shadow_would_deny_is_seen_before_it_enforces() {
    recorded(|seen| {
        let policy = policy("trial", 5).outage(Fallback::Closed).shadow(true);
        let limiter = builder(Flaky::down(MemoryStore::new())).policy(policy);
        let limiter = limiter.build().unwrap();
        assert!(wait(limiter.check("alice")).is_allowed());
        let trial =
            r#"tidegate_decisions_total{policy="trial",outcome="shadow-denied",mode="closed"}"#;
        seen.assert(trial, "1");
    });
}

#[test]
fn an_outage_that_is_over_is_seen_to_be() {
    recorded(|seen| {
        let clock = ManualClock::new();
        let store = std::sync::Arc::new(Flaky::down(MemoryStore::new()));
        let limiter = builder(std::sync::Arc::clone(&store))
            .policy(policy("p", 5).outage(Fallback::Open))
            .clock(clock.clone())
            .build()
            .unwrap();
        let _ = wait(limiter.check("alice"));
        seen.assert("tidegate_partitioned", "1");
        store.set_answers(true);
        clock.advance(Duration::from_secs(5));
        let _ = wait(limiter.check("alice"));
        seen.assert("tidegate_partitioned", "0");
    });
}

/// Counts what is asked of it, and keeps nothing.
#[derive(Default)]
struct Registrations {
    registered: AtomicUsize,
    described: Mutex<HashSet<String>>,
}

impl Registrations {
    fn described(&self, name: &KeyName) {
        let mut described = self.described.lock().unwrap();
        described.insert(name.as_str().to_owned());
    }
}

impl Recorder for Registrations {
    fn describe_counter(&self, name: KeyName, _: Option<Unit>, _: SharedString) {
        self.described(&name);
    }

    fn describe_gauge(&self, name: KeyName, _: Option<Unit>, _: SharedString) {
        self.described(&name);
    }

    fn describe_histogram(&self, name: KeyName, _: Option<Unit>, _: SharedString) {
        self.described(&name);
    }

    fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
        self.registered.fetch_add(1, Ordering::Relaxed);
        Counter::noop()
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        self.registered.fetch_add(1, Ordering::Relaxed);
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        self.registered.fetch_add(1, Ordering::Relaxed);
        Histogram::noop()
    }
}

#[test]
fn everything_is_described_and_a_decision_registers_nothing_twice() {
    let recorder = Registrations::default();
    metrics::with_local_recorder(&recorder, || {
        let limiter = builder(MemoryStore::new())
            .policy(policy("a", 1))
            .policy(policy("b", 2))
            .build()
            .unwrap();
        let described = recorder.described.lock().unwrap();
        let expected = METRICS.iter().map(|metric| metric.name.to_owned());
        assert_eq!(*described, expected.collect());
        // allowed by both, denied by one of them, denied by both
        for _ in 0..2 {
            let _ = limiter.try_check("alice");
        }
        let _ = limiter.try_check_with_cost("alice", 9);
        let registered = recorder.registered.load(Ordering::Relaxed);
        for subject in ["alice", "bob", "carol", "bob", "bob"] {
            let _ = limiter.try_check(subject);
        }
        let since = recorder.registered.load(Ordering::Relaxed) - registered;
        assert_eq!(since, 0);
    });
}
