//! The cases: a configuration, requests, and the whole responses to them.

use std::time::Duration;

use tidegate_http::{Dialect, Dialects, ForwardedField};
use tidegate_limiter::{Algorithm, Fallback, Quota};
use tidegate_tests::Request;

use crate::config::{By, Config, How, both_dialects, fixed};
use crate::run::{Case, Expected, Step};

const TEXT: &str = "text/plain; charset=utf-8";
const EXCEEDED: &str = "https://iana.org/assignments/http-problem-types#quota-exceeded";
const REDUCED: &str = "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity";
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

pub(crate) fn api_keys_have_limits_of_their_own_and_others_their_addresses() -> Case {
    let steps = [
        with("x-api-key", "alice", ok(2, 60)),
        with("X-API-KEY", "alice", ok(1, 60)),
        with("x-api-key", "bob", ok(2, 60)),
        get("/", ok(2, 60)),
        with("x-api-key", "", ok(1, 60)),
        with("x-api-key", "Alice", ok(2, 60)),
    ];
    case(by(By::KeyOrClient), steps)
}

pub(crate) fn g9_a_key_that_looks_like_an_address_is_not_that_address() -> Case {
    let steps = [
        get("/", ok(2, 60)),
        with("x-api-key", "127.0.0.1", ok(2, 60)),
        with("x-api-key", "address", ok(2, 60)),
        get("/", ok(1, 60)),
    ];
    case(by(By::KeyOrClient), steps)
}

pub(crate) fn keys_that_are_not_utf8_are_keys_as_well() -> Case {
    let steps = [
        with("x-api-key", b"\xff\xfe", ok(2, 60)),
        with("x-api-key", b"\xff\xfe", ok(1, 60)),
        with("x-api-key", b"\xff\xfd", ok(2, 60)),
    ];
    case(by(By::KeyOrClient), steps)
}

pub(crate) fn a_huge_key_is_one_key() -> Case {
    let huge = |last: u8| [vec![b'k'; 60 * 1024], vec![last]].concat();
    let steps = [
        with("x-api-key", huge(b'a'), ok(2, 60)),
        with("x-api-key", huge(b'a'), ok(1, 60)),
        with("x-api-key", huge(b'b'), ok(2, 60)),
    ];
    case(by(By::KeyOrClient), steps)
}

pub(crate) fn a_repeated_key_is_its_first_line() -> Case {
    let twice = Request::get("/")
        .header("x-api-key", "alice")
        .header("x-api-key", "bob");
    let steps = [
        Step::Exchange(twice, ok(2, 60)),
        with("x-api-key", "alice", ok(1, 60)),
        with("x-api-key", "bob", ok(2, 60)),
    ];
    case(by(By::KeyAlone), steps)
}

pub(crate) fn a_request_without_its_key_is_refused_and_told_why() -> Case {
    let detail = "the header x-api-key, by which requests are limited, is missing or empty";
    let expected = refused(400, "Bad Request", detail);
    case(
        by(By::KeyAlone),
        [get("/", expected), with("x-api-key", "alice", ok(2, 60))],
    )
}

fn refused(status: u16, title: &str, detail: &str) -> Expected {
    Expected {
        status,
        body: Some(format!(
            r#"{{"type":"about:blank","title":"{title}","status":{status},"detail":"{detail}"}}"#
        )),
        ..denied(&[])
    }
}

fn x_rate_limit(expected: Expected, remaining: u64, reset: u64) -> Expected {
    expected
        .and("x-ratelimit-limit", "3")
        .and("x-ratelimit-remaining", remaining.to_string())
        .and("x-ratelimit-reset", reset.to_string())
}

pub(crate) fn x_rate_limit_headers_instead() -> Case {
    let config = Config {
        dialects: Dialect::XRateLimit.into(),
        ..Config::default()
    };
    let steps = [
        get("/", x_rate_limit(plain(), 2, 60)),
        get("/", x_rate_limit(plain(), 1, 60)),
        get("/", x_rate_limit(plain(), 0, 60)),
        get("/", x_rate_limit(denied(&["per-client"]).retry(60), 0, 60)),
    ];
    case(config, steps)
}

pub(crate) fn both_dialects_at_once() -> Case {
    let config = Config {
        dialects: both_dialects(),
        ..Config::default()
    };
    case(config, [get("/", x_rate_limit(ok(2, 60), 2, 60))])
}

pub(crate) fn headers_can_be_turned_off_but_retry_after_stays() -> Case {
    let config = Config {
        dialects: Dialects::OFF,
        ..one_policy(fixed(1, 60))
    };
    case(
        config,
        [
            get("/", plain()),
            get("/", denied(&["per-client"]).retry(60)),
        ],
    )
}

