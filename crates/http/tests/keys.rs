//! What makes two requests the same subject, and what does not.
#![allow(clippy::unwrap_used)] // also in the helpers, which clippy does not take for tests

use std::collections::HashSet;

use tidegate_core::SubjectBuf;
use tidegate_http::key::{client_ip, everyone, from_fn, header, method, parameter, route};
use tidegate_http::{HashKey, Key, KeyError, PlainRequest};

fn request() -> PlainRequest {
    PlainRequest::new("GET").with_peer([192, 0, 2, 1])
}

fn subject(key: &Key<str>, request: &PlainRequest) -> Result<SubjectBuf, KeyError> {
    key.subject("", request)
}

#[test]
fn g9_a_header_cannot_forge_an_address() {
    let key = header("x-api-key").unwrap().or(client_ip());
    let address = subject(&key, &request()).unwrap();
    let raw: &[u8] = &[192, 0, 2, 1];
    let encoded = address.as_subject().as_bytes().to_vec();
    for forged in [raw, b"address", &encoded] {
        let forging = request().with_header("x-api-key", forged);
        assert_ne!(subject(&key, &forging).unwrap(), address);
    }
}

#[test]
fn g9_parts_cannot_be_shifted_into_each_other() {
    let key = header("a").unwrap().and(header("b").unwrap());
    let one = request().with_header("a", "xy").with_header("b", "z");
    let two = request().with_header("a", "x").with_header("b", "yz");
    assert_ne!(subject(&key, &one), subject(&key, &two));

    // a method can be called like a kind of part
    let request = PlainRequest::new("header")
        .with_route("/r")
        .with_header("route", "/r");
    let combined = subject(&method().and(route()), &request);
    assert_ne!(subject(&header("route").unwrap(), &request), combined);
}

/// Whatever their names and values are: a part says of which kind it is, and which of several of its kind.
#[test]
fn g9_parts_of_every_kind_are_told_apart() {
    let request = PlainRequest::new("GET")
        .with_peer(*b"ABCD")
        .with_route("/r")
        .with_parameter("x", "v")
        .with_parameter("y", "v")
        .with_header("address", "ABCD")
        .with_header("method", "GET")
        .with_header("route", "/r")
        .with_header("x", "v")
        .with_header("y", "v");
    let custom = |name| from_fn(name, |_: &str| Some("v"));
    let headers = ["address", "method", "route", "x", "y"].map(|name| header(name).unwrap());
    let others = [client_ip(), method(), route(), everyone()];
    let named = [parameter("x"), parameter("y"), custom("x"), custom("y")];
    let keys = [&headers[..], &others, &named].concat();
    let subjects: HashSet<_> = keys
        .iter()
        .map(|key| subject(key, &request).unwrap())
        .map(|subject| subject.as_subject().as_bytes().to_vec())
        .collect();
    assert_eq!(subjects.len(), keys.len());
}

#[test]
fn an_empty_header_is_no_key() {
    let key = header("x-api-key").unwrap().or(client_ip());
    let empty = request().with_header("x-api-key", "");
    assert_eq!(subject(&key, &empty), subject(&key, &request()));
    let alone = header("x-api-key").unwrap();
    let error = subject(&alone, &empty).unwrap_err();
    assert!(error.to_string().contains("x-api-key"));
}

#[test]
fn the_first_of_several_lines_counts() {
    let key = header("x-api-key").unwrap();
    let twice = request()
        .with_header("x-api-key", "a")
        .with_header("x-api-key", "b");
    let once = request().with_header("x-api-key", "a");
    assert_eq!(subject(&key, &twice), subject(&key, &once));
}

#[test]
fn a_fallback_leaves_no_trace_of_what_failed_before_it() {
    let both = method().and(header("x-api-key").unwrap());
    let key = both.or(method().and(client_ip()));
    let expected = subject(&method().and(client_ip()), &request());
    assert_eq!(subject(&key, &request()), expected);
}

#[test]
fn a_missing_peer_is_an_error_even_where_something_else_would_do() {
    let nowhere = PlainRequest::new("GET").with_header("x-api-key", "k");
    let key = client_ip().or(header("x-api-key").unwrap());
    assert_eq!(subject(&key, &nowhere), Err(KeyError::PeerAddress));
}

#[test]
fn custom_parts_see_the_frameworks_request_and_are_told_apart_by_name() {
    let user = from_fn("user", |request: &str| Some(request.to_owned()));
    let tenant = from_fn("tenant", |request: &str| Some(request.to_owned()));
    let none = from_fn("nobody", |_: &str| None::<&str>);
    let view = request();
    assert_ne!(user.subject("7", &view), tenant.subject("7", &view));
    assert_ne!(user.subject("7", &view), user.subject("8", &view));
    let error = none.subject("7", &view).unwrap_err();
    assert_eq!(error, KeyError::Custom { name: "nobody" });
}

