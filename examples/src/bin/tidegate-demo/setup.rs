//! What both frameworks serve: the limiter, how it is used, and what it has counted.

use std::sync::Arc;

use anyhow::{Context, Result};
use tidegate_config::PolicyFile;
use tidegate_http::{ClientAddress, ForwardedField, Key, Options, Proxies, key};
use tidegate_limiter::{Capabilities, Limiter, Policy, Quota, TracingObserver};
use tidegate_metrics::MetricsObserver;
use tracing_subscriber::filter::LevelFilter;

use crate::flags::Flags;
use crate::metrics::{self, Metrics};
use crate::store::Counts;

/// The limiter, how it is used, and what it has counted.
pub(crate) struct Setup {
    pub(crate) limiter: Limiter,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) counts: Counts,
    address: ClientAddress,
}

impl Setup {
    pub(crate) fn new(flags: &Flags) -> Result<Self> {
        // First, because what is registered before it goes nowhere.
        let recorded = metrics::install()?;
        let counts = Counts::new(flags)?;
        let metrics = Arc::new(Metrics::new(recorded, counts.clone()));
        let mut limiter = Limiter::builder(Arc::clone(&counts.store))
            .policies(policies(flags, &counts.store.capabilities())?)
            .deadline(flags.deadline.is)
            .expected_nodes(flags.expected_nodes)
            .observer(MetricsObserver::new());
        if flags.log >= LevelFilter::DEBUG {
            limiter = limiter.observer(TracingObserver);
        }
        let limiter = limiter.build()?;
        let mut address = ClientAddress::new();
        if let Some(ranges) = &flags.trust_proxy {
            address = address.behind(Proxies::trusted(
                ForwardedField::XForwardedFor,
                ranges.clone(),
            ));
        }
        Ok(Self {
            limiter,
            metrics,
            counts,
            address,
        })
    }

    /// The API key if there is one, else the client's address.
    pub(crate) fn options<R: ?Sized>(&self) -> Result<Options<R>> {
        let api_key: Key<R> = key::header("x-api-key")?;
        Ok(api_key.or(key::client(self.address.clone())).into())
    }
}

/// The policies in the flags' file, as it is now, or the one in the flags themselves; no more than the store takes.
pub(crate) fn policies(flags: &Flags, store: &Capabilities) -> Result<Vec<Policy>> {
    let policies = match &flags.policies {
        Some(path) => PolicyFile::new(path).read_for(store)?,
        None => vec![policy(flags)?],
    };
    let with_flags = |policy: Policy| {
        let shadow = policy.is_shadow() || flags.shadow;
        let outage = policy.chosen_outage().or(flags.outage.map(Into::into));
        let policy = policy.shadow(shadow);
        match outage {
            Some(outage) => policy.outage(outage),
            None => policy,
        }
    };
    Ok(policies.into_iter().map(with_flags).collect())
}

fn policy(flags: &Flags) -> Result<Policy> {
    let quota = Quota::new(flags.limit, flags.window.is)
        .and_then(|quota| quota.with_algorithm(flags.algorithm))
        .with_context(|| {
            let Flags {
                limit,
                window,
                algorithm,
                ..
            } = flags;
            format!("--limit {limit} --window {window} --algorithm {algorithm}")
        })?;
    Ok(Policy::new("per-client", quota).tolerance(flags.tolerance))
}

/// The limiter's policies, in words.
pub(crate) fn listed(limiter: &Limiter) -> String {
    let policies = limiter.policies();
    let words = policies.iter().map(|policy| {
        let shadow = if policy.is_shadow() {
            ", in shadow"
        } else {
            ""
        };
        format!("{} {}{shadow}", policy.name(), policy.quota())
    });
    words.collect::<Vec<_>>().join("; ")
}
