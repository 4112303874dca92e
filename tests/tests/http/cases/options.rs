//! Options: which requests count, and what the responses look like.

use super::{case, denied, get, no_more, ok, one_policy, plain, with};
use crate::apps::OWN;
use crate::config::By;
use crate::config::Config;
use crate::config::both_dialects;
use crate::config::fixed;
use crate::run::Case;
use crate::run::Expected;
use crate::run::Step;
use tidegate_http::Dialect;
use tidegate_http::Dialects;
use tidegate_http::ForwardedField;
use tidegate_tests::Request;

pub(super) fn x_rate_limit(expected: Expected, remaining: u64, reset: u64) -> Expected {
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

pub(crate) fn x_rate_limit_headers_are_those_of_the_policy_that_leaves_least() -> Case {
    let config = Config {
        quotas: vec![("daily", fixed(100, 86_400)), ("burst", fixed(3, 60))],
        dialects: Dialect::XRateLimit.into(),
        ..Config::default()
    };
    case(config, [get("/", x_rate_limit(plain(), 2, 60))])
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

/// That no body is sent is seen by a conversation; here, that every client understands the answers.
pub(crate) fn denials_may_have_no_body() -> Case {
    let statuses = &[204, 205, 304];
    let config = Config {
        denied_as: statuses,
        ..Config::default()
    };
    let admitted = [2, 1, 0].map(|left| get("/", ok(left, 60)));
    let denied = statuses.map(|status| {
        let mut expected = no_more(60);
        expected.headers.retain(|(name, _)| *name != "content-type");
        let body = None;
        get(
            "/",
            Expected {
                status,
                body,
                ..expected
            },
        )
    });
    case(config, admitted.into_iter().chain(denied))
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

pub(crate) fn bodies_of_unknown_length_pass_and_denied_ones_do_not() -> Case {
    let body = "a body whose length is not told in advance";
    let post = || Request::new("POST", "/echo").chunked(body);
    let echoed = |remaining| Expected {
        body: Some(body.to_owned()),
        ..ok(remaining, 60)
    };
    let steps = [
        Step::Exchange(post(), echoed(2)),
        Step::Exchange(post(), echoed(1)),
        Step::Exchange(post(), echoed(0)),
        Step::Exchange(post(), no_more(60)),
    ];
    case(Config::default(), steps)
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
    let origin = |request: Request| request.header("origin", "https://example.org");
    let method = |request: Request| request.header("access-control-request-method", "PUT");
    let options = || Request::new("OPTIONS", "/");
    let steps = [
        Step::Exchange(origin(method(options())), plain()),
        // what is no preflight, as Fetch has it
        Step::Exchange(origin(options()), ok(2, 60)),
        Step::Exchange(method(options()), ok(1, 60)),
        Step::Exchange(origin(method(Request::get("/"))), ok(0, 60)),
        Step::Exchange(options(), no_more(60)),
        Step::Exchange(origin(method(options())), plain()),
    ];
    case(config, steps)
}

pub(crate) fn skipped_requests_neither_count_nor_carry_headers() -> Case {
    let mut steps: Vec<Step> = (0..5).map(|_| get("/unlimited", plain())).collect();
    steps.push(get("/", ok(2, 60)));
    case(Config::default(), steps)
}

pub(crate) fn allowed_clients_are_not_limited() -> Case {
    let name = "x-forwarded-for";
    let config = Config {
        by: By::Proxied(ForwardedField::XForwardedFor, "127.0.0.0/8"),
        allowed: Some("192.0.2.0/24, 2001:db8::/32"),
        ..Config::default()
    };
    let steps = [
        with(name, "192.0.2.1", plain()),
        with(name, "2001:db8:7::1", plain()),
        with(name, "::ffff:192.0.2.9", plain()),
        // what a client writes itself makes nobody an allowed client
        with(name, "192.0.2.1, 198.51.100.1", ok(2, 60)),
        with("forwarded", "for=192.0.2.1", ok(2, 60)),
        with("x-pass", "monitoring", plain()),
        with("x-pass", "monitorin", ok(1, 60)),
        with("x-pass", "", ok(0, 60)),
        with("x-pass", "MONITORING", no_more(60)),
    ];
    case(config, steps)
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

/// What HTTP does not allow is left out, and what is the server's to say.
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

/// Lists get a line more, of what is said already nothing is added, and what is one is kept one.
pub(crate) fn what_a_handler_says_of_limits_stays() -> Case {
    let config = Config {
        dialects: both_dialects(),
        mode_header: true,
        ..Config::default()
    };
    let own = OWN.into_iter().fold(ok(2, 60), |expected, (name, value)| {
        expected.and(name, value)
    });
    let ours = x_rate_limit(ok(1, 60), 1, 60).and("tidegate-mode", "store");
    case(config, [get("/own", own), get("/", ours)])
}

pub(crate) fn middleware_around_it_sees_denials() -> Case {
    let config = Config {
        marked: true,
        ..one_policy(fixed(1, 60))
    };
    let answer = |expected: Expected, mark: &str| {
        expected
            .and("x-outer", mark)
            .and("ratelimit-policy", r#""per-client";q=1;w=60"#)
            .and("ratelimit", r#""per-client";r=0;t=60"#)
    };
    let steps = [
        get("/", answer(plain(), "yes")),
        get(
            "/",
            answer(denied(&["per-client"]).retry(60), "per-client has 0 left"),
        ),
    ];
    case(config, steps)
}
