//! What an answer may be changed into, and what stays as it was.

use tidegate_core::{Fallback, Provenance};
use tidegate_http::{Answer, Key, KeyError, Options, PlainRequest, Question, key};

use crate::{decided, options, refused, uncounted};

fn unattributed(options: &Options<()>, request: &PlainRequest) -> Answer {
    match options.question(&(), request) {
        Question::Refuse { answer, .. } => answer,
        question => panic!("{question:?}"),
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
fn where_the_status_has_no_body_there_is_none() {
    for status in [204, 205, 304] {
        let options = options().on_denial(move |answer, _| {
            answer.set("Content-Type", "text/plain");
            answer.status = status;
        });
        let answer = refused(&options, &decided(2, 3));
        assert_eq!((answer.status, answer.body.as_str()), (status, ""));
        assert_eq!(answer.header("content-type"), None);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
}
