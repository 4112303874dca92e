//! What a text of policies means.
#![allow(clippy::unwrap_used)] // also in the helpers, which clippy does not take for tests

use std::time::Duration;

use tidegate_config::{FileError, PolicyFile, parse};
use tidegate_limiter::{
    Algorithm, Capabilities, Decision, Fallback, Grace, Limiter, MAX_WINDOW, Outage, Policy, Quota,
    Request, Store, StoreError, Tolerance, async_trait,
};
use tidegate_store_memory::MemoryStore;

fn one(fields: &str) -> Policy {
    let text = format!("[[policy]]\nname = \"p\"\nlimit = 10\nwindow = \"1m\"\n{fields}");
    let policies = parse(&text).unwrap_or_else(|mistakes| panic!("{text}\n{mistakes}"));
    assert_eq!(policies.len(), 1);
    policies.into_iter().next().unwrap()
}

#[test]
fn the_least_that_is_said_means_the_defaults() {
    assert_eq!(one(""), Policy::new("p", Quota::per_minute(10).unwrap()));
}

#[test]
fn everything_can_be_said() {
    let quota = Quota::per_minute(10)
        .and_then(|quota| quota.with_algorithm(Algorithm::TokenBucket))
        .and_then(|quota| quota.with_burst(25))
        .unwrap();
    let expected = Policy::new("p", quota)
        .tolerance(Tolerance::from_fraction(0.05).unwrap())
        .outage(Fallback::Full)
        .shadow(true);
    let said =
        "algorithm = 'token-bucket'\nburst = 25\ntolerance = 0.05\noutage = 'full'\nshadow = true";
    assert_eq!(one(said), expected);
}

#[test]
fn a_grace_is_a_table_in_either_form() {
    let grace = Outage::Grace(Grace {
        lasting: Duration::from_secs(30),
        first: Fallback::Share,
        then: Fallback::Closed,
    });
    for said in [
        "outage = { first = 'share', for = '30s', then = 'closed' }",
        "[policy.outage]\nfirst = 'share'\nfor = '30s'\nthen = 'closed'",
    ] {
        assert_eq!(one(said).chosen_outage(), Some(grace));
    }
}

#[test]
fn whole_numbers_are_tolerances_and_limits_can_be_written_as_toml_allows() {
    assert_eq!(one("tolerance = 0").chosen_tolerance(), Tolerance::EXACT);
    assert!(!one("tolerance = 1").chosen_tolerance().is_exact());
    let text = "[[policy]]\nname = 'p'\nlimit = 1_000\nwindow = '1h 30m'";
    let quota = *parse(text).unwrap()[0].quota();
    assert_eq!(quota, Quota::new(1000, Duration::from_secs(5400)).unwrap());
}

#[test]
fn the_longest_grace_is_as_long_as_the_longest_window() {
    let Some(Outage::Grace(grace)) =
        one("outage = { first = 'share', for = '366days', then = 'closed' }").chosen_outage()
    else {
        panic!("a grace");
    };
    assert_eq!(grace.lasting, MAX_WINDOW);
}

#[test]
fn policies_stand_in_the_order_of_the_file() {
    let text: String = ["z", "a", "m"]
        .map(|name| format!("[[policy]]\nname = '{name}'\nlimit = 1\nwindow = '1s'\n"))
        .concat();
    let policies = parse(&text).unwrap();
    let names: Vec<_> = policies.iter().map(Policy::name).collect();
    assert_eq!(names, ["z", "a", "m"]);
}

/// A limiter whose policies are in a file, and the file's folder.
fn in_a_file(text: &str) -> (tempfile::TempDir, PolicyFile, Limiter) {
    let folder = tempfile::tempdir().unwrap();
    let file = PolicyFile::new(folder.path().join("policies.toml"));
    std::fs::write(file.path(), text).unwrap();
    let limiter = Limiter::builder(MemoryStore::new()).policies(file.read().unwrap());
    let limiter = limiter.build().unwrap();
    (folder, file, limiter)
}

fn policy(limit: u64) -> String {
    format!(
        "[[policy]]\nname = 'p'\nlimit = {limit}\nwindow = '1day'\nalgorithm = 'fixed-window'\n"
    )
}

