//! How a limiter is put together.

use std::time::Duration;

use tidegate_clock::Clock;
use tidegate_store::Store;

use crate::{AsyncResolver, BuildError, Limiter, LookupSettings, Observer, Policy, Resolver};

/// Puts a [`Limiter`] together. What can be wrong is checked in [`build`](Self::build).
#[must_use = "a builder does nothing until it is built"]
pub struct LimiterBuilder {
    pub(crate) store: Box<dyn Store>,
    pub(crate) policies: Vec<Policy>,
    pub(crate) deadline: Duration,
    pub(crate) expected_nodes: u32,
}

impl LimiterBuilder {
    pub(crate) fn new(store: Box<dyn Store>) -> Self {
        Self {
            store,
            policies: Vec::new(),
            deadline: Duration::from_millis(50),
            expected_nodes: 1,
        }
    }

    /// Adds a policy. A request must be admitted by all of them.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policies.push(policy);
        self
    }

    /// Adds policies.
    pub fn policies(mut self, policies: impl IntoIterator<Item = Policy>) -> Self {
        self.policies.extend(policies);
        self
    }

    /// D, the longest that a decision may wait for the store (L1): 1 ms to 60 s, 50 ms if not given.
    pub fn deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// How many nodes limit together, for their shares while the store cannot be reached. 1 if not given.
    pub fn expected_nodes(self, nodes: u32) -> Self {
        Self {
            expected_nodes: nodes,
            ..self
        }
    }

    /// Takes limits per subject from a resolver that answers at once.
    pub fn resolver(self, _resolver: impl Resolver + 'static) -> Self {
        self
    }

    /// Takes limits per subject from a resolver whose answers take time, and are cached.
    pub fn async_resolver(
        self,
        _resolver: impl AsyncResolver + 'static,
        _settings: LookupSettings,
    ) -> Self {
        self
    }

    /// Tells `observer` what the limiter does. There can be several.
    pub fn observer(self, _observer: impl Observer + 'static) -> Self {
        self
    }

    /// Tells the time while the store cannot: for counting, and for how long an outage has lasted. The
    /// system's clock if not given; for tests.
    pub fn clock(self, _clock: impl Clock) -> Self {
        self
    }

    /// Builds the limiter.
    ///
    /// # Errors
    ///
    /// If there is no policy, a name is not allowed or there twice, or a setting is out of range.
    pub fn build(self) -> Result<Limiter, BuildError> {
        Limiter::from_builder(self)
    }
}
