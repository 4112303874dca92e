//! How a limiter is put together.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tidegate_clock::Clock;
use tidegate_store::{Capabilities, Store};

use crate::clock::AnyClock;
use crate::engine::Engine;
use crate::guarded::Guarded;
use crate::local::Local;
use crate::observers::Observers;
use crate::outage::OutageTracker;
use crate::patience::Patience;
use crate::policy_set::PolicySet;
use crate::replaceable::Replaceable;
use crate::resolver::Source;
use crate::{AsyncResolver, BuildError, Limiter, LookupSettings, Observer, Policy, Resolver};

/// The shortest [deadline](LimiterBuilder::deadline).
pub const MIN_DEADLINE: Duration = Duration::from_millis(1);
/// The longest [deadline](LimiterBuilder::deadline).
pub const MAX_DEADLINE: Duration = Duration::from_secs(60);
/// If neither the limiter nor the store is told one.
const DEFAULT_DEADLINE: Duration = Duration::from_millis(50);

/// Puts a [`Limiter`] together. What can be wrong is checked in [`build`](Self::build).
///
/// ```
/// use std::time::Duration;
/// use tidegate_limiter::{Fallback, Limiter, Policy, Quota};
/// use tidegate_store_memory::MemoryStore;
///
/// let limiter = Limiter::builder(MemoryStore::new())
///     .policy(Policy::new("per-client", Quota::per_minute(100)?))
///     .policy(Policy::new("daily", Quota::per_day(10_000)?).outage(Fallback::Open))
///     .deadline(Duration::from_millis(20))
///     .expected_nodes(3)
///     .build()?;
///
/// let wrong = Limiter::builder(MemoryStore::new()).build().unwrap_err();
/// assert_eq!(wrong.to_string(), "no policies: give at least one, with `.policy(Policy::new(name, quota))`");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a builder does nothing until it is built"]
pub struct LimiterBuilder {
    store: Arc<dyn Store>,
    policies: Vec<Policy>,
    deadline: Option<Duration>,
    expected_nodes: u32,
    local_entries: usize,
    limits: Limits,
    observers: Vec<Box<dyn Observer>>,
    clock: AnyClock,
}

/// Where subjects' own limits come from.
enum Limits {
    Policies,
    Immediate(Box<dyn Resolver>),
    Cached(Box<dyn AsyncResolver>, LookupSettings),
}