pub(crate) fn a_handler_sees_the_decision() -> Case {
    let told = |text: &str, remaining| Expected {
        body: Some(text.to_owned()),
        ..ok(remaining, 60)
    };
    let steps = [
        get("/decision", told("per-client has 2 left", 2)),
        get("/decision", told("per-client has 1 left", 1)),
    ];
    case(Config::default(), steps)
}

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
            r#"{{"type":"{REDUCED}","title":"Temporary Reduced Capacity","status":503,"detail":"{detail}","violated-policies":[]}}"#
        )),
        ..denied(&[])
    };
    let expected = expected.retry(1).and("ratelimit-policy", POLICY);
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

pub(crate) fn a_store_that_takes_time_answers_the_same() -> Case {
    let config = Config {
        store: How::Slow,
        ..Config::default()
    };
    let told = Expected {
        body: Some("per-client has 0 left".into()),
        ..ok(0, 60)
    };
    let steps = [
        get("/", ok(2, 60)),
        get("/", ok(1, 60)),
        get("/decision", told),
        get("/", no_more(60)),
        get("/unlimited", plain()),
    ];
    case(config, steps)
}

pub(crate) fn shadow_reports_and_denies_nothing() -> Case {
    let config = Config {
        shadow: true,
        ..Config::default()
    };
    let steps = [
        get("/", ok(2, 60)),
        get("/", ok(1, 60)),
        get("/", ok(0, 60)),
        get("/", ok(0, 60)),
    ];
    case(config, steps)
}

pub(crate) fn forged_forwarding_headers_change_nothing() -> Case {
    let steps = [
        with("x-forwarded-for", "192.0.2.1", ok(2, 60)),
        with("forwarded", "for=192.0.2.2", ok(1, 60)),
        with("x-real-ip", "192.0.2.3", ok(0, 60)),
        with("x-forwarded-for", "192.0.2.4", no_more(60)),
    ];
    case(Config::default(), steps)
}

/// The test's own connection plays the proxy.
fn behind(field: ForwardedField) -> Config {
    by(By::Proxied(field, "127.0.0.0/8,10.0.0.0/8"))
}

pub(crate) fn trusted_proxies_speak_for_their_clients() -> Case {
    let name = "x-forwarded-for";
    let two_lines = Request::get("/")
        .header(name, "6.6.6.6")
        .header(name, "192.0.2.1, 10.0.0.9");
    let steps = [
        with(name, "192.0.2.1", ok(2, 60)),
        with(name, "6.6.6.6, 192.0.2.1", ok(1, 60)),
        Step::Exchange(two_lines, ok(0, 60)),
        with(name, "192.0.2.1:4711", no_more(60)),
        with(name, "::ffff:192.0.2.1", no_more(60)),
        with(name, "192.0.2.2", ok(2, 60)),
        with(name, "2001:db8:1:2::1", ok(2, 60)),
        with(name, "[2001:db8:1:2:3::4]:443", ok(1, 60)),
        with(name, "2001:db8:1:3::1", ok(2, 60)),
        with("forwarded", "for=192.0.2.2", ok(2, 60)),
    ];
    case(behind(ForwardedField::XForwardedFor), steps)
}

pub(crate) fn a_peer_that_is_not_trusted_speaks_for_itself() -> Case {
    let steps = [
        with("x-forwarded-for", "192.0.2.1", ok(2, 60)),
        with("x-forwarded-for", "192.0.2.2", ok(1, 60)),
    ];
    case(
        by(By::Proxied(ForwardedField::XForwardedFor, "10.0.0.0/8")),
        steps,
    )
}

