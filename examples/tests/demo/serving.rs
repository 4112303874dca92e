//! What clients see, and what the flags change.

use std::net::TcpListener;

use tidegate_tests::{Http2Client, Request};

use crate::support::{Demo, FRAMEWORKS, masked, refused};

#[test]
fn a_hundred_requests_are_allowed_and_the_next_is_denied_alike_in_both_frameworks() {
    let answers = FRAMEWORKS.map(|framework| {
        let demo = Demo::start(framework, &[]);
        let mut client = demo.client();
        let answers = (0..102).map(|_| client.send(&Request::get("/")).unwrap());
        answers.collect::<Vec<_>>()
    });
    for answers in &answers {
        let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        assert_eq!(statuses, [[200; 100].as_slice(), &[429, 429]].concat());
        assert!(answers[..100].iter().all(|answer| answer.body == "ok"));
        let denied = &answers[100];
        let wait: u64 = denied.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=120).contains(&wait));
        let limit = denied.header("ratelimit").unwrap();
        assert_eq!(limit, format!(r#""per-client";r=0;t={wait}"#));
    }
    let [axum, actix] = answers.map(|answers| answers.iter().map(masked).collect::<Vec<_>>());
    assert_eq!(axum, actix);
}

#[test]
fn http2_without_tls_is_served_on_the_same_port() {
    let answers = FRAMEWORKS.map(|framework| {
        let demo = Demo::start(framework, &["--limit", "1", "--window", "1h"]);
        let mut client = Http2Client::connect(demo.address).unwrap();
        let get = Request::get("/");
        let answers = [client.send(&get).unwrap(), client.send(&get).unwrap()];
        assert_eq!(demo.get("/").status, 429, "{framework}: the same limit");
        answers
    });
    let [axum, actix] = answers.map(|answers| answers.map(|answer| masked(&answer)));
    assert_eq!(axum.each_ref().map(|(status, ..)| *status), [200, 429]);
    assert_eq!(axum, actix);
}

#[test]
fn flags_change_what_is_enforced() {
    for framework in FRAMEWORKS {
        let flags = [
            "--limit",
            "2",
            "--window",
            "1h",
            "--algorithm",
            "fixed-window",
        ];
        let demo = Demo::start(framework, &flags);
        assert_eq!(demo.statuses(&Request::get("/"), 3), [200, 200, 429]);
        let customer = Request::get("/").header("x-api-key", "k1");
        assert_eq!(demo.statuses(&customer, 3), [200, 200, 429]);
        let forged = Request::get("/").header("x-forwarded-for", "192.0.2.1");
        assert_eq!(demo.statuses(&forged, 1), [429]);
        assert_eq!(demo.statuses(&Request::get("/unlimited"), 5), [200; 5]);
    }
}

#[test]
fn trusted_proxies_and_shadow() {
    for framework in FRAMEWORKS {
        let flags = [
            "--limit",
            "1",
            "--window",
            "1h",
            "--trust-proxy",
            "127.0.0.0/8",
        ];
        let demo = Demo::start(framework, &flags);
        let from = |client: &str| Request::get("/").header("x-forwarded-for", client);
        assert_eq!(demo.statuses(&from("6.6.6.6, 192.0.2.1"), 1), [200]);
        assert_eq!(demo.statuses(&from("7.7.7.7, 192.0.2.1"), 1), [429]);
        assert_eq!(demo.statuses(&from("192.0.2.2"), 1), [200]);

        let demo = Demo::start(framework, &["--limit", "1", "--window", "1h", "--shadow"]);
        assert_eq!(demo.statuses(&Request::get("/"), 3), [200; 3]);
    }
}

