//! What stores know of themselves.

use tidegate_limiter::Store;
use tidegate_metrics::{Figures, ServerFigures};
use tidegate_store_memory::MemoryStore;
use tidegate_store_redis::RedisStore;
use tidegate_store_tiered::TieredStore;

use crate::recorded;

#[test]
fn a_memory_store_shows_its_table() {
    recorded(|seen| {
        let store = MemoryStore::builder().max_entries(4096).build().unwrap();
        Figures::from(store.stats()).record();
        seen.assert("tidegate_entries", "0");
        seen.assert(
            "tidegate_max_entries",
            &store.stats().max_entries.to_string(),
        );
        seen.assert("tidegate_evictions_total", "0");
        seen.assert("tidegate_overflows_total", "0");
        assert_eq!(seen.value("tidegate_partitioned"), None);
    });
}

#[test]
fn a_tiered_store_shows_how_it_stands() {
    recorded(|seen| {
        let store = TieredStore::builder(MemoryStore::new());
        let store = store.expected_nodes(3).build().unwrap();
        Figures::from(store.stats()).record();
        seen.assert("tidegate_partitioned", "0");
        seen.assert("tidegate_nodes", "3");
        for unknown in ["share", "overshoot_ratio", "sync_lag_seconds"] {
            seen.assert(&format!("tidegate_{unknown}"), "NaN");
        }
        for none in ["unsent", "entries", "store_calls_total", "evictions_total"] {
            seen.assert(&format!("tidegate_{none}"), "0");
        }
        seen.assert(r#"tidegate_dropped_total{reason="window_over"}"#, "0");
        assert_eq!(
            store
                .capabilities()
                .max_entries
                .map(|most| most.to_string()),
            seen.value("tidegate_max_entries")
        );
    });
}

#[test]
fn a_redis_store_shows_its_servers_but_no_password() {
    recorded(|seen| {
        // Nothing listens at port 1, and nothing is asked.
        let store = RedisStore::connect("redis://user:secret@127.0.0.1:1").unwrap();
        Figures::from(store.status()).record();
        seen.assert(r#"tidegate_breaker_state{endpoint="127.0.0.1:1"}"#, "0");
        seen.assert(
            r#"tidegate_breaker_opened_total{endpoint="127.0.0.1:1"}"#,
            "0",
        );
        seen.assert("tidegate_store_in_flight", "0");
        seen.assert("tidegate_repaired_total", "0");
        assert!(!seen.0.render().contains("secret"));
    });
}

#[test]
fn figures_of_ones_own_store_are_recorded_and_counters_never_fall() {
    recorded(|seen| {
        let server = |is_open| ServerFigures {
            endpoint: "db:1".to_owned(),
            is_open,
            opened: 4,
        };
        let figures = Figures {
            partitioned: Some(true),
            share: Some(0.25),
            overshoot: Some(1.02),
            lag_seconds: Some(0.5),
            dropped: Some(9),
            repaired: Some(2),
            in_flight: Some(3),
            servers: vec![server(true)],
            ..Figures::default()
        };
        figures.record();
        seen.assert("tidegate_partitioned", "1");
        seen.assert("tidegate_share", "0.25");
        seen.assert("tidegate_overshoot_ratio", "1.02");
        seen.assert("tidegate_sync_lag_seconds", "0.5");
        seen.assert(r#"tidegate_breaker_state{endpoint="db:1"}"#, "1");
        seen.assert(r#"tidegate_breaker_opened_total{endpoint="db:1"}"#, "4");
        let older = Figures {
            dropped: Some(8),
            servers: vec![server(false)],
            ..Figures::default()
        };
        older.record();
        seen.assert(r#"tidegate_dropped_total{reason="window_over"}"#, "9");
        seen.assert(r#"tidegate_breaker_state{endpoint="db:1"}"#, "0");
        seen.assert("tidegate_store_in_flight", "3");
    });
}
