//! The subjects that the shared store cannot serve, so that it is logged when that begins and not at every report.

use std::collections::HashSet;

use parking_lot::Mutex;
use tidegate_table::Digest;

/// So many are remembered; should there be more, all are forgotten, and those that go on are logged once more.
const MOST: usize = 1_024;

#[derive(Debug, Default)]
pub(crate) struct Unserved {
    subjects: Mutex<HashSet<Digest>>,
}

impl Unserved {
    /// A subject was not served. Says whether that is new.
    pub(crate) fn begins(&self, digest: Digest) -> bool {
        let mut subjects = self.subjects.lock();
        if subjects.len() >= MOST {
            subjects.clear();
        }
        subjects.insert(digest)
    }

    /// A subject was served.
    pub(crate) fn ends(&self, digest: Digest) {
        let mut subjects = self.subjects.lock();
        if !subjects.is_empty() {
            subjects.remove(&digest);
        }
    }
}
