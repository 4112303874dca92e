//! The public conformance suite: whether a store keeps the contract, case by case, guarantee by guarantee.
//!
//! Give it a [`Fixture`] that makes a fresh store for every case and lets the store's time pass, and look at
//! the [`Report`]. Cases that the store's [`Capabilities`](crate::Capabilities) exclude are left out, and the
//! report says so. Every case runs on the store itself, through `Box<dyn Store>` and through `Arc<dyn Store>`.
//! A store that nodes share has a second suite, [`run_shared`], which takes a [`SharedFixture`].
//!
//! ```
//! use std::time::Duration;
//! use tidegate_store::conformance::{self, Fixture};
//! # use tidegate_store::{async_trait, Capabilities, Request, Store, StoreError};
//! # use tidegate_core::Decision;
//! # struct MyStore;
//! # impl MyStore { fn new() -> Self { MyStore } }
//! # #[async_trait]
//! # impl Store for MyStore {
//! #     fn capabilities(&self) -> Capabilities { Capabilities::EXACT }
//! #     fn try_acquire(&self, _: &Request<'_>) -> Option<Result<Decision, StoreError>> { None }
//! #     async fn acquire(&self, r: &Request<'_>) -> Result<Decision, StoreError> { self.peek(r).await }
//! #     async fn peek(&self, _: &Request<'_>) -> Result<Decision, StoreError> { Err(StoreError::new(tidegate_store::ErrorKind::Internal, "")) }
//! #     async fn refund(&self, _: &Request<'_>, _: &Decision) -> Result<(), StoreError> { Ok(()) }
//! #     async fn reset(&self, _: &Request<'_>) -> Result<(), StoreError> { Ok(()) }
//! # }
//!
//! struct Mine;
//!
//! #[async_trait]
//! impl Fixture for Mine {
//!     type Store = MyStore;
//!     fn window(&self) -> Duration { Duration::from_millis(400) }
//!     async fn fresh(&self) -> Result<MyStore, StoreError> { Ok(MyStore::new()) }
//!     async fn advance(&self, by: Duration) { std::thread::sleep(by) } // or move a clock by hand
//! }
//!
//! let report = pollster::block_on(conformance::run(&Mine));
//! println!("{report}");
//! assert!(!report.passed(), "this store answers nothing but errors");
//! ```

mod cases;
mod moment;
mod report;
mod shared;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use tidegate_core::{Algorithm, Decision, PolicyName, Quota, Rule};

pub use self::report::{Report, Verdict};
pub use self::shared::{SharedFixture, run_shared};
use crate::{Request, Store, StoreError};

/// Makes stores for the suite, and lets their time pass.
#[async_trait]
pub trait Fixture: Send + Sync {
    /// The store that is tested.
    type Store: Store + 'static;

    /// A window that is short enough to wait for. With a clock that is moved by hand, a minute will do; with a
    /// real one, a few hundred milliseconds, many times what a call takes.
    fn window(&self) -> Duration;

    /// A store that has counted nothing.
    ///
    /// # Errors
    ///
    /// If none can be made; the case then fails.
    async fn fresh(&self) -> Result<Self::Store, StoreError>;

    /// Returns when the store's time has moved on by at least `by`, and by little more.
    async fn advance(&self, by: Duration);
}

/// Runs every case that the store's capabilities allow.
pub async fn run<F: Fixture>(fixture: &F) -> Report {
    let mut report = Report::default();
    for case in cases::ALL {
        for form in Form::ALL {
            let verdict = run_case(fixture, case, form).await;
            report.record(case.guarantee, case.name, form.as_str(), verdict);
        }
    }
    report
}

async fn run_case<F: Fixture>(fixture: &F, case: &Case, form: Form) -> Verdict {
    let store = match fixture.fresh().await {
        Ok(store) => store,
        Err(error) => return Verdict::Broken(format!("no store to test: {error}")),
    };
    if let Some(reason) = (case.left_out)(&store) {
        return Verdict::LeftOut(reason.to_owned());
    }
    // The pointers are tested as stores in their own right, hence one more level of indirection.
    let store: Box<dyn Store> = match form {
        Form::Itself => Box::new(store),
        Form::Boxed => Box::new(Box::new(store) as Box<dyn Store>),
        Form::Shared => Box::new(Arc::new(store) as Arc<dyn Store>),
    };
    let bench = Bench {
        store: &*store,
        clock: fixture,
    };
    match (case.run)(&bench).await {
        Ok(()) => Verdict::Kept,
        Err(violation) => Verdict::Broken(violation.0),
    }
}

