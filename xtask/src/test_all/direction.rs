//! Who may know whom: the allowed edges between the crates, and what no crate of a kind may reach at all.

use anyhow::{Result, ensure};

use super::row::Matrix;

/// The crates that each crate may name, outside its tests.
const ALLOWED: &[(&str, &[&str])] = &[
    ("tidegate-core", &[]),
    ("tidegate-clock", &["tidegate-core"]),
    ("tidegate-table", &["tidegate-core"]),
    ("tidegate-store", &["tidegate-core"]),
    (
        "tidegate-store-memory",
        &[
            "tidegate-core",
            "tidegate-clock",
            "tidegate-store",
            "tidegate-table",
        ],
    ),
    ("tidegate-store-redis", &["tidegate-core", "tidegate-store"]),
    (
        "tidegate-store-tiered",
        &[
            "tidegate-core",
            "tidegate-clock",
            "tidegate-store",
            "tidegate-table",
        ],
    ),
    (
        "tidegate-limiter",
        &[
            "tidegate-core",
            "tidegate-clock",
            "tidegate-store",
            // for what it counts by itself while the user's store is away
            "tidegate-store-memory",
        ],
    ),
    (
        "tidegate-metrics",
        &[
            "tidegate-core",
            "tidegate-limiter",
            "tidegate-store",
            // each behind a feature, for what it knows of itself
            "tidegate-store-memory",
            "tidegate-store-redis",
            "tidegate-store-tiered",
        ],
    ),
    ("tidegate-config", &["tidegate-core", "tidegate-limiter"]),
    ("tidegate-http", &["tidegate-core"]),
    (
        "tidegate-adapter-common",
        &["tidegate-core", "tidegate-http", "tidegate-limiter"],
    ),
    ("tidegate-adapter-axum", ADAPTER),
    ("tidegate-adapter-actix-web", ADAPTER),
    ("tidegate-examples", &["tidegate-*"]),
    ("tidegate-test-bytes", &["tidegate-*"]),
    ("tidegate-tests", &["tidegate-*"]),
    ("tidegate-test-servers", &[]),
    ("tidegate-faults", &["tidegate-*"]),
    ("tidegate-sim", &["tidegate-core"]),
    ("xtask", &[]),
];

const ADAPTER: &[&str] = &[
    "tidegate-core",
    "tidegate-http",
    "tidegate-limiter",
    "tidegate-adapter-common",
];

/// What crates of a kind must not reach, directly or through others. A `*` at the end stands for anything.
struct Ban {
    from: &'static [&'static str],
    to: &'static [&'static str],
    because: &'static str,
}

const ASYNC: &[&str] = &[
    "tokio*",
    "futures*",
    "async-*",
    "smol*",
    "mio",
    "event-listener*",
];
const WEB: &[&str] = &[
    "axum*",
    "actix-*",
    "tower*",
    "hyper*",
    "http",
    "http-body*",
    "tonic*",
    "warp",
    "rocket",
];
const REDIS: &[&str] = &["redis*", "deadpool*", "fred"];

const BANS: &[Ban] = &[
    Ban {
        from: &["tidegate-core", "tidegate-http"],
        to: ASYNC,
        because: "it decides and formats, and waits for nothing",
    },
    Ban {
        from: &["tidegate-core"],
        to: &[
            "quanta",
            "time",
            "chrono",
            "jiff",
            "web-time",
            "fastrand",
            "rand*",
            "getrandom*",
        ],
        because: "core reads no clock and draws no random number",
    },
    Ban {
        from: &[
            "tidegate-core",
            "tidegate-clock",
            "tidegate-table",
            "tidegate-store*",
            "tidegate-limiter",
            "tidegate-metrics",
            "tidegate-config",
            "tidegate-http",
            "tidegate-adapter-common",
        ],
        to: WEB,
        because: "only the adapters know a web framework",
    },
    Ban {
        from: &[
            "tidegate-adapter-*",
            "tidegate-limiter",
            "tidegate-config",
            "tidegate-http",
        ],
        to: &["tidegate-store-redis", "tidegate-store-tiered"],
        because: "the user chooses the store that nodes share",
    },
    Ban {
        from: &[
            "tidegate-adapter-*",
            "tidegate-limiter",
            "tidegate-config",
            "tidegate-http",
            "tidegate-store",
            "tidegate-store-memory",
            "tidegate-store-tiered",
        ],
        to: REDIS,
        because: "only the Redis store knows Redis",
    },
    Ban {
        from: &[
            "tidegate-core",
            "tidegate-clock",
            "tidegate-table",
            "tidegate-store*",
            "tidegate-limiter",
            "tidegate-config",
            "tidegate-http",
            "tidegate-adapter-*",
        ],
        to: &["tidegate-metrics", "metrics*"],
        because: "who wants no metrics compiles none",
    },
];