pub(crate) fn the_forwarded_field_is_understood() -> Case {
    let name = "forwarded";
    let steps = [
        with(name, "for=192.0.2.1;proto=https", ok(2, 60)),
        with(
            name,
            r#"for=6.6.6.6, For="192.0.2.1:80";by=_x, for=10.1.1.1"#,
            ok(1, 60),
        ),
        with(name, r#"for="open, for=192.0.2.1"#, ok(0, 60)),
        with(name, r#"for="[2001:db8::1]""#, ok(2, 60)),
        with("x-forwarded-for", "192.0.2.1", ok(2, 60)),
    ];
    case(behind(ForwardedField::Forwarded), steps)
}

pub(crate) fn malformed_forwarding_headers_count_for_the_proxy() -> Case {
    let name = "x-forwarded-for";
    let steps = [
        with(name, "unknown", ok(2, 60)),
        with(name, b"\xff\xfe", ok(1, 60)),
        with(name, vec![b','; 50 * 1024], ok(0, 60)),
        with(name, "192.0.2.1, 999.1.1.1", no_more(60)),
        get("/", no_more(60)),
    ];
    case(behind(ForwardedField::XForwardedFor), steps)
}

pub(crate) fn routes_count_apart_whatever_their_paths() -> Case {
    let post = Request::new("POST", "/items/1").header("content-length", "0");
    let steps = [
        get("/items/1", ok(2, 60)),
        get("/items/2", ok(1, 60)),
        get("/", ok(2, 60)),
        Step::Exchange(post, ok(2, 60)),
    ];
    case(by(By::RouteAndMethod), steps)
}

pub(crate) fn methods_all_count() -> Case {
    let head = Expected {
        body: None,
        ..ok(2, 60)
    };
    let steps = [
        Step::Exchange(Request::new("HEAD", "/"), head),
        Step::Exchange(Request::new("OPTIONS", "/"), ok(1, 60)),
        Step::Exchange(Request::new("BREW", "/"), ok(0, 60)),
        get("/", no_more(60)),
    ];
    case(Config::default(), steps)
}

pub(crate) fn preflights_are_exempt_if_wanted() -> Case {
    let config = Config {
        skip_preflights: true,
        ..Config::default()
    };
    let preflight = Request::new("OPTIONS", "/")
        .header("origin", "https://example.org")
        .header("access-control-request-method", "PUT");
    let steps = [
        Step::Exchange(preflight, plain()),
        Step::Exchange(Request::new("OPTIONS", "/"), ok(2, 60)),
    ];
    case(config, steps)
}

pub(crate) fn skipped_requests_neither_count_nor_carry_headers() -> Case {
    let mut steps: Vec<Step> = (0..5).map(|_| get("/unlimited", plain())).collect();
    steps.push(get("/", ok(2, 60)));
    case(Config::default(), steps)
}

fn failed(remaining: u64) -> Expected {
    Expected {
        status: 401,
        body: Some("no".into()),
        ..ok(remaining, 60)
    }
}

pub(crate) fn only_failures_count_if_wanted() -> Case {
    let config = Config {
        failures_only: true,
        ..Config::default()
    };
    let steps = [
        get("/", ok(2, 60)),
        get("/", ok(2, 60)),
        get("/fail", failed(2)),
        get("/", ok(1, 60)),
        get("/fail", failed(1)),
        get("/fail", failed(0)),
        get("/", no_more(60)),
    ];
    case(config, steps)
}

pub(crate) fn the_mode_is_shown_if_wanted() -> Case {
    let config = Config {
        mode_header: true,
        ..one_policy(fixed(3, 60))
    };
    case(config, [get("/", ok(2, 60).and("tidegate-mode", "store"))])
}

pub(crate) fn denials_can_look_different() -> Case {
    let config = Config {
        plain_denials: true,
        ..Config::default()
    };
    let mut expected = no_more(60);
    expected.headers[0].1 = "text/plain".into();
    expected.body = Some("slow down".into());
    let steps = [
        get("/", ok(2, 60)),
        get("/", ok(1, 60)),
        get("/", ok(0, 60)),
        get("/", expected),
    ];
    case(config, steps)
}

pub(crate) fn errors_of_handlers_carry_the_headers_too() -> Case {
    let missing = Expected {
        status: 404,
        headers: Vec::new(),
        body: Some(String::new()),
    };
    case(
        Config::default(),
        [
            get("/fail", failed(2)),
            get("/nowhere", missing.left(1, 60)),
        ],
    )
}

pub(crate) fn no_peer() -> Case {
    let detail = "the peer's address, by which requests are limited, is not known to the server: serve the router \
                  with `into_make_service_with_connect_info::<SocketAddr>()`, or put a `PeerAddr` into the \
                  extensions of every request";
    let expected = refused(500, "Internal Server Error", detail);
    let steps = [
        get("/", expected),
        with("x-api-key", "alice", ok(2, 60)),
        get("/unlimited", plain()),
    ];
    case(by(By::KeyOrClient), steps)
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

pub(crate) fn middleware_around_it_sees_denials() -> Case {
    let config = Config {
        marked: true,
        ..one_policy(fixed(1, 60))
    };
    let answer = |expected: Expected| {
        expected
            .and("x-outer", "yes")
            .and("ratelimit-policy", r#""per-client";q=1;w=60"#)
            .and("ratelimit", r#""per-client";r=0;t=60"#)
    };
    let steps = [
        get("/", answer(plain())),
        get("/", answer(denied(&["per-client"]).retry(60))),
    ];
    case(config, steps)
}
