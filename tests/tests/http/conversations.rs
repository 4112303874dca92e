//! What is more than requests and their responses: connections shared, kept, upgraded, abandoned.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::thread;
use std::time::{Duration, Instant};

use tidegate_limiter::ManualClock;
use tidegate_tests::{Client, Request, Response, Turnstile};

use crate::apps::{ORIGIN, WEBSOCKET_ACCEPT};
use crate::config::{Config, fixed};
use crate::run::{Server, Start};

/// After this long without what is waited for a test fails.
const PATIENCE: Duration = Duration::from_secs(20);

fn serve(start: Start, config: &Config) -> Server {
    start(config, &ManualClock::new())
}

fn limited_to(limit: u64) -> Config {
    Config {
        quotas: vec![("per-client", fixed(limit, 60))],
        ..Config::default()
    }
}

fn get(client: &mut Client) -> Response {
    client.send(&Request::get("/")).unwrap()
}

/// What is left, as a response says.
fn left(response: &Response) -> u64 {
    let limit = response.header("ratelimit").unwrap();
    let left = limit.strip_prefix(r#""per-client";r="#).unwrap();
    left.split(';').next().unwrap().parse().unwrap()
}

/// Eight connections at once, kept alive: exactly the limit is admitted (G1).
pub(crate) fn all_connections_share_one_limit(start: Start) {
    let server = serve(start, &limited_to(100));
    let address = server.address;
    let admitted = || {
        let mut client = Client::connect(address).unwrap();
        let answers = (0..25).map(|_| get(&mut client).status);
        answers.filter(|status| *status == 200).count()
    };
    let admitted: usize = thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(admitted)).collect();
        let threads = threads.into_iter();
        threads.map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(admitted, 100);
}

/// Nobody reads a denied request's body; what is in it must not become a request all the same.
pub(crate) fn a_denied_body_is_never_taken_for_a_request(start: Start) {
    let server = serve(start, &limited_to(1));
    assert_eq!(get(&mut server.client()).status, 200);
    let smuggled = Request::get("/unlimited").bytes();
    let mut bytes = Request::new("POST", "/echo").chunked(smuggled).bytes();
    bytes.extend(Request::get("/").bytes());
    let answers = server.client().converse(&bytes).unwrap();
    assert!(answers.starts_with("HTTP/1.1 429 "), "{answers}");
    assert!(!answers.contains("HTTP/1.1 200"), "{answers}");
}

/// What is sent after the head of a response that has no body would be taken for the next response.
pub(crate) fn a_refusal_without_a_body_leaves_the_connection_to_the_next(start: Start) {
    let config = Config {
        denied_as: &[204, 205, 304],
        ..limited_to(1)
    };
    let server = serve(start, &config);
    let mut client = server.client();
    let answers = [200, 204, 205, 304, 204].map(|expected| {
        let answer = get(&mut client);
        assert_eq!(answer.status, expected, "{answer:?}");
        answer
    });
    for answer in &answers[1..] {
        let length = answer.header("content-length").unwrap_or("0");
        let is_allowed = answer.status != 204 || answer.header("content-length").is_none();
        assert!(length == "0" && is_allowed, "{answer:?}");
        assert_eq!(answer.header("content-type"), None, "{answer:?}");
    }
}

pub(crate) fn an_upgrade_is_counted_and_a_denied_one_is_none(start: Start) {
    let server = serve(start, &limited_to(1));
    let handshake = Request::get("/upgrade")
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    let mut client = server.client();
    let upgraded = client.send(&handshake).unwrap();
    assert_eq!(upgraded.status, 101);
    assert_eq!(
        upgraded.header("sec-websocket-accept"),
        Some(WEBSOCKET_ACCEPT)
    );
    assert_eq!(left(&upgraded), 0);
    let mut socket = client.into_inner();
    socket.get_mut().write_all(b"ping").unwrap();
    let mut echoed = [0; 4];
    socket.read_exact(&mut echoed).unwrap();
    assert_eq!(&echoed, b"ping");

    let denied = server.client().send(&handshake).unwrap();
    assert_eq!((denied.status, denied.header("upgrade")), (429, None));
    assert!(denied.body.contains("quota-exceeded"), "{denied:?}");
}

