//! What the subjects share that came when the table was full: one entry per policy (R1).

use tidegate_core::{PolicyId, Timestamp};

use crate::Entry;
use crate::sync::MutexGuard;

/// The shared entries, locked. Lock a subject first if both are needed.
pub struct Overflow<'a, V> {
    shared: MutexGuard<'a, Shared<V>>,
    now: Timestamp,
}

pub(crate) struct Shared<V> {
    /// As many as there are policies: a handful.
    entries: Vec<(PolicyId, V)>,
    latest: Timestamp,
}

impl<V> Shared<V> {
    pub(crate) fn new() -> Self {
        Self {
            entries: Vec::new(),
            latest: Timestamp::EPOCH,
        }
    }
}

impl<'a, V: Entry> Overflow<'a, V> {
    pub(crate) fn new(
        mut shared: MutexGuard<'a, Shared<V>>,
        now: Timestamp,
        clock: impl Fn() -> Timestamp,
    ) -> Self {
        let now = crate::table::settle(now, &mut shared.latest, clock);
        Self { shared, now }
    }

    /// The time at which the entries are worked on: not before the subject's, nor before anything that was done
    /// to them, unless the clock itself went back.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The entry that subjects without one share under a policy.
    pub fn value(&self, policy: PolicyId) -> Option<&V> {
        let mut entries = self.shared.entries.iter();
        entries
            .find(|(id, _)| *id == policy)
            .map(|(_, value)| value)
    }

    /// The same, to be changed; made if there is none yet. Those that are idle make room.
    pub fn value_mut(&mut self, policy: PolicyId) -> &mut V {
        let entries = &mut self.shared.entries;
        let at = entries
            .iter()
            .position(|(id, _)| *id == policy)
            .unwrap_or_else(|| {
                entries.retain(|(_, value)| !value.is_idle(self.now));
                entries.push((policy, V::default()));
                entries.len() - 1
            });
        &mut entries[at].1
    }

    /// Forgets the entry that subjects share under a policy.
    pub fn remove(&mut self, policy: PolicyId) {
        self.shared.entries.retain(|(id, _)| *id != policy);
    }
}

impl<V> std::fmt::Debug for Overflow<'_, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Overflow")
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}
