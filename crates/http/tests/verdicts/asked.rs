//! What is asked for a request, at which cost, and whether for good; and what is answered to one that is nobody's.

use tidegate_http::{KeyError, Options, PlainRequest, Question, key};

use crate::options;

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
