//! What the tests share: rules, and the store's answers without ceremony.
#![allow(dead_code, reason = "not every test file uses everything")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use futures_util::FutureExt;
use tidegate_clock::{Clock, ManualClock};
use tidegate_core::{Algorithm, Decision, PolicyName, Quota, Rule};
use tidegate_store::{Request, Store};
use tidegate_store_memory::MemoryStore;

pub(crate) fn rule(name: &'static str, quota: Quota) -> Rule {
    Rule::new(PolicyName::new(name).unwrap(), quota)
}

/// `limit` per minute, in fixed windows: what was admitted can be counted.
pub(crate) fn fixed(name: &'static str, limit: u64) -> Rule {
    let quota = Quota::per_minute(limit).unwrap();
    rule(name, quota.with_algorithm(Algorithm::FixedWindow).unwrap())
}

/// A store on a clock that stands still.
pub(crate) fn store(max_entries: usize) -> (MemoryStore<ManualClock>, ManualClock) {
    let clock = ManualClock::new();
    let builder = MemoryStore::builder().max_entries(max_entries);
    (builder.clock(clock.clone()).build().unwrap(), clock)
}

/// The store's four calls, which all answer at once.
pub(crate) trait Ask {
    fn ask(&self, subject: impl AsRef<[u8]>, rules: &[Rule]) -> Decision {
        self.ask_for(subject, rules, 1)
    }

    fn ask_for(&self, subject: impl AsRef<[u8]>, rules: &[Rule], cost: u64) -> Decision;
    fn look(&self, subject: impl AsRef<[u8]>, rules: &[Rule]) -> Decision;
    fn give_back(&self, subject: impl AsRef<[u8]>, rules: &[Rule], decision: &Decision);
    fn forget(&self, subject: impl AsRef<[u8]>, rules: &[Rule]);
}

impl<C: Clock> Ask for MemoryStore<C> {
    fn ask_for(&self, subject: impl AsRef<[u8]>, rules: &[Rule], cost: u64) -> Decision {
        let request = Request::new(subject.as_ref(), rules).with_cost(cost);
        self.try_acquire(&request).unwrap().unwrap()
    }

    fn look(&self, subject: impl AsRef<[u8]>, rules: &[Rule]) -> Decision {
        let request = Request::new(subject.as_ref(), rules);
        self.peek(&request).now_or_never().unwrap().unwrap()
    }

    fn give_back(&self, subject: impl AsRef<[u8]>, rules: &[Rule], decision: &Decision) {
        let request = Request::new(subject.as_ref(), rules).with_cost(decision.cost());
        self.refund(&request, decision)
            .now_or_never()
            .unwrap()
            .unwrap();
    }

    fn forget(&self, subject: impl AsRef<[u8]>, rules: &[Rule]) {
        let request = Request::new(subject.as_ref(), rules);
        self.reset(&request).now_or_never().unwrap().unwrap();
    }
}