fn left(decision: &Decision) -> u64 {
    decision.statuses()[0].remaining()
}

#[test]
fn a_file_is_applied_again_and_again_and_counts_are_kept() {
    let (_folder, file, limiter) = in_a_file(&policy(3));
    for expected in [2, 1, 0] {
        assert_eq!(left(&limiter.try_check("alice").unwrap()), expected);
    }
    for (limit, expected) in [(10, 6), (5, 0), (5, 0)] {
        std::fs::write(file.path(), policy(limit)).unwrap();
        file.apply(&limiter).unwrap();
        assert_eq!(left(&limiter.try_check("alice").unwrap()), expected);
    }
}

#[test]
fn a_file_with_a_mistake_changes_nothing() {
    let (_folder, file, limiter) = in_a_file(&policy(3));
    let version = limiter.policy_version();
    std::fs::write(file.path(), policy(4) + &policy(5)).unwrap();
    let error = file.apply(&limiter).unwrap_err();
    assert!(matches!(error, FileError::Mistaken { .. }));
    let text = error.to_string();
    assert!(
        text.contains("policies.toml") && text.contains("line 7"),
        "{text}"
    );
    std::fs::write(file.path(), b"[[policy]]\nname = 'caf\xe9'\n").unwrap();
    let error = file.apply(&limiter).unwrap_err();
    assert!(matches!(error, FileError::Mistaken { .. }));
    let told = "\nline 2: not UTF-8: byte 12 of the line is 0xe9";
    assert!(error.to_string().contains(told), "{error}");
    std::fs::remove_file(file.path()).unwrap();
    let error = file.apply(&limiter).unwrap_err();
    assert!(matches!(error, FileError::Unreadable { .. }));
    assert!(
        std::error::Error::source(&error).is_none(),
        "the reason is told once: {error}"
    );
    assert_eq!(limiter.policy_version(), version);
}

/// Memory that takes so many policies in one request.
struct Narrow(MemoryStore, usize);

#[async_trait]
impl Store for Narrow {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            max_policies: Some(self.1),
            ..self.0.capabilities()
        }
    }

    fn try_acquire(&self, request: &Request<'_>) -> Option<Result<Decision, StoreError>> {
        self.0.try_acquire(request)
    }

    async fn acquire(&self, request: &Request<'_>) -> Result<Decision, StoreError> {
        self.0.acquire(request).await
    }

    async fn peek(&self, request: &Request<'_>) -> Result<Decision, StoreError> {
        self.0.peek(request).await
    }

    async fn refund(&self, request: &Request<'_>, decision: &Decision) -> Result<(), StoreError> {
        self.0.refund(request, decision).await
    }

    async fn reset(&self, request: &Request<'_>) -> Result<(), StoreError> {
        self.0.reset(request).await
    }
}

#[test]
fn more_policies_than_the_store_takes_are_told_with_the_file_and_the_first_too_many() {
    let folder = tempfile::tempdir().unwrap();
    let file = PolicyFile::new(folder.path().join("policies.toml"));
    let write = |names: &[&str]| {
        let policies = names
            .iter()
            .map(|name| format!("[[policy]]\nname = '{name}'\nlimit = 1\nwindow = '1s'\n\n"));
        std::fs::write(file.path(), policies.collect::<String>()).unwrap();
    };
    let store = Narrow(MemoryStore::new(), 2);
    let capabilities = store.capabilities();
    write(&["a", "b"]);
    let policies = file.read_for(&capabilities).unwrap();
    let limiter = Limiter::builder(store).policies(policies).build().unwrap();

    write(&["a", "b", "c", "d"]);
    assert_eq!(file.read().unwrap().len(), 4);
    let unlimited = MemoryStore::new().capabilities();
    assert_eq!(file.read_for(&unlimited).unwrap().len(), 4);
    for error in [
        file.read_for(&capabilities).unwrap_err(),
        file.apply(&limiter).unwrap_err(),
    ] {
        let told = error.to_string();
        assert!(told.starts_with(&*file.path().to_string_lossy()), "{told}");
        let what = ": line 11: policy \"c\" is one too many: the store takes at most 2 in one request, and there are 4; ";
        assert!(told.contains(what), "{told}");
        assert_eq!(limiter.policies().len(), 2);
    }
}
