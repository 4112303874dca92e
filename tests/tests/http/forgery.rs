//! Whatever a client writes into headers: an answer that is no error of the server's, and nobody else pays.

use fastrand::Rng;
use tidegate_http::ForwardedField;
use tidegate_limiter::ManualClock;
use tidegate_tests::{Request, Response};

use crate::config::{By, Config, fixed};
use crate::run::{Server, Start};

/// Enough that nobody is denied, so that every request that is taken for one shows.
const LIMIT: u64 = 1_000_000;
const REQUESTS: u64 = 400;

const FORGER: &str = "198.51.100.1";
const VICTIM: &str = "192.0.2.7";
/// What the server takes for the proxy's own request.
const NOBODY: &str = "unknown";

const NAMES: [&[u8]; 17] = [
    b"x-forwarded-for",
    b"X-Forwarded-For",
    b"forwarded",
    b"x-real-ip",
    b"x-pass",
    b"ratelimit",
    b"ratelimit-policy",
    b"x-ratelimit-remaining",
    b"retry-after",
    b"tidegate-mode",
    b"origin",
    b"access-control-request-method",
    b"content-length",
    b"transfer-encoding",
    b"upgrade",
    b"x y",
    b"x-\xff",
];

const VALUES: [&[u8]; 23] = [
    b"",
    b" \t ",
    b"192.0.2.7",
    b"192.0.2.7, 192.0.2.7",
    b"::ffff:192.0.2.7",
    b"[::ffff:192.0.2.7]:443",
    b"\"192.0.2.7",
    b"\"192.0.2.7\\\"",
    b"192.0.2.7:99999999",
    b"192.0.2.7%eth0",
    b"for=192.0.2.7",
    b"for=\"192.0.2.7",
    b"for=192.0.2.7;for=192.0.2.8",
    b"for=;by=_x, for=\"[\"",
    b"127.0.0.1",
    b"unknown, _hidden",
    b"999.0.2.7",
    b",,,",
    b"-1",
    b"18446744073709551616",
    b"chunked",
    b"\xff\xfe\x80",
    b"1\x002",
];

/// A request with headers of all kinds, repeated and contradictory ones, as the proxy passes it on: with the forger's
/// address at the end.
fn forged(random: &mut Rng) -> Request {
    let methods = ["GET", "OPTIONS", "POST", "BREW"];
    let mut request = Request::new(methods[random.usize(..methods.len())], "/");
    for _ in 0..random.usize(1..7) {
        let value = VALUES[random.usize(..VALUES.len())];
        let value = match random.usize(..20) {
            0 => value.repeat(100),
            _ => value.to_vec(),
        };
        request = request.header(NAMES[random.usize(..NAMES.len())], value);
    }
    request.header("x-forwarded-for", FORGER)
}

/// What is left to a client after one more request of its own.
fn left(server: &Server, client: &str) -> u64 {
    let request = Request::get("/").header("x-forwarded-for", client);
    remaining(&server.client().send(&request).unwrap())
}

fn remaining(response: &Response) -> u64 {
    let limit = response.header("ratelimit").unwrap();
    let (_, rest) = limit.split_once(";r=").unwrap();
    rest.split(';').next().unwrap().parse().unwrap()
}

pub(crate) fn whatever_is_in_headers_nobody_else_pays(start: Start) {
    let config = Config {
        quotas: vec![("per-client", fixed(LIMIT, 60))],
        by: By::Proxied(ForwardedField::XForwardedFor, "127.0.0.0/8"),
        ..Config::default()
    };
    let server = start(&config, &ManualClock::new());
    let mut random = Rng::with_seed(2026);
    let mut counted = 0;
    for _ in 0..REQUESTS {
        let request = forged(&mut random);
        let answer = server.client().send(&request).unwrap();
        // Some are no HTTP, as the server says before anybody else sees them.
        assert!(
            matches!(answer.status, 200 | 400),
            "{request:?}: {answer:?}"
        );
        counted += u64::from(answer.header("ratelimit").is_some());
    }
    assert!(
        (REQUESTS / 4..REQUESTS).contains(&counted),
        "{counted} were requests"
    );
    assert_eq!(left(&server, FORGER), LIMIT - counted - 1);
    for other in [VICTIM, NOBODY] {
        assert_eq!(left(&server, other), LIMIT - 1, "{other}");
    }
}
