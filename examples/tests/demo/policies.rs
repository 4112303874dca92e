//! Policies from a file, at the start and when the file has changed.

#[cfg(unix)]
use tidegate_tests::Request;

#[cfg(unix)]
use crate::support::line;
use crate::support::{Demo, FRAMEWORKS, refused};

#[test]
fn the_example_file_of_policies_is_enforced() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/policies.toml");
    for framework in FRAMEWORKS {
        let demo = Demo::start(framework, &["--policies", file]);
        let answer = demo.get("/");
        assert_eq!(answer.status, 200);
        let policies = answer.header("ratelimit-policy").unwrap();
        assert_eq!(
            policies,
            r#""per-client";q=100;w=60, "burst";q=20;w=2, "daily";q=5000;w=86400"#
        );
    }
}

#[cfg(unix)]
#[test]
fn a_hangup_reads_the_policies_anew_and_counts_are_kept() {
    let policy = |limit: u64| {
        format!(
            "[[policy]]\nname = 'p'\nlimit = {limit}\nwindow = '1day'\nalgorithm = 'fixed-window'\n"
        )
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("policies.toml");
    for framework in FRAMEWORKS {
        std::fs::write(&file, policy(2)).unwrap();
        let mut demo = Demo::start(framework, &["--policies", file.to_str().unwrap()]);
        assert_eq!(demo.statuses(&Request::get("/"), 3), [200, 200, 429]);

        std::fs::write(&file, policy(3)).unwrap();
        demo.signal("-HUP");
        let told = line(&mut demo.output);
        assert_eq!(told, "policies read anew: p 3 per 86400s, fixed-window\n");
        assert_eq!(demo.statuses(&Request::get("/"), 2), [200, 429]);

        std::fs::write(&file, "[[policy]]\nname = 'p'\nlimit = 9").unwrap();
        demo.signal("-HUP");
        let told = line(&mut demo.errors);
        assert!(
            told.starts_with("the policies stay as they are: "),
            "{told}"
        );
        assert!(line(&mut demo.errors).starts_with("line 1: policy \"p\": window is missing"));
        assert_eq!(demo.statuses(&Request::get("/"), 1), [429]);
    }
}

#[cfg(unix)]
#[test]
fn a_hangup_without_a_file_changes_nothing() {
    for framework in FRAMEWORKS {
        let mut demo = Demo::start(framework, &["--limit", "1", "--window", "1h"]);
        demo.signal("-HUP");
        assert_eq!(
            line(&mut demo.errors),
            "the policies stay as they are: there is no file to read anew: --policies FILE gives one\n"
        );
        assert_eq!(demo.statuses(&Request::get("/"), 2), [200, 429]);
    }
}

/// Policies a, b, c and so on, each of four lines.
fn so_many(policies: u8) -> String {
    let names = (b'a'..).take(policies.into()).map(char::from);
    names
        .map(|name| format!("[[policy]]\nname = '{name}'\nlimit = 9\nwindow = '1h'\n"))
        .collect()
}

/// Nothing listens at port 1.
const SHARED: [[&str; 4]; 2] = [
    ["--store", "redis", "--redis", "redis://127.0.0.1:1"],
    ["--store", "tiered", "--redis", "redis://127.0.0.1:1"],
];

#[test]
fn more_policies_than_the_store_takes_are_refused_with_the_file_and_the_first_too_many() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("policies.toml");
    std::fs::write(&file, so_many(8)).unwrap();
    let file = file.to_str().unwrap();
    for store in SHARED {
        let message = refused(&[&["--policies", file], &store[..]].concat());
        let told = format!(
            "error: {file}: line 25: policy \"g\" is one too many: the store takes at most 6 "
        );
        assert!(message.starts_with(&told), "{message}");
    }
    // Memory takes any number.
    let demo = Demo::start("axum", &["--policies", file]);
    assert_eq!(demo.get("/").status, 200);
}

#[cfg(unix)]
#[test]
fn a_hangup_refuses_more_policies_than_the_store_takes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("policies.toml");
    for (framework, store) in FRAMEWORKS.iter().zip(SHARED) {
        std::fs::write(&file, so_many(6)).unwrap();
        let flags = [
            &["--policies", file.to_str().unwrap(), "--log", "off"],
            &store[..],
        ];
        let mut demo = Demo::start(framework, &flags.concat());
        std::fs::write(&file, so_many(7)).unwrap();
        demo.signal("-HUP");
        let told = line(&mut demo.errors);
        let expected = format!(
            "the policies stay as they are: {}: line 25: policy \"g\" is one too many: ",
            file.display()
        );
        assert!(told.starts_with(&expected), "{told}");
    }
}
