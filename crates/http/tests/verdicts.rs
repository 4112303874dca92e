//! What is answered where nothing was counted, and what the options change.
#![allow(clippy::unwrap_used)] // also in the helpers, which clippy does not take for tests

use std::time::Duration;

use tidegate_core::{
    Decision, Fallback, PolicyName, Provenance, Quota, Rule, Timestamp, Usage, decide,
};
use tidegate_http::{
    Answer, Dialect, Dialects, Header, Key, KeyError, Options, PlainRequest, PolicyField, Question,
    Verdict, key,
};

const NOW: Timestamp = Timestamp::from_secs(1_700_000_040);

fn options() -> Options<()> {
    Options::new(key::client_ip())
}

fn field() -> PolicyField {
    PolicyField::new([("per-client", &Quota::per_minute(2).unwrap())])
}

fn decided(limit: u64, cost: u64) -> Decision {
    let name = PolicyName::new("per-client").unwrap();
    let rule = Rule::new(name, Quota::per_minute(limit).unwrap());
    decide(&[rule], &mut [Usage::default()], cost, NOW)
}

fn uncounted(allowed: bool, provenance: Provenance) -> Decision {
    Decision::uncounted(allowed, 1, NOW, provenance)
}

fn refused(options: &Options<()>, decision: &Decision) -> Answer {
    match options.verdict(decision, &field()) {
        Verdict::Refuse(answer) => answer,
        Verdict::Proceed(_) => panic!("let through"),
    }
}

fn unattributed(options: &Options<()>, request: &PlainRequest) -> Answer {
    match options.question(&(), request) {
        Question::Refuse { answer, .. } => answer,
        question => panic!("{question:?}"),
    }
}

fn names(verdict: Verdict) -> Vec<String> {
    let (Verdict::Proceed(headers) | Verdict::Refuse(Answer { headers, .. })) = verdict;
    headers
        .into_iter()
        .map(|(name, _)| name.into_owned())
        .collect()
}

