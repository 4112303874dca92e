//! What both frameworks serve: the limiter, how it is used, and what it has counted.

use std::fmt;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use tidegate_http::{ClientAddress, ForwardedField, Key, Options, Proxies, key};
use tidegate_limiter::{Limiter, Policy, Quota};

use crate::flags::Flags;
use crate::metrics::Metrics;
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
        if let Some(file) = &flags.policies {
            let file = file.display();
            bail!("--policies {file} is not supported yet: use --limit, --window and --algorithm");
        }
        let counts = Counts::new(flags)?;
        let metrics = Arc::new(Metrics::new(counts.clone()));
        let limiter = Limiter::builder(Arc::clone(&counts.store))
            .policy(policy(flags)?)
            .deadline(flags.deadline)
            .expected_nodes(flags.expected_nodes)
            .observer(Arc::clone(&metrics))
            .build()?;
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

fn policy(flags: &Flags) -> Result<Policy> {
    let quota = Quota::new(flags.limit, flags.window)
        .and_then(|quota| quota.with_algorithm(flags.algorithm))
        .with_context(|| {
            let Flags {
                limit, algorithm, ..
            } = flags;
            let window = humantime::format_duration(flags.window);
            format!("--limit {limit} --window {window} --algorithm {algorithm}")
        })?;
    let policy = Policy::new("per-client", quota)
        .tolerance(flags.tolerance)
        .shadow(flags.shadow);
    Ok(match flags.outage {
        Some(fallback) => policy.outage(fallback),
        None => policy,
    })
}

impl fmt::Display for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, policy) in self.limiter.policies().iter().enumerate() {
            let shadow = if policy.is_shadow() {
                ", in shadow"
            } else {
                ""
            };
            let comma = if at > 0 { "; " } else { "" };
            write!(f, "{comma}{} {}{shadow}", policy.name(), policy.quota())?;
        }
        Ok(())
    }
}
