//! One policy's part in a decision: what it said, and what is left under it.

use core::time::Duration;

use crate::{PolicyName, Quota, Timestamp, Usage};

/// One policy's part in a decision. Everything is derived from the usage, when it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    name: PolicyName,
    quota: Quota,
    usage: Usage,
    at: Timestamp,
    cost: u64,
    verdict: Verdict,
    shadow: bool,
}

/// What a policy says to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Admits,
    Refuses,
    /// Refuses whatever was used, which nobody knows.
    Closed,
}

impl Status {
    pub(crate) const fn new(
        rule: &crate::Rule,
        usage: Usage,
        at: Timestamp,
        cost: u64,
        violated: bool,
    ) -> Self {
        Self {
            name: rule.name(),
            quota: *rule.quota(),
            usage,
            at,
            cost,
            verdict: if violated {
                Verdict::Refuses
            } else {
                Verdict::Admits
            },
            shadow: rule.is_shadow(),
        }
    }

    /// Under a rule that is closed while the store cannot be reached.
    pub(crate) fn closed(rule: &crate::Rule, at: Timestamp, cost: u64) -> Self {
        Self {
            verdict: Verdict::Closed,
            ..Self::new(rule, Usage::default(), at, cost, true)
        }
    }

    /// The policy's name.
    pub const fn name(&self) -> PolicyName {
        self.name
    }

    /// The quota that applied; for one node's share in an outage, the share.
    pub const fn quota(&self) -> &Quota {
        &self.quota
    }

    /// What the subject had used when this was decided, this request included if it was charged. Nothing, where the policy was
    /// closed: then nobody knows.
    pub const fn usage(&self) -> Usage {
        self.usage
    }

    /// Whether this policy refused the request.
    pub const fn is_violated(&self) -> bool {
        !matches!(self.verdict, Verdict::Admits)
    }

    /// Whether this policy only reports.
    pub const fn is_shadow(&self) -> bool {
        self.shadow
    }

    /// The most that can be left: the limit, or a token bucket's burst.
    pub const fn limit(&self) -> u64 {
        self.quota.capacity()
    }

    /// What is left: 0 to [`limit`](Self::limit) (G8). Of a closed policy, nothing.
    pub fn remaining(&self) -> u64 {
        match self.verdict {
            Verdict::Closed => 0,
            _ => self.quota.remaining(self.usage, self.at),
        }
    }

    /// How long no more than [`remaining`](Self::remaining) can be used: until a window ends, a previous
    /// window loses weight, or the next unit flows into a bucket.
    pub fn replenishes_in(&self) -> Duration {
        let more = self.remaining() + 1;
        let when = if more > self.limit() {
            self.at + self.quota.capacity_window()
        } else {
            // `more` does not fit now, or more would remain; and it is at most the capacity.
            self.quota
                .available_at(self.usage, more, self.at)
                .unwrap_or(Timestamp::MAX)
        };
        when.since(self.at)
    }

    /// How long until nothing counts as used any more, if nothing else is admitted.
    pub fn full_in(&self) -> Duration {
        self.quota.idle_at(self.usage).since(self.at)
    }

    /// How long the refused cost must wait under this policy; zero if it was not refused, `None` if it exceeds
    /// what the policy can ever admit, or if the policy is closed and nobody can tell.
    pub fn retry_after(&self) -> Option<Duration> {
        let when = match self.verdict {
            Verdict::Admits => return Some(Duration::ZERO),
            Verdict::Refuses => self.quota.available_at(self.usage, self.cost, self.at),
            Verdict::Closed => None,
        };
        when.map(|when| when.since(self.at))
    }

    /// Whether the request's cost was added to this policy's count, given that the request was admitted.
    pub(crate) const fn counts_admitted(&self) -> bool {
        !self.is_violated()
    }
}