#[test]
fn an_outage_that_refuses_is_503_with_a_hint_to_come_back() {
    let answer = refused(
        &options(),
        &uncounted(false, Provenance::Outage(Fallback::Closed)),
    );
    assert_eq!(answer.status, 503);
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(
        answer.header("ratelimit-policy"),
        Some(r#""per-client";q=2;w=60"#)
    );
    assert_eq!(answer.header("ratelimit"), None);
    assert!(answer.body.contains("#temporary-reduced-capacity"));
}

#[test]
fn an_outage_that_admits_shows_the_policy_only() {
    let decision = uncounted(true, Provenance::Outage(Fallback::Open));
    assert_eq!(
        names(options().verdict(&decision, &field())),
        ["ratelimit-policy"]
    );
}

#[test]
fn who_is_not_limited_is_told_no_limit_and_who_is_blocked_no_time() {
    let unlimited = uncounted(true, Provenance::Resolved);
    assert_eq!(
        options().verdict(&unlimited, &field()),
        Verdict::Proceed(vec![])
    );
    let blocked = refused(&options(), &uncounted(false, Provenance::Resolved));
    assert_eq!(blocked.status, 429);
    assert_eq!(blocked.header("retry-after"), None);
    assert_eq!(blocked.header("ratelimit-policy"), None);
}

#[test]
fn a_cost_that_never_fits_has_no_retry_after_and_says_so() {
    let answer = refused(&options(), &decided(2, 3));
    assert_eq!(answer.status, 429);
    assert_eq!(answer.header("retry-after"), None);
    let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(
        body["detail"],
        "The request costs 3, and the policy per-client never admits more than 2 at once."
    );
}

#[test]
fn a_cost_above_the_share_of_an_outage_is_not_said_to_be_too_much_for_ever() {
    let share = decided(2, 3).with_provenance(Provenance::Outage(Fallback::Share));
    let body = refused(&options(), &share).body;
    let detail =
        "The request costs 3, and the policy per-client admits, for now, no more than 2 at once.";
    assert!(body.contains(detail), "{body}");
}

#[test]
fn a_subject_with_a_quota_of_its_own_is_shown_that_one() {
    let Verdict::Proceed(headers) = options().verdict(&decided(7, 1), &field()) else {
        panic!()
    };
    assert_eq!(headers[0].1, r#""per-client";q=7;w=60"#);
    assert!(headers[1].1.starts_with(r#""per-client";r=6;t="#));
}

#[test]
fn dialects_combine_and_can_be_off_but_retry_after_stays() {
    let decision = decided(2, 1);
    let both = options().headers(Dialect::Draft11 | Dialect::XRateLimit);
    let expected = [
        "ratelimit-policy",
        "ratelimit",
        "x-ratelimit-limit",
        "x-ratelimit-remaining",
        "x-ratelimit-reset",
    ];
    assert_eq!(names(both.verdict(&decision, &field())), expected);
    let off = options().headers(Dialects::OFF);
    assert_eq!(off.verdict(&decision, &field()), Verdict::Proceed(vec![]));
    let mode_alone = options().headers(Dialects::OFF).mode_header();
    assert_eq!(
        names(mode_alone.verdict(&decision, &field())),
        ["tidegate-mode"]
    );
    let silent = [&both, &off, &mode_alone].map(Options::is_silent);
    assert_eq!(silent, [false, true, false]);

    let name = PolicyName::new("per-client").unwrap();
    let rule = Rule::new(name, Quota::per_minute(1).unwrap());
    let mut usage = [Usage::default()];
    assert!(decide(&[rule], &mut usage, 1, NOW).is_allowed());
    let answer = refused(&off, &decide(&[rule], &mut usage, 1, NOW));
    assert!(answer.header("retry-after").is_some());
}

#[test]
fn the_mode_is_told_if_wanted() {
    let options = options().mode_header();
    let decision = decided(2, 1).with_provenance(Provenance::Outage(Fallback::Share));
    let Verdict::Proceed(headers) = options.verdict(&decision, &field()) else {
        panic!()
    };
    assert_eq!(
        headers.last().unwrap(),
        &("tidegate-mode".into(), "share".into())
    );
}

#[test]
fn jitter_only_lengthens_and_stays_within_what_was_given() {
    let decision = uncounted(false, Provenance::Outage(Fallback::Closed));
    let options = options().retry_jitter(Duration::from_secs(3));
    let mut seen = [false; 4];
    for _ in 0..1000 {
        let answer = refused(&options, &decision);
        let seconds: usize = answer.header("retry-after").unwrap().parse().unwrap();
        seen[seconds - 1] = true;
    }
    assert_eq!(seen, [true; 4]);
}

#[test]
fn jitter_of_a_part_of_a_second_counts_as_a_whole_one() {
    let decision = uncounted(false, Provenance::Outage(Fallback::Closed));
    for (jitter, most) in [(0, 1), (1, 2), (500, 2), (1000, 2), (1001, 3)] {
        let options = options().retry_jitter(Duration::from_millis(jitter));
        let waits = (0..1000).map(|_| {
            let answer = refused(&options, &decision);
            answer
                .header("retry-after")
                .unwrap()
                .parse::<u64>()
                .unwrap()
        });
        assert_eq!(waits.max(), Some(most), "{jitter} ms");
    }
}

#[test]
fn the_answer_to_denied_requests_can_be_changed() {
    let options = options().on_denial(|answer, decision| {
        answer.status = 420;
        answer.body = format!("cost {}", decision.cost());
    });
    let answer = refused(&options, &decided(2, 3));
    assert_eq!((answer.status, answer.body.as_str()), (420, "cost 3"));
}

/// What frames a response is the server's: with another length than the body's, clients would wait for more, or take the rest
/// for the next response.
#[test]
fn what_frames_a_response_and_what_is_the_connections_is_not_sent() {
    let names = [
        "content-length",
        "transfer-encoding",
        "connection",
        "keep-alive",
        "te",
        "trailer",
        "upgrade",
        "proxy-connection",
    ];
    let change = move |answer: &mut Answer| {
        for name in names {
            answer.set(name, "1");
            let shouted = name.to_ascii_uppercase();
            answer.headers.push((shouted.into(), "2".into()));
        }
        answer.set("x-own", "3");
    };
    let denied = options().on_denial(move |answer, _| change(answer));
    let nobodys = options().on_key_error(move |answer, _| change(answer));
    let answers = [
        refused(&denied, &decided(2, 3)),
        unattributed(&nobodys, &PlainRequest::new("GET")),
    ];
    for answer in answers {
        assert_eq!(answer.header("x-own"), Some("3"));
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json")
        );
        for (name, _) in answer.headers {
            assert!(!names.contains(&&*name.to_ascii_lowercase()), "{name}");
        }
    }
}

#[test]
fn a_status_that_no_answer_can_have_leaves_the_one_that_it_had() {
    let header = key::header("x-api-key").unwrap();
    let closed = uncounted(false, Provenance::Outage(Fallback::Closed));
    for impossible in [0, 99, 100, 199, 1000, u16::MAX] {
        let options = |key| {
            Options::new(key)
                .on_denial(move |answer, _| answer.status = impossible)
                .on_key_error(move |answer, _| answer.status = impossible)
        };
        let get = PlainRequest::new("GET");
        let statuses = [
            unattributed(&options(header.clone()), &get).status,
            unattributed(&options(key::client_ip()), &get).status,
            refused(&options(key::client_ip()), &decided(2, 3)).status,
            refused(&options(key::client_ip()), &closed).status,
        ];
        assert_eq!(statuses, [400, 500, 429, 503], "{impossible}");
    }
    for possible in [200, 600, 999] {
        let options = options().on_denial(move |answer, _| answer.status = possible);
        assert_eq!(refused(&options, &closed).status, possible);
    }
}

#[test]
fn a_missing_peer_is_a_server_error_that_says_what_to_add() {
    let Question::Refuse { answer, .. } = options().question(&(), &PlainRequest::new("GET")) else {
        panic!("one bucket for everyone")
    };
    assert_eq!(answer.status, 500);
    assert!(
        answer.body.contains("PlainRequest::with_peer"),
        "{}",
        answer.body
    );
}

#[test]
fn a_missing_header_is_the_clients_error_and_is_named() {
    let options: Options<()> = key::header("x-api-key").unwrap().into();
    let Question::Refuse { answer, .. } = options.question(&(), &PlainRequest::new("GET")) else {
        panic!("one bucket for everyone")
    };
    assert_eq!(answer.status, 400);
    assert!(
        answer.body.contains("the header x-api-key"),
        "{}",
        answer.body
    );
}

#[test]
fn a_route_that_nobody_looked_for_is_a_server_error_and_no_matter_of_fallbacks() {
    let unrouted = PlainRequest::new("GET").with_peer([192, 0, 2, 1]);
    let by = [
        key::route(),
        key::route().or(key::client_ip()),
        key::client_ip().and(key::route()),
        key::parameter("id").or(key::client_ip()),
    ];
    for key in by {
        let options: Options<()> = key.into();
        let Question::Refuse { error, answer } = options.question(&(), &unrouted) else {
            panic!("one bucket for all routes")
        };
        assert_eq!((error, answer.status), (KeyError::Route, 500));
        let advice = "PlainRequest::with_route";
        assert!(answer.body.contains(advice), "{}", answer.body);
        let unmatched = unrouted.clone().with_route("");
        let question = options.question(&(), &unmatched);
        assert!(matches!(question, Question::Ask { .. }), "{question:?}");
    }
}

#[test]
fn the_answer_to_requests_that_are_nobodys_can_be_changed() {
    let options = |key: Key<()>| {
        Options::new(key).on_key_error(|answer, error| {
            answer.status = 418;
            answer.body = error.to_string();
        })
    };
    let changed = |key, request: &PlainRequest| match options(key).question(&(), request) {
        Question::Refuse { answer, .. } => (answer.status, answer.body),
        question => panic!("{question:?}"),
    };
    let get = PlainRequest::new("GET");
    for (key, error) in [
        (key::client_ip(), KeyError::PeerAddress),
        (key::route(), KeyError::Route),
        (
            key::from_fn("user", |()| None::<String>),
            KeyError::Custom { name: "user" },
        ),
    ] {
        assert_eq!(changed(key, &get), (418, error.to_string()));
    }
}

#[test]
fn clients_are_not_told_of_policies_in_shadow() {
    let name = |name| PolicyName::new(name).unwrap();
    let enforced = Rule::new(name("per-client"), Quota::per_minute(2).unwrap());
    let shadow = Rule::new(name("tried"), Quota::per_minute(1).unwrap()).with_shadow(true);
    let both = Dialect::Draft11 | Dialect::XRateLimit;
    let told = |rules: &[Rule], policies: &PolicyField| {
        let mut usages = [Usage::default(); 2];
        let decision = decide(rules, &mut usages[..rules.len()], 1, Timestamp::EPOCH);
        let mut headers: Vec<Header> = Vec::new();
        options()
            .headers(both)
            .tell(&decision, policies, &mut headers);
        headers
    };
    let alone = told(&[enforced], &field());
    assert_eq!(alone.len(), 5);
    assert_eq!(told(&[enforced, shadow], &field()), alone);
    assert_eq!(told(&[shadow, enforced], &field()), alone);
    assert_eq!(told(&[shadow], &PolicyField::new([])), []);
    // a subject with limits of its own
    assert_eq!(told(&[shadow, enforced], &PolicyField::new([])), alone);
}

#[test]
fn in_an_outage_without_counts_there_is_no_empty_field() {
    let decision = uncounted(true, Provenance::Outage(Fallback::Open));
    for (policies, lines) in [(field(), 1), (PolicyField::new([]), 0)] {
        let mut headers: Vec<Header> = Vec::new();
        options().tell(&decision, &policies, &mut headers);
        assert_eq!(headers.len(), lines, "{headers:?}");
    }
}

#[test]
fn skips_come_before_everything_else() {
    let nowhere = PlainRequest::new("GET");
    assert_eq!(
        options().skip(|()| true).question(&(), &nowhere),
        Question::Skip
    );

    let preflight = PlainRequest::new("OPTIONS")
        .with_peer([192, 0, 2, 1])
        .with_header("origin", "https://example.org")
        .with_header("access-control-request-method", "PUT");
    let asked = |options: Options<()>, request: &PlainRequest| {
        matches!(options.question(&(), request), Question::Ask { .. })
    };
    assert!(asked(options(), &preflight), "counted by default");
    assert!(!asked(options().skip_preflights(), &preflight));
    let ordinary = PlainRequest::new("OPTIONS").with_peer([192, 0, 2, 1]);
    assert!(asked(options().skip_preflights(), &ordinary));
}

#[test]
fn costs_are_constant_or_a_function_of_the_request() {
    let request = PlainRequest::new("GET").with_peer([192, 0, 2, 1]);
    let cost = |options: Options<u64>, given: u64| match options.question(&given, &request) {
        Question::Ask { cost, .. } => cost,
        other => panic!("{other:?}"),
    };
    let options = || Options::<u64>::new(key::client_ip());
    assert_eq!(cost(options(), 9), 1);
    assert_eq!(cost(options().cost(5), 9), 5);
    assert_eq!(cost(options().cost_by(|given| given * 2), 9), 18);
}

#[test]
fn a_cost_is_given_back_by_the_responses_status() {
    assert!(!options().gives_back(200), "kept unless told");
    let failures = options().charge_if(|status| status == 401);
    assert!(failures.is_charged_by_response());
    assert!(failures.gives_back(200));
    assert!(!failures.gives_back(401));
}
