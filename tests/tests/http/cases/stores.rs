//! Stores: late, away, or only reporting.

use super::{POLICY, case, denied, get, no_more, ok, plain, x_rate_limit};
use crate::config::Config;
use crate::config::How;
use crate::config::{both_dialects, fixed};
use crate::run::Case;
use crate::run::Expected;
use tidegate_limiter::Fallback;

const REDUCED: &str = "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity";

fn down(outage: Fallback) -> Config {
    Config {
        store: How::Down,
        outage: Some(outage.into()),
        ..Config::default()
    }
}

pub(crate) fn a_closed_outage_is_503_and_not_429() -> Case {
    let detail = "The rate limiter cannot reach its store, and refuses requests until it can.";
    let expected = Expected {
        status: 503,
        body: Some(format!(
            r#"{{"type":"{REDUCED}","title":"Temporary Reduced Capacity","status":503,"detail":"{detail}","violated-policies":["per-client"]}}"#
        )),
        ..denied(&[])
    };
    // Nothing is left until the store is back, and nobody can tell when that is.
    let expected = expected
        .retry(1)
        .and("ratelimit-policy", POLICY)
        .and("ratelimit", r#""per-client";r=0;t=1"#);
    case(
        down(Fallback::Closed),
        [get("/", expected.clone()), get("/", expected)],
    )
}

pub(crate) fn an_open_outage_admits_and_shows_the_policy() -> Case {
    let expected = plain().and("ratelimit-policy", POLICY);
    let steps = (0..5).map(|_| get("/", expected.clone()));
    case(down(Fallback::Open), steps)
}

/// Nothing was counted, so all that is told is what stands: of what enforces.
pub(crate) fn an_open_outage_shows_no_policy_in_shadow() -> Case {
    let config = Config {
        quotas: vec![("tried", fixed(1, 10)), ("per-client", fixed(3, 60))],
        shadow: &["tried"],
        ..down(Fallback::Open)
    };
    let expected = plain().and("ratelimit-policy", POLICY);
    case(config, [get("/", expected)])
}

pub(crate) fn an_open_outage_shows_nothing_where_all_is_in_shadow() -> Case {
    let config = Config {
        shadow: &["per-client"],
        ..down(Fallback::Open)
    };
    case(config, [get("/", plain())])
}

pub(crate) fn a_store_that_takes_time_answers_the_same() -> Case {
    let config = Config {
        store: How::Slow,
        report_cost: 2,
        ..Config::default()
    };
    let told = Expected {
        body: Some("per-client has 0 left".into()),
        ..ok(0, 60)
    };
    let steps = [
        get("/report", ok(1, 60)),
        get("/decision", told),
        get("/", no_more(60)),
        get("/unlimited", plain()),
    ];
    case(config, steps)
}

pub(crate) fn shadow_reports_and_denies_nothing() -> Case {
    let config = Config {
        shadow: &["per-client"],
        dialects: both_dialects(),
        ..Config::default()
    };
    let reported = |remaining| Expected {
        body: Some(format!("per-client has {remaining} left")),
        ..plain()
    };
    let steps = [
        get("/decision", reported(2)),
        get("/decision", reported(1)),
        get("/decision", reported(0)),
        get("/decision", reported(0)),
    ];
    case(config, steps)
}

/// Whoever is told of a limit holds to it.
pub(crate) fn clients_are_not_told_of_what_is_in_shadow() -> Case {
    let config = Config {
        quotas: vec![("tried", fixed(1, 10)), ("per-client", fixed(3, 60))],
        shadow: &["tried"],
        dialects: both_dialects(),
        ..Config::default()
    };
    let steps = [
        get("/", x_rate_limit(ok(2, 60), 2, 60)),
        get("/", x_rate_limit(ok(1, 60), 1, 60)),
        get("/", x_rate_limit(ok(0, 60), 0, 60)),
        get("/", x_rate_limit(no_more(60), 0, 60)),
    ];
    case(config, steps)
}

pub(crate) fn what_a_closed_policy_answers_can_look_different() -> Case {
    let config = Config {
        plain_denials: true,
        ..down(Fallback::Closed)
    };
    let mut expected = denied(&[])
        .retry(1)
        .and("ratelimit-policy", POLICY)
        .and("ratelimit", r#""per-client";r=0;t=1"#);
    expected.headers[0].1 = "text/plain".into();
    // The closure's own is no status; what is left is that of the answer which it was given.
    expected.status = 503;
    expected.body = Some("slow down".into());
    case(config, [get("/", expected)])
}
