//! Limits: how much is admitted, what is left, how long to wait.

use super::{EXCEEDED, case, denied, get, no_more, ok, one_policy, plain, wait};
use crate::config::Config;
use crate::config::How;
use crate::config::fixed;
use crate::run::Case;
use crate::run::Expected;
use crate::run::Step;
use std::time::Duration;
use tidegate_http::Dialects;
use tidegate_limiter::Algorithm;
use tidegate_limiter::Quota;

pub(crate) fn a_client_is_admitted_up_to_its_limit_and_then_denied() -> Case {
    let steps = [
        get("/", ok(2, 60)),
        get("/", ok(1, 60)),
        wait(15),
        get("/", ok(0, 45)),
        get("/", no_more(45)),
        get("/", no_more(45)),
    ];
    case(Config::default(), steps)
}

pub(crate) fn l5_who_waits_as_long_as_told_is_admitted() -> Case {
    let steps = [
        get("/", ok(2, 60)),
        get("/", ok(1, 60)),
        get("/", ok(0, 60)),
        Step::Wait(Duration::from_millis(59_001)),
        get("/", no_more(1)),
        wait(1),
        get("/", ok(2, 60)),
    ];
    case(Config::default(), steps)
}

pub(crate) fn a_sliding_window_is_the_default() -> Case {
    let quota = Quota::per_minute(2).unwrap();
    let policy = r#""per-client";q=2;w=60"#;
    let answer = |expected: Expected, left, seconds| {
        expected
            .and("ratelimit-policy", policy)
            .and("ratelimit", format!(r#""per-client";r={left};t={seconds}"#))
    };
    let steps = [
        get("/", answer(plain(), 1, 90)),
        get("/", answer(plain(), 0, 90)),
        get("/", answer(denied(&["per-client"]).retry(90), 0, 90)),
        wait(90),
        get("/", answer(plain(), 0, 30)),
    ];
    case(one_policy(quota), steps)
}

pub(crate) fn a_token_bucket_shows_its_burst() -> Case {
    let quota = Quota::per_minute(60)
        .and_then(|quota| quota.with_algorithm(Algorithm::TokenBucket))
        .and_then(|quota| quota.with_burst(2))
        .unwrap();
    let answer = |expected: Expected, left, seconds| {
        expected
            .and("ratelimit-policy", r#""per-client";q=2;w=2"#)
            .and("ratelimit", format!(r#""per-client";r={left};t={seconds}"#))
    };
    let steps = [
        get("/", answer(plain(), 1, 1)),
        get("/", answer(plain(), 0, 1)),
        get("/", answer(denied(&["per-client"]).retry(1), 0, 1)),
        wait(1),
        get("/", answer(plain(), 0, 1)),
    ];
    case(one_policy(quota), steps)
}

/// `w` counts whole seconds, so it says nothing of less than one; `t` and `Retry-After` are never too short.
pub(crate) fn a_window_below_a_second_is_told_without_its_length() -> Case {
    let quota = Quota::new(2, Duration::from_millis(100))
        .and_then(|quota| quota.with_algorithm(Algorithm::FixedWindow))
        .unwrap();
    let answer = |expected: Expected, left| {
        expected
            .and("ratelimit-policy", r#""per-client";q=2"#)
            .and("ratelimit", format!(r#""per-client";r={left};t=1"#))
    };
    let steps = [
        get("/", answer(plain(), 1)),
        get("/", answer(plain(), 0)),
        get("/", answer(denied(&["per-client"]).retry(1), 0)),
        Step::Wait(Duration::from_millis(100)),
        get("/", answer(plain(), 1)),
    ];
    case(one_policy(quota), steps)
}

pub(crate) fn several_policies_are_all_shown_and_charged_all_or_none() -> Case {
    let config = Config {
        quotas: vec![("burst", fixed(1, 10)), ("daily", fixed(100, 86_400))],
        ..Config::default()
    };
    let answer = |expected: Expected, burst: (u64, u64), daily: (u64, u64)| {
        let (br, bt) = burst;
        let (dr, dt) = daily;
        expected
            .and(
                "ratelimit-policy",
                r#""burst";q=1;w=10, "daily";q=100;w=86400"#,
            )
            .and(
                "ratelimit",
                format!(r#""burst";r={br};t={bt}, "daily";r={dr};t={dt}"#),
            )
    };
    let steps = [
        get("/", answer(plain(), (0, 10), (99, 86_400))),
        get(
            "/",
            answer(denied(&["burst"]).retry(10), (0, 10), (99, 86_400)),
        ),
        wait(10),
        get("/", answer(plain(), (0, 10), (98, 86_390))),
    ];
    case(config, steps)
}

pub(crate) fn a_cost_that_never_fits_is_denied_without_retry_after() -> Case {
    let config = Config {
        report_cost: 4,
        ..Config::default()
    };
    let detail = "The request costs 4, and the policy per-client never admits more than 3 at once.";
    let mut expected = denied(&["per-client"]).left(3, 60);
    expected.body = Some(format!(
        r#"{{"type":"{EXCEEDED}","title":"Quota Exceeded","status":429,"detail":"{detail}","violated-policies":["per-client"]}}"#
    ));
    case(config, [get("/report", expected), get("/", ok(2, 60))])
}

pub(crate) fn a_cost_is_charged_as_a_whole() -> Case {
    let config = Config {
        report_cost: 2,
        ..Config::default()
    };
    let steps = [
        get("/report", ok(1, 60)),
        get("/report", denied(&["per-client"]).left(1, 60).retry(60)),
        get("/", ok(0, 60)),
    ];
    case(config, steps)
}

pub(crate) fn stacked_limiters_both_speak() -> Case {
    let config = Config {
        outer: Some(2),
        ..Config::default()
    };
    let outer = |expected: Expected, remaining| {
        expected
            .and("ratelimit-policy", r#""outer";q=2;w=60"#)
            .and("ratelimit", format!(r#""outer";r={remaining};t=60"#))
    };
    let steps = [
        get("/", outer(ok(2, 60), 1)),
        get("/", outer(ok(1, 60), 0)),
        get("/", outer(denied(&["outer"]), 0).retry(60)),
    ];
    case(config, steps)
}

/// The inner one's decision stands for itself in the extensions, and the outer one's is not lost.
pub(crate) fn a_handler_sees_what_stacked_limiters_decided() -> Case {
    let config = Config {
        outer: Some(5),
        quotas: vec![("per-client", fixed(1, 60))],
        dialects: Dialects::OFF,
        ..Config::default()
    };
    let told = Expected {
        body: Some("outer has 4 left, per-client has 0 left".into()),
        ..plain()
    };
    case(config, [get("/decision", told)])
}

/// A denial tells of the limiter that denied, whichever it was.
pub(crate) fn middleware_sees_which_of_stacked_limiters_denied() -> Case {
    let config = Config {
        outer: Some(2),
        quotas: vec![("per-client", fixed(1, 60))],
        dialects: Dialects::OFF,
        marked: true,
        ..Config::default()
    };
    let by = |name: &str| {
        let expected = denied(&[name]).and("x-outer", format!("{name} has 0 left"));
        get("/", expected.retry(60))
    };
    // The outer one counts what the inner one denies.
    let admitted = get("/", plain().and("x-outer", "yes"));
    case(config, [admitted, by("per-client"), by("outer")])
}

/// The limiter further outside tells of its own decision all the same.
pub(crate) fn a_decision_is_not_told_where_nobody_looks_at_it() -> Case {
    untold(How::Ready)
}

pub(crate) fn nor_is_one_that_was_waited_for() -> Case {
    untold(How::Slow)
}

fn untold(store: How) -> Case {
    let config = Config {
        outer: Some(5),
        quotas: vec![("per-client", fixed(1, 60))],
        dialects: Dialects::OFF,
        marked: true,
        untold: true,
        store,
        ..Config::default()
    };
    let told = Expected {
        body: Some("outer has 4 left".into()),
        ..plain().and("x-outer", "yes")
    };
    let refused = denied(&["per-client"]).and("x-outer", "yes").retry(60);
    case(config, [get("/decision", told), get("/", refused)])
}