#[test]
fn the_other_routes_answer() {
    for framework in FRAMEWORKS {
        let flags = ["--limit", "1", "--window", "1h"];
        let demo = Demo::start(framework, &flags);
        demo.statuses(&Request::get("/"), 3);
        assert_eq!(demo.get("/healthz").body, "ok");
        assert!(demo.get("/unlimited").header("ratelimit").is_none());
        assert_eq!(demo.get("/nowhere").status, 404);
        let metrics = demo.get("/metrics");
        let expected = "text/plain; version=0.0.4; charset=utf-8";
        assert_eq!(metrics.header("content-type"), Some(expected));
        for (outcome, count) in [("allowed", 1), ("denied", 2)] {
            let line = format!(
                "tidegate_decisions_total{{policy=\"per-client\",outcome=\"{outcome}\",mode=\"store\"}} {count}\n"
            );
            assert!(metrics.body.contains(&line), "{}", metrics.body);
        }
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_stops_it_politely() {
    for framework in FRAMEWORKS {
        let mut demo = Demo::start(framework, &[]);
        assert_eq!(demo.get("/").status, 200);
        demo.signal("-INT");
        assert!(demo.program.wait().unwrap().success(), "{framework}");
    }
}

#[cfg(unix)]
#[test]
fn connections_that_never_said_anything_do_not_keep_it_from_stopping() {
    use std::net::TcpStream;
    use std::time::Instant;

    use crate::support::PATIENCE;

    for framework in FRAMEWORKS {
        let mut demo = Demo::start(framework, &[]);
        let _silent = TcpStream::connect(demo.address).unwrap();
        // Connections are accepted in their order, so the silent one is.
        assert_eq!(demo.get("/").status, 200);
        let began = Instant::now();
        demo.signal("-TERM");
        assert!(demo.program.wait().unwrap().success(), "{framework}");
        let took = began.elapsed();
        assert!(took < PATIENCE, "{framework}: {took:?}");
    }
}

#[test]
fn what_cannot_be_is_refused_with_the_value_and_what_is_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let mistaken = folder.path().join("policies.toml");
    std::fs::write(&mistaken, "[[policy]]\nlimit = 0").unwrap();
    for (flags, value, allowed) in [
        (
            ["--limit", "0"],
            "'0' for '--limit <N>'",
            "1 to 9007199254740991",
        ),
        (
            ["--window", "367days"],
            "'367days' for '--window <DUR>'",
            "1ms to 366 days",
        ),
        (
            ["--deadline", "0s"],
            "'0s' for '--deadline <DUR>'",
            "1ms to 60s",
        ),
        (
            ["--expected-nodes", "0"],
            "'0' for '--expected-nodes <N>'",
            "1 to 4294967295",
        ),
        (
            ["--policies", "nowhere.toml"],
            "nowhere.toml",
            "No such file",
        ),
        (
            ["--policies", mistaken.to_str().unwrap()],
            "line 2: policy 1: limit 0",
            "whole number",
        ),
    ] {
        let message = refused(&[&["--listen", "127.0.0.1:0"], &flags[..]].concat());
        assert!(message.starts_with("error: "), "{message}");
        assert!(message.contains(value), "{flags:?}: {message}");
        assert!(message.contains(allowed), "{flags:?}: {message}");
    }
}

#[test]
fn flags_that_do_not_go_together_are_told_as_they_were_typed() {
    let message = refused(&["--window", "100days", "--algorithm", "token-bucket"]);
    let told = "error: --limit 100 --window 100days --algorithm token-bucket: ";
    assert!(message.starts_with(told), "{message}");
}

#[test]
fn l2_it_starts_and_serves_while_its_store_is_away() {
    // Nothing listens at port 1.
    let away = [
        "--redis",
        "redis://127.0.0.1:1",
        "--limit",
        "2",
        "--window",
        "1h",
    ];
    for framework in FRAMEWORKS {
        let flags = [&["--store", "redis", "--outage", "closed"], &away[..]].concat();
        let answer = Demo::start(framework, &flags).get("/");
        assert_eq!(answer.status, 503);
        assert!(answer.header("retry-after").is_some());

        let flags = [&["--store", "tiered"], &away[..]].concat();
        let demo = Demo::start(framework, &flags);
        assert_eq!(demo.statuses(&Request::get("/"), 3), [200, 200, 429]);
    }
}

#[test]
fn an_address_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for framework in FRAMEWORKS {
        let message = refused(&["--listen", &address, "--framework", framework]);
        assert!(message.contains(&address), "{message}");
        assert!(message.contains("--listen"), "{message}");
    }
}
