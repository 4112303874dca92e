//! Other methods than GET: the same answers in both frameworks.

use tidegate_tests::{Request, Response};

use crate::support::{Demo, FRAMEWORKS, masked};

/// What the demo answers in each framework to these requests, made one after another.
fn answers(flags: &[&str], requests: &[(&'static str, &str)]) -> [Vec<Response>; 2] {
    FRAMEWORKS.map(|framework| {
        let demo = Demo::start(framework, flags);
        let answer = |(method, path): &(&'static str, &str)| {
            demo.client().send(&Request::new(method, *path)).unwrap()
        };
        requests.iter().map(answer).collect()
    })
}

fn statuses(answers: &[Response]) -> Vec<u16> {
    answers.iter().map(|answer| answer.status).collect()
}

#[test]
fn head_is_answered_wherever_get_is() {
    let requests = ["/", "/unlimited", "/healthz", "/metrics"].map(|path| ("HEAD", path));
    let [axum, actix] = answers(&[], &requests);
    for answers in [&axum, &actix] {
        assert_eq!(statuses(answers), [200; 4]);
        assert!(answers.iter().all(|answer| answer.body.is_empty()));
        let kind = answers[3].header("content-type");
        assert_eq!(kind, Some("text/plain; version=0.0.4; charset=utf-8"));
    }
    // How long the metrics are differs from one moment to the next.
    let [axum, actix] = [axum, actix].map(|all| all[..3].iter().map(masked).collect::<Vec<_>>());
    assert_eq!(axum, actix);
}

#[test]
fn other_methods_count_and_are_denied_alike() {
    let limited = [("POST", "/"), ("POST", "/"), ("GET", "/"), ("HEAD", "/")];
    let unlimited = [("POST", "/unlimited"), ("DELETE", "/metrics")];
    let flags = ["--limit", "1", "--window", "1h"];
    let [axum, actix] = answers(&flags, &[&limited[..], &unlimited].concat());
    for answers in [&axum, &actix] {
        assert_eq!(statuses(answers), [405, 429, 429, 429, 405, 405]);
        let allowed = answers.iter().map(|answer| answer.header("allow"));
        let (there_is, nothing) = (Some("GET,HEAD"), None);
        let expected = [there_is, nothing, nothing, nothing, there_is, there_is];
        assert!(allowed.eq(expected), "{answers:?}");
    }
    let [axum, actix] = [axum, actix].map(|all| all.iter().map(masked).collect::<Vec<_>>());
    assert_eq!(axum, actix);
}
