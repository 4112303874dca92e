//! Parameters by a route's pattern are those that actix-web's own router finds, or none: of random patterns and paths.

use std::collections::BTreeMap;

use actix_web::dev::{Path, ResourceDef};
use tidegate_http::key::of_route;

/// Parts of patterns that the router understands; no name comes twice, since a pattern takes each of them once at most.
const PIECES: [&str; 15] = [
    "{a}",
    "v{b}.json",
    "x",
    "",
    "{c:.+}",
    "{d:[^/]+}",
    "{e:\\d+}",
    "{f:[0-9a-fA-F-]{1,3}}",
    "{g:x/y}",
    "{h:(?:x/)*y}",
    "{i}-{j}",
    "{k:[+-9]+}",
    "v{l:.*}x",
    "{m:[^-]+}",
    "{n}*",
];
const TAILS: [&str; 5] = ["", "", "/", "/{t}*", "/{t:.*}"];
const SEGMENTS: [&str; 12] = [
    "x", "y", "v1", "1", "v1.json", "vx", "", "x-y", "x*", "7-f", "a%2Fb", "*",
];

fn one<T: Copy>(random: &mut fastrand::Rng, of: &[T]) -> T {
    of[random.usize(..of.len())]
}

/// Some pieces, in some order.
fn pattern(random: &mut fastrand::Rng) -> String {
    let mut pieces = PIECES;
    random.shuffle(&mut pieces);
    let all: String = pieces[..random.usize(1..4)]
        .iter()
        .map(|piece| format!("/{piece}"))
        .collect();
    all + one(random, &TAILS)
}

fn path(random: &mut fastrand::Rng) -> String {
    (0..random.usize(1..6))
        .map(|_| format!("/{}", one(random, &SEGMENTS)))
        .collect()
}

#[test]
fn g9_what_a_pattern_tells_is_what_the_router_finds_or_nothing() {
    let mut random = fastrand::Rng::with_seed(9);
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    for _ in 0..3_000 {
        let pattern = pattern(&mut random);
        let router = ResourceDef::new(pattern.as_str());
        for _ in 0..60 {
            let path = path(&mut random);
            let mut matched = Path::new(path.as_str());
            if !router.capture_match_info(&mut matched) {
                continue;
            }
            for (name, value) in matched.iter() {
                let told = of_route(&pattern, &path, name);
                assert!(
                    told.is_none_or(|told| told == value),
                    "{pattern} {path} {name}: {told:?} for {value:?}"
                );
                *found.entry(name.to_owned()).or_default() += usize::from(told.is_some());
            }
            assert_eq!(of_route(&pattern, &path, "z"), None);
        }
    }
    // All but those which share a segment are found somewhere.
    let names = found.iter().filter(|(_, times)| **times == 0);
    let never: Vec<_> = names.map(|(name, _)| name.as_str()).collect();
    assert_eq!(never, ["i", "j"], "{found:?}");
}
