//! What tidegate does, as metrics: for any recorder of the [`metrics`] facade.
//!
//! ```
//! use std::sync::Arc;
//!
//! use metrics_exporter_prometheus::PrometheusBuilder;
//! use tidegate_limiter::{Limiter, Policy, Quota};
//! use tidegate_metrics::MetricsObserver;
//! use tidegate_store_memory::MemoryStore;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // the recorder first: metrics that are registered before it go nowhere
//! let prometheus = PrometheusBuilder::new().install_recorder()?;
//!
//! let limiter = Limiter::builder(MemoryStore::new())
//!     .policy(Policy::new("per-client", Quota::per_minute(100)?))
//!     .observer(MetricsObserver::new())
//!     .build()?;
//! assert!(limiter.try_check("alice").is_some());
//!
//! let counted = r#"tidegate_decisions_total{policy="per-client",outcome="allowed",mode="store"} 1"#;
//! assert!(prometheus.render().contains(counted));
//! # Ok(())
//! # }
//! ```
//!
//! | you want to see | take |
//! |---|---|
//! | decisions, how long they took, failures of the store as the limiter meets them | [`MetricsObserver`] |
//! | how long a store takes to answer, and what a store under a tiered one fails at | [`Measured`] around it |
//! | what a store knows of itself: entries, evictions, breakers, lag, shares | [`Figures`] |
//! | which metrics there are | [`METRICS`] |
//!
//! Every name is [listed](METRICS) once. Labels have few values: policies' names, servers' addresses and words from
//! lists of this crate's own. A subject is never in one (nor could it be: observers are not told it).

mod catalogue;
mod figures;
mod measured;
mod observer;
mod policies;
mod recorder;
#[cfg(any(feature = "memory", feature = "redis", feature = "tiered"))]
mod stores;

pub use catalogue::{Kind, METRICS, Metric, ToldBy, describe};
pub use figures::{Figures, ServerFigures};
pub use measured::Measured;
pub use observer::MetricsObserver;