/// The row: checks the graph that cargo resolved.
pub(super) fn check(matrix: &Matrix) -> Result<String> {
    let workspace = &matrix.workspace;
    let mut wrong = Vec::new();
    for package in workspace.members() {
        let direct = package
            .dependencies
            .iter()
            .filter(|dependency| !dependency.dev)
            .map(|dependency| dependency.name.as_str())
            .filter(|name| workspace.member(name).is_ok());
        wrong.extend(forbidden_edges(&package.name, direct));
        let reachable = workspace.reachable(package);
        wrong.extend(broken_bans(
            &package.name,
            reachable.iter().map(String::as_str),
        ));
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(String::new())
}

/// The workspace crates that `from` names and may not.
fn forbidden_edges<'a>(from: &str, to: impl Iterator<Item = &'a str>) -> Vec<String> {
    let Some((_, allowed)) = ALLOWED.iter().find(|(name, _)| *name == from) else {
        return vec![format!(
            "{from} is not in the table of allowed edges: say in xtask/src/test_all/direction.rs what it may know"
        )];
    };
    to.filter(|to| !matches_any(to, allowed))
        .map(|to| format!("{from} must not depend on {to}: it may know {allowed:?}"))
        .collect()
}

/// The bans that `from` breaks by reaching these packages.
fn broken_bans<'a>(from: &str, reachable: impl Iterator<Item = &'a str>) -> Vec<String> {
    let bans: Vec<_> = BANS
        .iter()
        .filter(|ban| matches_any(from, ban.from))
        .collect();
    reachable
        .flat_map(|to| bans.iter().map(move |ban| (to, ban)))
        .filter(|(to, ban)| matches_any(to, ban.to))
        .map(|(to, ban)| {
            format!("{from} must not reach {to}: {}. `cargo tree -e normal -p {from} -i {to}` shows how it does", ban.because)
        })
        .collect()
}

fn matches_any(name: &str, patterns: &[&str]) -> bool {
    patterns.iter().any(|pattern| {
        pattern
            .strip_suffix('*')
            .map_or(name == *pattern, |prefix| name.starts_with(prefix))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edges(from: &str, to: &[&str]) -> Vec<String> {
        forbidden_edges(from, to.iter().copied())
    }

    fn bans(from: &str, to: &[&str]) -> Vec<String> {
        broken_bans(from, to.iter().copied())
    }

    #[test]
    fn an_allowed_edge_passes() {
        assert!(edges("tidegate-store", &["tidegate-core"]).is_empty());
        assert!(edges("tidegate-tests", &["tidegate-store-memory"]).is_empty());
    }

    #[test]
    fn an_edge_against_the_direction_is_named() {
        let wrong = edges("tidegate-core", &["tidegate-store"]);
        assert_eq!(wrong.len(), 1);
        assert!(wrong[0].contains("tidegate-core must not depend on tidegate-store"));
    }

    #[test]
    fn an_adapter_names_no_store_and_http_no_more_than_core() {
        assert_eq!(
            edges("tidegate-adapter-axum", &["tidegate-store-memory"]).len(),
            1
        );
        assert_eq!(
            edges("tidegate-http", &["tidegate-core", "tidegate-limiter"]).len(),
            1
        );
    }

    #[test]
    fn a_crate_that_nobody_thought_about_fails() {
        assert!(edges("tidegate-new", &[])[0].contains("not in the table"));
    }

    #[test]
    fn core_reaches_nothing_async_and_no_clock() {
        assert_eq!(
            bans("tidegate-core", &["smallvec", "tokio-util", "quanta"]).len(),
            2
        );
        assert!(bans("tidegate-core", &["smallvec", "thiserror"]).is_empty());
    }

    #[test]
    fn no_store_reaches_a_web_framework_and_only_one_reaches_redis() {
        assert_eq!(
            bans("tidegate-store-memory", &["actix-web", "redis"]).len(),
            2
        );
        assert_eq!(bans("tidegate-store-tiered", &["deadpool-redis"]).len(), 1);
        assert!(bans("tidegate-store-redis", &["redis", "deadpool-redis"]).is_empty());
    }

    #[test]
    fn an_adapter_reaches_a_framework_but_no_store_through_others() {
        assert!(bans("tidegate-adapter-axum", &["axum", "tidegate-store"]).is_empty());
        assert_eq!(
            bans("tidegate-adapter-axum", &["tidegate-store-redis"]).len(),
            1
        );
    }
}
