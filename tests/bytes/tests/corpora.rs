//! Everything that is done with bytes from outside holds for the checked-in corpora, for what is near them, and for random
//! bytes.

#![allow(clippy::unwrap_used)] // also in the helpers, which clippy does not take for tests

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use tidegate_test_bytes::ALL;

/// A target's corpus, in no order: what cargo-fuzz starts from, and what it or somebody else once found.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fuzz/corpus")
        .join(name);
    let read =
        |path: PathBuf| std::fs::read(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    let files = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let files: Vec<_> = files.map(|file| read(file.unwrap().path())).collect();
    assert!(!files.is_empty(), "{folder:?} is empty");
    files
}

#[test]
fn the_corpora_hold() {
    for (name, target) in ALL {
        for bytes in corpus(name) {
            target(&bytes);
        }
    }
}

/// What is done to an entry of a corpus.
#[derive(Clone, Debug)]
enum Change {
    Set(prop::sample::Index, u8),
    Insert(prop::sample::Index, Vec<u8>),
    Remove(prop::sample::Index),
    Repeat(prop::sample::Index, usize),
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<prop::sample::Index>;
    // What means something to one of the targets.
    let token = prop::sample::select(vec![
        "\n",
        ",",
        ";",
        "=",
        "\"",
        "\\",
        "[",
        "]",
        "::",
        "for=",
        "0",
        "-1",
        "99999999999999999999",
        ".",
        " ",
        "%",
        "\u{0}",
        "\u{7f}",
        "é",
        "[[policy]]",
        "header",
        "x-user",
        "redis://",
        "@",
        ":",
        "/",
    ]);
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
        (at(), token).prop_map(|(at, token)| Change::Insert(at, token.as_bytes().to_vec())),
        (at(), prop::collection::vec(any::<u8>(), 1..9))
            .prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        at().prop_map(Change::Remove),
        (at(), 1_usize..40).prop_map(|(at, times)| Change::Repeat(at, times)),
    ]
}

fn changed(mut bytes: Vec<u8>, changes: &[Change]) -> Vec<u8> {
    for change in changes {
        let len = bytes.len();
        match change {
            Change::Insert(at, more) => {
                let at = at.index(len + 1);
                bytes.splice(at..at, more.iter().copied());
            }
            _ if len == 0 => {}
            Change::Set(at, byte) => bytes[at.index(len)] = *byte,
            Change::Remove(at) => {
                bytes.remove(at.index(len));
            }
            Change::Repeat(at, times) => {
                let piece = bytes[at.index(len)..].to_vec();
                bytes.extend(piece.repeat(*times).into_iter().take(4_000));
            }
        }
    }
    bytes
}

/// With `FUZZ_CASES` in the environment, as many cases; else what is done in some seconds.
fn cases() -> u32 {
    std::env::var("FUZZ_CASES").map_or(2_000, |cases| {
        cases.parse().expect("FUZZ_CASES is a number")
    })
}

fn holds_near_its_corpus(name: &str) {
    let (_, target) = ALL.into_iter().find(|(other, _)| *other == name).unwrap();
    let bytes = prop_oneof![
        4 => (prop::sample::select(corpus(name)), prop::collection::vec(change(), 1..8))
            .prop_map(|(bytes, changes)| changed(bytes, &changes)),
        1 => prop::collection::vec(any::<u8>(), 0..200),
    ];
    let config = ProptestConfig {
        cases: cases(),
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let ran = prop::test_runner::TestRunner::new(config).run(&bytes, |bytes| {
        target(&bytes);
        Ok(())
    });
    // The shrunken bytes belong into the corpus.
    ran.unwrap_or_else(|error| panic!("{name}: {error}"));
}

#[test]
fn address_holds() {
    holds_near_its_corpus("address");
}

#[test]
fn fields_hold() {
    holds_near_its_corpus("fields");
}

#[test]
fn forwarded_holds() {
    holds_near_its_corpus("forwarded");
}

#[test]
fn keys_hold() {
    holds_near_its_corpus("keys");
}

#[test]
fn policies_hold() {
    holds_near_its_corpus("policies");
}
