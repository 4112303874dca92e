//! A store of one's own, in about 60 lines, held to the contract by the public conformance suite.
//!
//! It keeps everything in one map behind one lock. The arithmetic is the core's: a store only has to find the
//! usages of a subject, let the core change them, and put them back, with nobody else in between.

use std::collections::HashMap;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tidegate_clock::{Clock, ManualClock};
use tidegate_core::{Decision, PolicyId, Timestamp, Usage, decide, give_back, look};
use tidegate_store::conformance::{self, Fixture};
use tidegate_store::{Capabilities, Request, Store, StoreError, async_trait};

/// What every subject has used under every policy. It forgets nobody, which a store for production should.
struct MapStore<C> {
    clock: C,
    usages: Mutex<HashMap<(Vec<u8>, PolicyId), Usage>>,
}

impl<C: Clock> MapStore<C> {
    fn new(clock: C) -> Self {
        Self {
            clock,
            usages: Mutex::default(),
        }
    }

    /// Runs `change` on the usages of the request's subject, one for each policy, and keeps what it leaves.
    fn with<T>(
        &self,
        request: &Request<'_>,
        change: impl FnOnce(&mut [Usage], Timestamp) -> T,
    ) -> T {
        let subject = request.subject.as_bytes().to_vec();
        let keys: Vec<_> = request
            .rules
            .iter()
            .map(|rule| (subject.clone(), rule.id()))
            .collect();
        let mut map = self.usages.lock().unwrap_or_else(PoisonError::into_inner);
        let mut usages: Vec<Usage> = keys
            .iter()
            .map(|key| map.get(key).copied().unwrap_or_default())
            .collect();
        let result = change(&mut usages, self.clock.now());
        map.extend(keys.into_iter().zip(usages));
        result
    }
}

#[async_trait]
impl<C: Clock> Store for MapStore<C> {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            immediate: true,
            reclaims: false,
            ..Capabilities::EXACT
        }
    }

    fn try_acquire(&self, request: &Request<'_>) -> Option<Result<Decision, StoreError>> {
        let decide = |usages: &mut [Usage], now| decide(request.rules, usages, request.cost, now);
        Some(Ok(self.with(request, decide)))
    }

    async fn acquire(&self, request: &Request<'_>) -> Result<Decision, StoreError> {
        Ok(self.with(request, |usages, now| {
            decide(request.rules, usages, request.cost, now)
        }))
    }

    async fn peek(&self, request: &Request<'_>) -> Result<Decision, StoreError> {
        Ok(self.with(request, |usages, now| {
            look(request.rules, usages, request.cost, now)
        }))
    }

    async fn refund(&self, request: &Request<'_>, decision: &Decision) -> Result<(), StoreError> {
        self.with(request, |usages, now| {
            give_back(request.rules, usages, decision, now);
        });
        Ok(())
    }

    async fn reset(&self, request: &Request<'_>) -> Result<(), StoreError> {
        self.with(request, |usages, _| usages.fill(Usage::default()));
        Ok(())
    }
}

/// Makes stores for the suite, on a clock that is moved by hand: the whole suite takes no time.
struct Maps(ManualClock);

#[async_trait]
impl Fixture for Maps {
    type Store = MapStore<ManualClock>;

    fn window(&self) -> Duration {
        Duration::from_secs(60)
    }

    async fn fresh(&self) -> Result<Self::Store, StoreError> {
        Ok(MapStore::new(self.0.clone()))
    }

    async fn advance(&self, by: Duration) {
        self.0.advance(by);
    }
}

fn main() -> ExitCode {
    let report = pollster::block_on(conformance::run(&Maps(ManualClock::new())));
    println!("{report}");
    if report.passed() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

#[test]
fn the_store_keeps_the_contract() {
    pollster::block_on(conformance::run(&Maps(ManualClock::new()))).assert_passed();
}
