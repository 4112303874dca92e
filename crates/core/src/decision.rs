//! What was decided, from what counts, and how it is known.

use core::time::Duration;

use smallvec::SmallVec;

use crate::{Fallback, Status, Timestamp, Usage};

/// How a decision was reached. Every decision says so; an outage is never disguised as an ordinary answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provenance {
    /// By the store that holds the counts, now.
    Store,
    /// By this node alone, on counts heard from the store `age` ago.
    Local {
        /// How old the knowledge is.
        age: Duration,
    },
    /// By the policy's outage setting, because the store cannot be reached.
    Outage(Fallback),
    /// On a counter that many subjects share, because the table is full (R1).
    Overflow,
    /// By the subject's own limits, without counting: it is blocked, or nothing limits it.
    Resolved,
}

impl Provenance {
    /// The name that metrics, logs and headers use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Store => "store",
            Self::Local { .. } => "local",
            Self::Outage(fallback) => fallback.as_str(),
            Self::Overflow => "overflow",
            Self::Resolved => "resolved",
        }
    }
}

/// The answer to one request: admitted or not, by which policies, and how that is known.
///
/// See [`decide`](crate::decide) for how it comes about.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a decision that nobody looks at limits nothing"]
pub struct Decision {
    at: Timestamp,
    cost: u64,
    allowed: bool,
    provenance: Provenance,
    statuses: SmallVec<[Status; 2]>,
}

impl Decision {
    /// From the policies' parts: it is admitted if no policy that enforces refused it.
    pub(crate) fn new(at: Timestamp, cost: u64, statuses: SmallVec<[Status; 2]>) -> Self {
        let allowed = !statuses
            .iter()
            .any(|status| status.is_violated() && !status.is_shadow());
        Self {
            at,
            cost,
            allowed,
            provenance: Provenance::Store,
            statuses,
        }
    }

    /// The decision under one rule, after [`charge`](crate::charge) changed the usage and said whether the rule is
    /// violated.
    #[inline]
    pub fn under(
        rule: &crate::Rule,
        usage: Usage,
        cost: u64,
        at: Timestamp,
        violated: bool,
    ) -> Self {
        Self::reached(rule, usage, cost, at, violated, Provenance::Store)
    }

    /// As [`under`](Self::under), reached in some other way than by the store.
    #[inline]
    pub(crate) fn reached(
        rule: &crate::Rule,
        usage: Usage,
        cost: u64,
        at: Timestamp,
        violated: bool,
        provenance: Provenance,
    ) -> Self {
        let mut statuses = SmallVec::new();
        statuses.push(Status::new(rule, usage, at, cost, violated));
        Self {
            at,
            cost,
            allowed: !violated || rule.is_shadow(),
            provenance,
            statuses,
        }
    }

    /// A decision without counts: by a fixed rule, not by what was used.
    pub fn uncounted(allowed: bool, cost: u64, at: Timestamp, provenance: Provenance) -> Self {
        Self {
            at,
            cost,
            allowed,
            provenance,
            statuses: SmallVec::new(),
        }
    }

    /// The same decision, reached in another way.
    pub fn with_provenance(self, provenance: Provenance) -> Self {
        Self { provenance, ..self }
    }

    /// Whether the request may proceed.
    pub const fn is_allowed(&self) -> bool {
        self.allowed
    }

    /// Whether it was denied only because the store cannot be reached: 503, not 429.
    pub const fn is_unavailable(&self) -> bool {
        !self.allowed && matches!(self.provenance, Provenance::Outage(Fallback::Closed))
    }

    /// How it was reached.
    pub const fn provenance(&self) -> Provenance {
        self.provenance
    }

    /// When it was decided, on the clock of whoever decided.
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    /// What the request costs.
    pub const fn cost(&self) -> u64 {
        self.cost
    }

    /// Each policy's part, in the order in which the policies were given. In an outage, only of those that had a say;
    /// empty where none had.
    pub fn statuses(&self) -> &[Status] {
        &self.statuses
    }

    /// The policies that refused, without those that only report.
    pub fn violated(&self) -> impl Iterator<Item = &Status> {
        self.statuses
            .iter()
            .filter(|status| status.is_violated() && !status.is_shadow())
    }

    /// The most restrictive policy: the one that refused for longest, else the one with the smallest part of
    /// its limit left.
    pub fn most_restrictive(&self) -> Option<&Status> {
        if !self.allowed {
            // `None` (never) is the longest wait of all.
            return self
                .violated()
                .max_by_key(|status| status.retry_after().unwrap_or(Duration::MAX));
        }
        let enforced = self.statuses.iter().filter(|status| !status.is_shadow());
        enforced.min_by(|a, b| {
            let left =
                |s: &Status, other: &Status| u128::from(s.remaining()) * u128::from(other.limit());
            left(a, b).cmp(&left(b, a))
        })
    }

    /// How long to wait until the same request is admitted, if nobody else is admitted before (L5). `None` if
    /// it was allowed, or if waiting never helps, or if the store is away and nobody can tell.
    pub fn retry_after(&self) -> Option<Duration> {
        if self.allowed {
            return None;
        }
        let waits = self.violated().map(Status::retry_after);
        waits.reduce(|a, b| Some(a?.max(b?))).flatten()
    }
}