/// How the store is held while it is tested.
#[derive(Clone, Copy)]
enum Form {
    Itself,
    Boxed,
    Shared,
}

impl Form {
    const ALL: [Self; 3] = [Self::Itself, Self::Boxed, Self::Shared];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Itself => "itself",
            Self::Boxed => "Box<dyn Store>",
            Self::Shared => "Arc<dyn Store>",
        }
    }
}

/// One case: which guarantee it checks, on which stores.
struct Case {
    guarantee: &'static str,
    name: &'static str,
    left_out: fn(&dyn Store) -> Option<&'static str>,
    run: for<'a> fn(&'a Bench<'a>) -> BoxFuture<'a, Checked>,
}

/// What a case found wrong.
struct Violation(String);

impl From<StoreError> for Violation {
    fn from(error: StoreError) -> Self {
        Self(format!("the store failed: {error}"))
    }
}

type Checked = Result<(), Violation>;

/// Fails the case with a message unless the condition holds.
macro_rules! check {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err($crate::conformance::Violation(format!($($message)+)));
        }
    };
}
use check;

/// The part of a fixture that every case needs, without its type.
#[async_trait]
trait Time: Send + Sync {
    fn window(&self) -> Duration;
    async fn advance(&self, by: Duration);
}

#[async_trait]
impl<F: Fixture> Time for F {
    fn window(&self) -> Duration {
        Fixture::window(self)
    }

    async fn advance(&self, by: Duration) {
        Fixture::advance(self, by).await;
    }
}

/// What a case works on: a fresh store, and its time.
struct Bench<'a> {
    store: &'a dyn Store,
    clock: &'a dyn Time,
}

impl Bench<'_> {
    async fn acquire(
        &self,
        subject: &str,
        rules: &[Rule],
        cost: u64,
    ) -> Result<Decision, Violation> {
        let request = Request::new(subject, rules).with_cost(cost);
        Ok(self.store.acquire(&request).await?)
    }

    /// What is left under the first rule.
    async fn remaining(&self, subject: &str, rules: &[Rule]) -> Result<u64, Violation> {
        let decision = self.store.peek(&Request::new(subject, rules)).await?;
        let status = decision.statuses().first();
        status.map(tidegate_core::Status::remaining).ok_or_else(|| {
            Violation("the decision has no status, though the request had a policy".to_owned())
        })
    }

    /// Moves on to the beginning of the next of the fixture's windows, so that what follows falls into one.
    async fn begin_window(&self, rules: &[Rule]) -> Checked {
        let at = self
            .store
            .peek(&Request::new("what time is it", rules))
            .await?
            .at();
        let window = rules
            .first()
            .map_or(self.clock.window(), |rule| rule.quota().window());
        let into = u64::try_from(u128::from(at.as_nanos()) % window.as_nanos().max(1)).unwrap_or(0);
        self.clock
            .advance(window - Duration::from_nanos(into))
            .await;
        Ok(())
    }
}

/// The three algorithms.
const ALGORITHMS: [Algorithm; 3] = [
    Algorithm::FixedWindow,
    Algorithm::SlidingWindow,
    Algorithm::TokenBucket,
];

/// A policy for the suite. The suite's own quotas are all in range.
fn rule(
    name: &'static str,
    limit: u64,
    window: Duration,
    algorithm: Algorithm,
) -> Result<Rule, Violation> {
    let wrong =
        |error: &dyn fmt::Display| Violation(format!("the suite's own policy is wrong: {error}"));
    let name = PolicyName::new(name).map_err(|error| wrong(&error))?;
    let quota = Quota::new(limit, window).and_then(|quota| quota.with_algorithm(algorithm));
    Ok(Rule::new(name, quota.map_err(|error| wrong(&error))?))
}

/// A window that does not end while a case runs (unless the case runs at midnight on a year's boundary).
const LONG: Duration = Duration::from_secs(30 * 24 * 60 * 60);
