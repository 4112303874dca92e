//! The figures of our own stores.

use crate::Figures;

#[cfg(feature = "memory")]
impl From<tidegate_store_memory::MemoryStats> for Figures {
    fn from(stats: tidegate_store_memory::MemoryStats) -> Self {
        Self {
            entries: Some(stats.entries),
            max_entries: Some(stats.max_entries),
            evicted: Some(stats.evicted),
            overflowed: Some(stats.overflowed),
            ..Self::default()
        }
    }
}

#[cfg(feature = "tiered")]
impl From<tidegate_store_tiered::TieredStats> for Figures {
    fn from(stats: tidegate_store_tiered::TieredStats) -> Self {
        use tidegate_core::tiered::Mode;

        Self {
            partitioned: Some(matches!(stats.mode, Mode::Out { .. })),
            nodes: Some(stats.nodes),
            share: Some(stats.share.unwrap_or(f64::NAN)),
            overshoot: Some(stats.overshoot.unwrap_or(f64::NAN)),
            lag_seconds: Some(stats.lag.map_or(f64::NAN, |lag| lag.as_secs_f64())),
            unsent: Some(stats.pending),
            calls: Some(stats.calls),
            dropped: Some(stats.dropped),
            entries: Some(stats.entries),
            max_entries: Some(stats.max_entries),
            evicted: Some(stats.evicted),
            overflowed: Some(stats.overflowed),
            ..Self::default()
        }
    }
}

#[cfg(feature = "redis")]
impl From<tidegate_store_redis::Status> for Figures {
    fn from(status: tidegate_store_redis::Status) -> Self {
        let servers = status.servers.into_iter();
        Self {
            in_flight: Some(status.in_flight),
            repaired: Some(status.repaired),
            servers: servers
                .map(|server| crate::ServerFigures {
                    endpoint: server.address,
                    is_open: server.open_for.is_some(),
                    opened: server.opened,
                })
                .collect(),
            ..Self::default()
        }
    }
}
