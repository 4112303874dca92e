//! The cases: a configuration, requests, and the whole responses to them.

mod keys;
mod limits;
mod options;
mod proxies;
mod stores;

use std::time::Duration;

use tidegate_limiter::Quota;
use tidegate_tests::Request;

use crate::config::{By, Config};
use crate::run::{Case, Expected, Step};

pub(crate) use keys::*;
pub(crate) use limits::*;
pub(crate) use options::*;
pub(crate) use proxies::*;
pub(crate) use stores::*;

const TEXT: &str = "text/plain; charset=utf-8";
const EXCEEDED: &str = "https://iana.org/assignments/http-problem-types#quota-exceeded";
const POLICY: &str = r#""per-client";q=3;w=60"#;

fn case(config: Config, steps: impl IntoIterator<Item = Step>) -> Case {
    Case {
        config,
        steps: steps.into_iter().collect(),
    }
}

fn wait(seconds: u64) -> Step {
    Step::Wait(Duration::from_secs(seconds))
}

fn get(target: &str, expected: Expected) -> Step {
    Step::Exchange(Request::get(target), expected)
}

fn with(name: &str, value: impl AsRef<[u8]>, expected: Expected) -> Step {
    Step::Exchange(Request::get("/").header(name, value), expected)
}

/// 200 `ok`, without a limiter's headers.
fn plain() -> Expected {
    Expected {
        status: 200,
        headers: vec![("content-type", TEXT.into())],
        body: Some("ok".into()),
    }
}

/// 429 with a problem that names these policies.
fn denied(violated: &[&str]) -> Expected {
    let names: Vec<String> = violated.iter().map(|name| format!("{name:?}")).collect();
    let names = names.join(",");
    Expected {
        status: 429,
        headers: vec![
            ("content-type", "application/problem+json".into()),
            ("cache-control", "no-store".into()),
        ],
        body: Some(format!(
            r#"{{"type":"{EXCEEDED}","title":"Quota Exceeded","status":429,"violated-policies":[{names}]}}"#
        )),
    }
}

impl Expected {
    fn and(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The two fields of draft 11, for the policy of most cases.
    fn left(self, remaining: u64, seconds: u64) -> Self {
        self.and("ratelimit-policy", POLICY).and(
            "ratelimit",
            format!(r#""per-client";r={remaining};t={seconds}"#),
        )
    }

    fn retry(self, seconds: u64) -> Self {
        self.and("retry-after", seconds.to_string())
    }
}

fn ok(remaining: u64, seconds: u64) -> Expected {
    plain().left(remaining, seconds)
}

fn no_more(seconds: u64) -> Expected {
    denied(&["per-client"]).left(0, seconds).retry(seconds)
}

fn by(by: By) -> Config {
    Config {
        by,
        ..Config::default()
    }
}

fn one_policy(quota: Quota) -> Config {
    Config {
        quotas: vec![("per-client", quota)],
        ..Config::default()
    }
}
