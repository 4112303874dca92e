//! Keys: by what requests are limited.

use super::{by, case, denied, get, ok, plain, with};
use crate::config::By;
use crate::config::Config;
use crate::run::Case;
use crate::run::Expected;
use crate::run::Step;
use tidegate_tests::Request;

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
    let huge = |last: u8| [vec![b'k'; 64 * 1024], vec![last]].concat();
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

pub(crate) fn the_answer_to_requests_without_their_key_can_look_different() -> Case {
    let config = Config {
        plain_key_errors: true,
        ..by(By::KeyAlone)
    };
    let detail = "the header x-api-key, by which requests are limited, is missing or empty";
    let expected = Expected {
        status: 401,
        headers: vec![
            ("cache-control", "no-store".into()),
            ("content-type", "text/plain".into()),
            ("www-authenticate", "ApiKey".into()),
        ],
        body: Some(detail.into()),
    };
    case(
        config,
        [get("/", expected), with("x-api-key", "alice", ok(2, 60))],
    )
}

/// HTTP/2 has another name for it.
pub(crate) fn the_host_is_a_key() -> Case {
    let other = Request::get("/").host("other");
    let steps = [
        get("/", ok(2, 60)),
        get("/", ok(1, 60)),
        Step::Exchange(other, ok(2, 60)),
    ];
    case(by(By::Host), steps)
}

/// Of methods that a client makes up there is no end.
pub(crate) fn methods_that_nobody_knows_are_one() -> Case {
    let made_up = |method: &'static str, left| {
        let request = Request::new(method, "/").header("content-length", "0");
        Step::Exchange(request, ok(left, 60))
    };
    let steps = [
        made_up("BREW", 2),
        made_up("brew", 1),
        made_up("get", 0),
        get("/", ok(2, 60)),
    ];
    case(by(By::RouteAndMethod), steps)
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

pub(crate) fn path_parameters_are_keys_in_every_spelling() -> Case {
    let steps = [
        get("/items/a", ok(2, 60)),
        get("/items/%61?x=1", ok(1, 60)),
        get("/items/a%2fb", ok(2, 60)),
        get("/items/a%2Fb", ok(1, 60)),
        get("/items/b", ok(2, 60)),
        get("/nested/items/a", ok(0, 60)),
        get("/", ok(2, 60)),
        // nobody's bucket but the client's own
        get("/items/%ff", ok(1, 60)),
    ];
    case(by(By::Item), steps)
}

pub(crate) fn parameters_are_found_inside_a_nested_router() -> Case {
    let config = Config {
        nested: true,
        ..by(By::Item)
    };
    let steps = [
        get("/nested/items/a", ok(2, 60)),
        get("/nested/items/%61", ok(1, 60)),
        get("/nested/items/b", ok(2, 60)),
        get("/items/a", plain()),
    ];
    case(config, steps)
}

pub(crate) fn hashed_keys_are_told_apart() -> Case {
    let steps = [
        with("x-api-key", "alice", ok(2, 60)),
        with("x-api-key", "alice", ok(1, 60)),
        with("x-api-key", "bob", ok(2, 60)),
        with("x-api-key", b"\xff", ok(2, 60)),
    ];
    case(by(By::HashedKey), steps)
}

pub(crate) fn a_function_of_the_request_is_a_key() -> Case {
    let detail = "the segment, by which requests are limited, is missing";
    let steps = [
        get("/items/1", ok(2, 60)),
        get("/items/2?x=/nested", ok(1, 60)),
        get("/nested/items/1", ok(2, 60)),
        get("/", refused(400, "Bad Request", detail)),
        get("/unlimited", plain()),
        get("/items/3", ok(0, 60)),
    ];
    case(by(By::Segment), steps)
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

fn refused(status: u16, title: &str, detail: &str) -> Expected {
    Expected {
        status,
        body: Some(format!(
            r#"{{"type":"about:blank","title":"{title}","status":{status},"detail":"{detail}"}}"#
        )),
        ..denied(&[])
    }
}
