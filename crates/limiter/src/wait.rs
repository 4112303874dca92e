//! Waiting until a request is admitted.

use std::time::Duration;

use tidegate_core::{Decision, Fallback, Provenance};

/// How long to wait to be admitted.
///
/// ```
/// use std::time::Duration;
/// use tidegate_limiter::Wait;
///
/// let wait = Wait::at_most(Duration::from_secs(30));
/// assert_eq!(wait.deadline, Duration::from_secs(30));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// The longest wait in all, beside the answer to the last question.
    pub deadline: Duration,
    /// Up to how much is added to every wait, at random, so that those who were denied together do not come
    /// back together.
    pub jitter: Duration,
}

impl Wait {
    /// A wait of at most `deadline`, with a jitter of up to 20 ms.
    pub const fn at_most(deadline: Duration) -> Self {
        Self {
            deadline,
            jitter: Duration::from_millis(20),
        }
    }

    /// With another jitter.
    #[must_use]
    pub const fn jitter(self, jitter: Duration) -> Self {
        Self { jitter, ..self }
    }
}

/// How often a store that cannot be reached is asked again.
const ASK_AGAIN: Duration = Duration::from_millis(250);
/// The shortest pause between two questions: the resolution of tokio's timers.
const SHORTEST_PAUSE: Duration = Duration::from_millis(1);

impl Wait {
    /// How long to pause after a denial, when so much time has `passed` since the wait began.
    pub(crate) fn pause(
        self,
        passed: Duration,
        decision: Box<Decision>,
    ) -> Result<Duration, WaitError> {
        let deadline = self.deadline;
        let left = deadline.saturating_sub(passed);
        let share = matches!(decision.provenance(), Provenance::Outage(Fallback::Share));
        // What is above this node's share is below the limit, perhaps.
        let unavailable = decision.is_unavailable() || share && decision.retry_after().is_none();
        let needed = match decision.retry_after() {
            Some(needed) => needed,
            // Nobody can tell how long.
            None if unavailable => ASK_AGAIN.min(left),
            None => return Err(WaitError::Never { decision }),
        };
        if needed <= left && !left.is_zero() {
            let pause = needed
                .max(SHORTEST_PAUSE)
                .saturating_add(up_to(self.jitter));
            return Ok(pause.min(left));
        }
        Err(if unavailable {
            WaitError::Unavailable { deadline, decision }
        } else {
            WaitError::DeadlineExceeded {
                deadline,
                needed,
                decision,
            }
        })
    }
}

/// At random.
fn up_to(most: Duration) -> Duration {
    let nanos = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
    Duration::from_nanos(fastrand::u64(0..=nanos))
}

/// Which cost is above what, or that nothing is ever admitted.
fn why_never(decision: &Decision) -> String {
    let mut violated = decision.violated();
    match violated.find(|status| status.retry_after().is_none()) {
        Some(status) => format!(
            "the cost is {}, and the policy {} admits {} at most",
            decision.cost(),
            status.name(),
            status.limit()
        ),
        None => "the subject is blocked".to_owned(),
    }
}

/// Why waiting ended without being admitted. Each carries the last decision.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WaitError {
    /// The request would be admitted only after the deadline. This is known, and said, at once.
    #[error("not admitted within {deadline:?}: it would have needed another {needed:?}")]
    DeadlineExceeded {
        /// The deadline given.
        deadline: Duration,
        /// How much longer it would have had to wait when this was found out.
        needed: Duration,
        /// The last decision.
        decision: Box<Decision>,
    },
    /// Waiting never helps: the cost is above what a policy ever admits, or the subject is blocked.
    #[error("never admissible: {}", why_never(decision))]
    Never {
        /// The last decision.
        decision: Box<Decision>,
    },
    /// The store could not be reached until the deadline, and a policy denies without it.
    #[error(
        "not admitted within {deadline:?}: the store cannot be reached, and a policy denies without it"
    )]
    Unavailable {
        /// The deadline given.
        deadline: Duration,
        /// The last decision.
        decision: Box<Decision>,
    },
}
