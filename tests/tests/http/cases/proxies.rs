//! Proxies: for whom they speak, and who is believed.

use super::{by, case, get, no_more, ok, with};
use crate::config::By;
use crate::config::Config;
use crate::run::Case;
use crate::run::Step;
use tidegate_http::ForwardedField;
use tidegate_tests::Request;

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
        with(name, vec![b','; 8 * 1024], ok(0, 60)),
        with(name, "192.0.2.1, 999.1.1.1", no_more(60)),
        get("/", no_more(60)),
    ];
    case(behind(ForwardedField::XForwardedFor), steps)
}

/// Counted from the end, whatever the addresses are; where there are too few, the proxy's own counts.
pub(crate) fn a_known_number_of_proxies_is_counted_from_the_end() -> Case {
    let name = "x-forwarded-for";
    let two_lines = Request::get("/")
        .header(name, "6.6.6.6, 192.0.2.1")
        .header(name, "10.0.0.9");
    let steps = [
        with(name, "192.0.2.1, 10.0.0.9", ok(2, 60)),
        with(name, "192.0.2.2, 192.0.2.1, 198.51.100.7", ok(1, 60)),
        Step::Exchange(two_lines, ok(0, 60)),
        with(name, "192.0.2.1:80, [2001:db8::9]:80", no_more(60)),
        // nobody's but the proxy's
        with(name, "192.0.2.1", ok(2, 60)),
        with(name, "unknown, 192.0.2.1", ok(1, 60)),
        with("forwarded", "for=192.0.2.1, for=10.0.0.9", ok(0, 60)),
        get("/", no_more(60)),
        with(name, "192.0.2.1, unknown", no_more(60)),
    ];
    case(by(By::Hops(ForwardedField::XForwardedFor, 2)), steps)
}

pub(crate) fn a_known_number_of_proxies_is_counted_in_the_forwarded_field_too() -> Case {
    let name = "forwarded";
    let steps = [
        with(name, "for=6.6.6.6, for=192.0.2.1;proto=http", ok(2, 60)),
        with(name, r#"for="192.0.2.1:4711""#, ok(1, 60)),
        with("x-forwarded-for", "192.0.2.1", ok(2, 60)),
        with(name, "for=192.0.2.1, proto=http", ok(1, 60)),
    ];
    case(by(By::Hops(ForwardedField::Forwarded, 1)), steps)
}

pub(crate) fn ipv6_clients_count_by_their_64_and_ipv4_clients_each() -> Case {
    let name = "x-forwarded-for";
    let steps = [
        with(name, "2001:db8:1:2::1", ok(2, 60)),
        with(name, "2001:db8:1:2:ffff:ffff:ffff:ffff", ok(1, 60)),
        with(name, "2001:db8:1:3::1", ok(2, 60)),
        with(name, "192.0.2.1", ok(2, 60)),
        with(name, "192.0.2.2", ok(2, 60)),
    ];
    case(by(By::Hops(ForwardedField::XForwardedFor, 1)), steps)
}

pub(crate) fn clients_are_grouped_by_the_prefixes_that_were_told() -> Case {
    let name = "x-forwarded-for";
    let steps = [
        with(name, "2001:db8:1:100::1", ok(2, 60)),
        with(name, "2001:db8:1:1ff::1", ok(1, 60)),
        with(name, "2001:db8:1:200::1", ok(2, 60)),
        with(name, "192.0.2.1", ok(2, 60)),
        with(name, "192.0.2.255", ok(1, 60)),
        // IPv4 in IPv6 clothing is grouped as IPv4, not by the bits of its clothing
        with(name, "::ffff:192.0.2.9", ok(0, 60)),
        with(name, "::ffff:192.0.3.9", ok(2, 60)),
    ];
    case(by(By::Prefixes(24, 56)), steps)
}

pub(crate) fn a_huge_forwarding_header_is_read_from_its_end() -> Case {
    let name = "x-forwarded-for";
    let forged = "192.0.2.77, ".repeat(64 * 1024 / 12);
    let from = |client: &str| format!("{forged}{client}, 10.0.0.9");
    let steps = [
        with(name, from("192.0.2.1"), ok(2, 60)),
        with(name, from("192.0.2.1"), ok(1, 60)),
        with(name, from("192.0.2.2"), ok(2, 60)),
        with(name, "192.0.2.77", ok(2, 60)),
        with(name, vec![b','; 64 * 1024], ok(2, 60)),
        with(name, "10.0.0.9, ".repeat(64 * 1024 / 10), ok(1, 60)),
        get("/", ok(0, 60)),
    ];
    case(behind(ForwardedField::XForwardedFor), steps)
}