#[test]
fn routes_and_methods_count_apart() {
    let key: Key<str> = method().and(route());
    let users = request().with_route("/users/{id}");
    let orders = request().with_route("/orders/{id}");
    assert_ne!(subject(&key, &users), subject(&key, &orders));
    let unmatched = request().with_route("");
    let unmatched = subject(&key, &unmatched).unwrap();
    assert_ne!(Ok(unmatched), subject(&key, &users));
    let unrouted = subject(&key, &request()).unwrap_err();
    assert_eq!(unrouted, KeyError::Route);
}

#[test]
fn made_up_methods_are_one_and_none_that_is_known() {
    let of = |name: &str| subject(&method(), &PlainRequest::new(name));
    assert_eq!(of("BREW"), of("WHEN"));
    for known in [
        "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH",
    ] {
        assert_ne!(of(known), of("BREW"), "{known}");
        assert_eq!(of(&known.to_lowercase()), of("BREW"), "{known}");
    }
    assert_ne!(of("GET"), of("PUT"));
}

#[test]
fn a_subject_of_256_bytes_is_left_as_it_is_and_a_longer_one_hashed() {
    let key: Key<str> = from_fn("k", |value: &str| Some(value.to_owned()));
    let of = |length: usize| key.subject(&"v".repeat(length), &request()).unwrap();
    let length_of = |subject: &SubjectBuf| subject.as_subject().as_bytes().len();
    let around = length_of(&of(200)) - 200;
    let longest = of(256 - around);
    assert_eq!(length_of(&longest), 256);
    assert!(longest.as_subject().as_bytes().ends_with(b"vvv"));
    assert!(length_of(&of(256 - around + 1)) < 100);
}

#[test]
fn names_that_no_header_can_have_are_refused() {
    for wrong in ["", "x api", "x:y", "\u{fc}ber"] {
        let error = header::<str>(wrong).unwrap_err();
        assert!(error.to_string().starts_with(&format!("{wrong:?}")));
    }
    let mixed: Key<str> = header("X-Api-Key").unwrap();
    assert!(subject(&mixed, &request().with_header("x-API-key", "k")).is_ok());
}

fn api_key(value: &[u8]) -> PlainRequest {
    request().with_header("x-api-key", value)
}

#[test]
fn g9_what_is_long_is_hashed_and_told_apart_all_the_same() {
    let key = header("x-api-key").unwrap();
    let long = |last: u8| [vec![b'k'; 300], vec![last]].concat();
    let subjects: Vec<_> = [long(1), long(2), vec![b'k'; 300], b"k".to_vec()]
        .iter()
        .map(|value| subject(&key, &api_key(value)).unwrap())
        .collect();
    for (at, one) in subjects.iter().enumerate() {
        assert!(one.as_subject().as_bytes().len() <= 256);
        assert!(subjects[..at].iter().all(|other| other != one));
    }
    let forging = api_key(subjects[0].as_subject().as_bytes());
    assert_ne!(subject(&key, &forging).unwrap(), subjects[0]);
    assert_eq!(subject(&key, &api_key(&long(1))).unwrap(), subjects[0]);
}

#[test]
fn a_hashed_key_says_nothing_and_depends_on_the_secret() {
    let hashed = |byte| {
        header("x-api-key")
            .unwrap()
            .hashed(HashKey::new([byte; 16]))
    };
    let alice = subject(&hashed(1), &api_key(b"alice")).unwrap();
    let bytes = alice.as_subject().as_bytes().to_vec();
    assert!(bytes.windows(5).all(|window| window != b"alice"));
    assert_eq!(subject(&hashed(1), &api_key(b"alice")).unwrap(), alice);
    assert_ne!(subject(&hashed(2), &api_key(b"alice")).unwrap(), alice);
    assert_ne!(subject(&hashed(1), &api_key(b"bob")).unwrap(), alice);
    let plain = header("x-api-key").unwrap().or(client_ip());
    assert_ne!(subject(&plain, &api_key(&bytes)).unwrap(), alice);
}

#[test]
fn a_hashed_key_still_says_what_is_missing() {
    let key = header("x-api-key").unwrap().hashed(HashKey::new([1; 16]));
    let error = subject(&key, &request()).unwrap_err();
    assert!(error.to_string().contains("x-api-key"), "{error}");
    let with_fallback = key.or(client_ip());
    assert_eq!(
        subject(&with_fallback, &request()),
        subject(&client_ip(), &request())
    );
}

#[test]
fn a_parameter_is_a_key_in_every_spelling() {
    let of = |value: &str| subject(&parameter("id"), &request().with_parameter("id", value));
    assert_eq!(of("a%2fb"), of("a%2Fb"));
    assert_eq!(of("%61"), of("a"));
    assert_ne!(of("a"), of("b"));
    let without = request().with_route("/users");
    for wrong in [of("%ff"), subject(&parameter("id"), &without)] {
        let error = wrong.unwrap_err();
        assert_eq!(error, KeyError::Parameter { name: "id".into() });
    }
}