impl LimiterBuilder {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            policies: Vec::new(),
            deadline: None,
            expected_nodes: 1,
            local_entries: tidegate_store_memory::DEFAULT_MAX_ENTRIES,
            limits: Limits::Policies,
            observers: Vec::new(),
            clock: AnyClock::default(),
        }
    }

    /// Adds a policy. A request must be admitted by all policies, and is charged to all or to none.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policies.push(policy);
        self
    }

    /// Adds policies.
    pub fn policies(mut self, policies: impl IntoIterator<Item = Policy>) -> Self {
        self.policies.extend(policies);
        self
    }

    /// D, the longest that a decision may wait for the store, everything included (L1): 1 ms to 60 s. If not given, as long
    /// as the store's own deadline ([`Capabilities::deadline`](tidegate_store::Capabilities::deadline)), or 50 ms if it has
    /// none. After that the policies' outage settings decide, or what a store answers that keeps a deadline of its own, as
    /// long as this or shorter: it is heard first. A store that decides outages by itself, as the tiered one does, must be
    /// heard: a shorter deadline than its own is refused.
    pub fn deadline(self, deadline: Duration) -> Self {
        Self {
            deadline: Some(deadline),
            ..self
        }
    }

    /// How many nodes limit together: what their shares are cut by while the store cannot be reached (G4). At
    /// least 1, which is also what holds if it is not given.
    pub fn expected_nodes(self, nodes: u32) -> Self {
        Self {
            expected_nodes: nodes,
            ..self
        }
    }

    /// The most counters that are kept in this process while the store cannot be reached, one for each subject
    /// under each policy (R1). One million if not given; they take memory only as they fill.
    pub fn local_entries(self, entries: usize) -> Self {
        Self {
            local_entries: entries,
            ..self
        }
    }

    /// Takes limits per subject from a resolver that answers at once. It is asked for every request. The last
    /// resolver given holds.
    pub fn resolver(self, resolver: impl Resolver + 'static) -> Self {
        Self {
            limits: Limits::Immediate(Box::new(resolver)),
            ..self
        }
    }

    /// Takes limits per subject from a resolver whose answers take time, and are cached. The last resolver given
    /// holds.
    pub fn async_resolver(
        self,
        resolver: impl AsyncResolver + 'static,
        settings: LookupSettings,
    ) -> Self {
        Self {
            limits: Limits::Cached(Box::new(resolver), settings),
            ..self
        }
    }

    /// Tells an observer what the limiter does. There can be several.
    pub fn observer(mut self, observer: impl Observer + 'static) -> Self {
        self.observers.push(Box::new(observer));
        self
    }

    /// Tells the time in this process: to count while the store cannot be reached, to know for how long that has
    /// been, and to tell observers how long a decision took. The system's clock if not given. Time limits do not
    /// follow it but tokio's time.
    pub fn clock(self, clock: impl Clock) -> Self {
        Self {
            clock: AnyClock::new(clock),
            ..self
        }
    }

    /// Builds the limiter.
    ///
    /// # Errors
    ///
    /// If there is no policy, or more than the store takes in one request; a policy's name is not allowed or is there
    /// twice; or a setting is out of range.
    pub fn build(self) -> Result<Limiter, BuildError> {
        let deadline = deadline(self.deadline, &self.store.capabilities())?;
        if self.expected_nodes == 0 {
            return Err(BuildError::NoNodes);
        }
        let observers = Observers::new(self.observers, self.clock.clone());
        let patience = Patience::new(self.clock.clone(), deadline);
        let store = Guarded::new(self.store, deadline, patience, observers.clone());
        let policies = PolicySet::for_store(self.policies, store.capabilities())?;
        Ok(Limiter::from_engine(Engine {
            policies: Replaceable::new(policies),
            limits: self.limits.source(&observers)?,
            local: Local::new(self.expected_nodes, self.local_entries, self.clock.clone())
                .map_err(BuildError::LocalEntries)?,
            outage: OutageTracker::default(),
            clock: self.clock,
            observers,
            store,
        }))
    }
}

/// How long a decision waits: as long as was given, if that can be, or else as long as the store does.
fn deadline(given: Option<Duration>, capabilities: &Capabilities) -> Result<Duration, BuildError> {
    let Some(deadline) = given else {
        return Ok(capabilities.deadline.unwrap_or(DEFAULT_DEADLINE));
    };
    if !(MIN_DEADLINE..=MAX_DEADLINE).contains(&deadline) {
        return Err(BuildError::Deadline { deadline });
    }
    match capabilities.deadline {
        Some(store) if capabilities.decides_outages() && deadline < store => {
            Err(BuildError::DeadlineBeforeStore { deadline, store })
        }
        _ => Ok(deadline),
    }
}

impl Limits {
    fn source(self, observers: &Observers) -> Result<Source, BuildError> {
        match self {
            Self::Policies => Ok(Source::None),
            Self::Immediate(resolver) => Ok(Source::Immediate(resolver, observers.clone())),
            Self::Cached(resolver, settings) => {
                settings.check()?;
                Ok(Source::lookups(resolver, settings, observers.clone()))
            }
        }
    }
}

impl fmt::Debug for LimiterBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LimiterBuilder")
            .field("policies", &self.policies)
            .field("deadline", &self.deadline)
            .field("expected_nodes", &self.expected_nodes)
            .finish_non_exhaustive()
    }
}