pub(crate) fn cors_around_it_answers_preflights_and_lets_scripts_see_denials(start: Start) {
    let config = Config {
        cors: true,
        ..limited_to(1)
    };
    let server = serve(start, &config);
    let mut client = server.client();
    let preflight = Request::new("OPTIONS", "/")
        .header("origin", ORIGIN)
        .header("access-control-request-method", "PUT");
    let script = Request::get("/").header("origin", ORIGIN);
    let allowed = |response: &Response| {
        let origin = response.header("access-control-allow-origin");
        assert_eq!(origin, Some(ORIGIN), "{response:?}");
    };
    for _ in 0..3 {
        let answer = client.send(&preflight).unwrap();
        assert_eq!((answer.status, answer.header("ratelimit")), (200, None));
        allowed(&answer);
    }
    for status in [200, 429] {
        let answer = client.send(&script).unwrap();
        assert_eq!(answer.status, status);
        allowed(&answer);
        assert!(answer.header("access-control-expose-headers").is_some());
    }
}

pub(crate) fn a_handler_that_panics_was_counted_and_harms_nobody_else(start: Start) {
    let server = serve(start, &limited_to(5));
    for _ in 0..3 {
        // Both frameworks drop the connection.
        let answer = server.client().send(&Request::get("/panic"));
        assert!(answer.is_err(), "{answer:?}");
    }
    let mut client = server.client();
    assert_eq!(left(&get(&mut client)), 1);
    assert_eq!(left(&get(&mut client)), 0);
    assert_eq!(get(&mut client).status, 429);
}

pub(crate) fn l6_a_client_that_hangs_up_while_the_store_is_asked_counts_at_most_once(start: Start) {
    let turnstile = Turnstile::new();
    let config = Config {
        held: Some(turnstile.clone()),
        ..limited_to(5)
    };
    let server = serve(start, &config);
    let mut gone = server.client().into_inner();
    gone.get_mut()
        .write_all(&Request::get("/").bytes())
        .unwrap();
    until(|| turnstile.arrived() == 1);
    drop(gone);
    // Its request may be given up now, or decided in vain when the store answers.
    turnstile.open();
    until(|| turnstile.left() == 1);
    let mut client = server.client();
    let first = left(&get(&mut client));
    assert!((3..=4).contains(&first), "{first} left");
    assert_eq!(left(&get(&mut client)), first - 1);
}

pub(crate) fn no_response_waits_until_its_cost_is_given_back(start: Start) {
    let turnstile = Turnstile::new();
    let config = Config {
        held: Some(turnstile.clone()),
        failures_only: true,
        ..limited_to(5)
    };
    let server = serve(start, &config);
    let mut client = server.client();
    turnstile.let_pass(1);
    assert_eq!(left(&get(&mut client)), 4);
    // The store is asked to give it back, and has not done so yet.
    until(|| turnstile.arrived() == 2);
    assert_eq!(turnstile.left(), 1);
    turnstile.open();
    // Each response shows its own charge; before it, all others must have been given back some time.
    until(|| left(&get(&mut client)) == 4);
}

/// By how much is left to chance, so that this is no row with one answer.
pub(crate) fn denied_clients_are_told_to_come_back_at_different_times(start: Start) {
    let config = Config {
        jitter: 5,
        ..limited_to(1)
    };
    let server = serve(start, &config);
    let mut client = server.client();
    assert_eq!(get(&mut client).status, 200);
    let waits: BTreeSet<u64> = (0..50)
        .map(|_| {
            let denied = get(&mut client);
            assert_eq!((denied.status, left(&denied)), (429, 0));
            denied.header("retry-after").unwrap().parse().unwrap()
        })
        .collect();
    assert!(
        waits.iter().all(|wait| (60..=65).contains(wait)),
        "{waits:?}"
    );
    assert!(waits.len() > 1, "all come back after {waits:?} seconds");
}

pub(crate) fn names_that_are_no_text_are_refused_and_count_for_nobody(start: Start) {
    let server = serve(start, &limited_to(3));
    for name in [b"x-\xff".as_slice(), b"x-\xc3\xa4", b"x y", b""] {
        let bytes = Request::get("/").header(name, "1").bytes();
        let answer = server.client().converse(&bytes).unwrap();
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    }
    assert_eq!(left(&get(&mut server.client())), 2);
}

fn until(mut condition: impl FnMut() -> bool) {
    let give_up = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < give_up, "it did not come to that");
        thread::sleep(Duration::from_millis(1));
    }
}
