//! Every option that an HTTP adapter takes has an example that runs, and a row in the book's table of options.

use std::collections::BTreeSet;

const SOURCES: [(&str, &str); 6] = [
    (
        "options.rs",
        include_str!("../../crates/http/src/options.rs"),
    ),
    (
        "options/ask.rs",
        include_str!("../../crates/http/src/options/ask.rs"),
    ),
    (
        "key/mod.rs",
        include_str!("../../crates/http/src/key/mod.rs"),
    ),
    (
        "key/subject.rs",
        include_str!("../../crates/http/src/key/subject.rs"),
    ),
    (
        "client/mod.rs",
        include_str!("../../crates/http/src/client/mod.rs"),
    ),
    (
        "client/proxies.rs",
        include_str!("../../crates/http/src/client/proxies.rs"),
    ),
];
const PAGE: &str = include_str!("../../docs/http.md");

/// A public function that makes or changes options, keys, or what these are made of.
struct Choice {
    file: &'static str,
    name: &'static str,
    has_example: bool,
}

/// Those of a file: what returns `Self` or a key, or a result of these.
fn choices(file: &'static str, source: &'static str) -> Vec<Choice> {
    let mut found = Vec::new();
    let mut has_example = false;
    for (at, line) in line_starts(source) {
        let code = line.trim_start();
        match code
            .strip_prefix("pub const fn ")
            .or_else(|| code.strip_prefix("pub fn "))
        {
            Some(signature) if makes_a_choice(&source[at..]) => found.push(Choice {
                file,
                name: signature.split(['(', '<']).next().unwrap_or_default(),
                has_example,
            }),
            _ if code.starts_with("/// ```") => has_example = true,
            _ if code.starts_with("///") || code.starts_with("#[") => {}
            _ => has_example = false,
        }
    }
    found
}

fn line_starts(source: &'static str) -> impl Iterator<Item = (usize, &'static str)> {
    let mut at = 0;
    source.split_inclusive('\n').map(move |line| {
        let began = at;
        at += line.len();
        (began, line)
    })
}

fn makes_a_choice(from_signature: &str) -> bool {
    let signature = from_signature.split('{').next().unwrap_or_default();
    let signature = signature.split("\nwhere").next().unwrap_or_default();
    let Some((_, returned)) = signature.rsplit_once("->") else {
        return false;
    };
    let returned = returned.trim().trim_start_matches("Result<");
    returned.starts_with("Self") || returned.starts_with("Key<")
}

fn all_choices() -> Vec<Choice> {
    let all = SOURCES
        .into_iter()
        .flat_map(|(file, source)| choices(file, source));
    all.collect()
}

/// The functions in the first cells of the page's rows, as in `.cost(n)` and `key::header(name)`.
fn rows() -> BTreeSet<&'static str> {
    let cells = PAGE
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let calls = cells.filter_map(|(call, _)| call.split_once('('));
    calls
        .map(|(path, _)| path.rsplit(['.', ':']).next().unwrap_or_default())
        .collect()
}

#[test]
fn they_are_found() {
    let names: BTreeSet<_> = all_choices().iter().map(|choice| choice.name).collect();
    for known in [
        "cost",
        "allow_header",
        "on_denial",
        "header",
        "or",
        "hops",
        "with_ipv6_prefix",
    ] {
        assert!(names.contains(known), "{known} is not among {names:?}");
    }
    for other in ["question", "gives_back", "subject", "group", "push"] {
        assert!(!names.contains(other), "{other} is no option");
    }
}

#[test]
fn each_has_an_example_that_runs() {
    let without = all_choices()
        .into_iter()
        .filter(|choice| !choice.has_example);
    let without: Vec<String> = without
        .map(|choice| format!("{}: {}", choice.file, choice.name))
        .collect();
    assert!(without.is_empty(), "without an example: {without:?}");
}

#[test]
fn each_has_a_row_in_the_book_and_each_row_is_one() {
    let names: BTreeSet<_> = all_choices().iter().map(|choice| choice.name).collect();
    assert_eq!(rows(), names);
}
