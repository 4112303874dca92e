//! Knows every request that was ever admitted, and by whom.

use std::collections::BTreeMap;

use tidegate_core::{Decision, Provenance};

/// One admitted request.
#[derive(Clone, Copy, Debug)]
pub struct Admission {
    /// True time.
    pub at: u64,
    /// Which node.
    pub node: usize,
    /// Which life of that node: a restarted node is another one.
    pub life: u32,
    /// For whom.
    pub subject: u32,
    /// What it cost.
    pub cost: u64,
    /// The window it was charged to, by its first policy; a token bucket has none.
    pub window: u64,
    /// How it was decided.
    pub provenance: Provenance,
}

/// The log of all admissions, and counts of denials.
#[derive(Default)]
pub struct Oracle {
    /// Everything that was admitted, in order of time.
    pub admitted: Vec<Admission>,
    /// How many requests were denied, by the name of how that was decided.
    pub denied: BTreeMap<&'static str, u64>,
    /// How many decisions waited for the store.
    pub waited: u64,
    /// The longest that a decision took, in nanoseconds.
    pub slowest: u64,
    /// How many decisions there were.
    pub decisions: u64,
    /// Denials that were wrong: what was true, for the message.
    pub false_denials: Vec<String>,
}

impl Oracle {
    /// Notes a decision.
    pub fn decided(&mut self, admission: Admission, decision: &Decision, waited: u64) {
        self.decisions += 1;
        self.slowest = self.slowest.max(waited);
        self.waited += u64::from(waited > 0);
        if decision.is_allowed() {
            self.admitted.push(admission);
        } else {
            *self
                .denied
                .entry(decision.provenance().as_str())
                .or_default() += 1;
        }
    }

    /// What was admitted for a subject in each window of true time.
    pub fn by_window(&self, subject: u32, window: u64) -> BTreeMap<u64, u64> {
        let mut sums = BTreeMap::new();
        for admission in self
            .admitted
            .iter()
            .filter(|admission| admission.subject == subject)
        {
            *sums.entry(admission.at / window).or_default() += admission.cost;
        }
        sums
    }

    /// What was admitted for a subject, by the window that its node charged.
    pub fn by_charged_window(&self, subject: u32) -> BTreeMap<u64, u64> {
        let mut sums = BTreeMap::new();
        for admission in self
            .admitted
            .iter()
            .filter(|admission| admission.subject == subject)
        {
            *sums.entry(admission.window).or_default() += admission.cost;
        }
        sums
    }
}
