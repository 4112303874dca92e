//! The rows of the matrix. Cheap ones come first, then those that only check, then those that build and run,
//! all with one set of features, so that every dependency is compiled once for each of the two.

use super::row::{CargoJob, Job, Row};
use super::suite::Claim;
use super::{book, direction, examples, features, forbid_unsafe, licences, no_std, rust_version};
use crate::cargo::{CLIPPY, RUSTFMT};

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "format",
        proves: "the code is formatted",
        job: Job::Cargo(CargoJob {
            arguments: &["fmt", "--all", "--check"],
            component: Some(&RUSTFMT),
            ..CargoJob::PLAIN
        }),
    },
    Row {
        name: "direction",
        proves: "no crate knows another that it must not know",
        job: Job::Check(direction::check),
    },
    Row {
        name: "licences",
        proves: "every dependency has a licence that deny.toml allows",
        job: Job::Check(licences::check),
    },
    Row {
        name: "forbid-unsafe",
        proves: "every crate forbids unsafe code",
        job: Job::Check(forbid_unsafe::check),
    },
    Row {
        name: "rust-version",
        proves: "no crate needs a newer Rust than it says, and README and CONTRIBUTING say the same",
        job: Job::Check(rust_version::check),
    },
    Row {
        name: "book",
        proves: "README and docs: links lead somewhere, every page is listed, all Rust code is a doctest",
        job: Job::Check(book::check),
    },
    Row {
        name: "no-std",
        proves: "core builds where there is no standard library",
        job: Job::Check(no_std::check),
    },
    Row {
        name: "clippy",
        proves: "clippy has nothing to say about any target with all features",
        job: Job::Cargo(CargoJob {
            arguments: &[
                "clippy",
                "--workspace",
                "--all-targets",
                "--all-features",
                "--",
                "-D",
                "warnings",
            ],
            component: Some(&CLIPPY),
            ..CargoJob::PLAIN
        }),
    },
    Row {
        name: "features",
        proves: "each crate compiles alone: with no features, with each, with all",
        job: Job::Check(features::check),
    },
    Row {
        name: "docs",
        proves: "the documentation builds without a warning",
        job: Job::Cargo(CargoJob {
            arguments: &["doc", "--workspace", "--all-features", "--no-deps"],
            environment: &[("RUSTDOCFLAGS", "-D warnings")],
            ..CargoJob::PLAIN
        }),
    },
    Row {
        name: "tests",
        proves: "the unit, property and integration tests that are no row of their own pass",
        job: Job::OtherTests,
    },
    Row {
        name: "conformance-memory",
        proves: "the memory store keeps the contract of stores",
        job: Job::Tests(&[Claim {
            package: "tidegate-store-memory",
            target: "conformance",
            filter: None,
        }]),
    },
    Row {
        name: "conformance-tiered",
        proves: "the tiered store keeps the contract of stores",
        job: Job::Tests(&[Claim {
            package: "tidegate-store-tiered",
            target: "tiered",
            filter: Some("conformance"),
        }]),
    },
    Row {
        name: "conformance-redis",
        proves: "the Redis store keeps the contracts of stores and of shared stores, on Redis",
        job: Job::WaitingTests(&[Claim {
            package: "tidegate-test-servers",
            target: "conformance",
            filter: Some("conformance_redis"),
        }]),
    },
    Row {
        name: "conformance-valkey",
        proves: "the Redis store keeps the contracts of stores and of shared stores, on Valkey",
        job: Job::WaitingTests(&[Claim {
            package: "tidegate-test-servers",
            target: "conformance",
            filter: Some("conformance_valkey"),
        }]),
    },
    Row {
        name: "conformance-sentinel",
        proves: "the Redis store keeps the contracts of stores and of shared stores, on a primary that Sentinels name",
        job: Job::WaitingTests(&[Claim {
            package: "tidegate-test-servers",
            target: "conformance",
            filter: Some("conformance_sentinel"),
        }]),
    },
    Row {
        name: "conformance-cluster",
        proves: "the Redis store keeps the contracts of stores and of shared stores, on a cluster of three primaries",
        job: Job::WaitingTests(&[Claim {
            package: "tidegate-test-servers",
            target: "conformance",
            filter: Some("conformance_cluster"),
        }]),
    },
    Row {
        name: "conformance-tls",
        proves: "the Redis store keeps the contracts of stores and of shared stores, through TLS",
        job: Job::WaitingTests(&[Claim {
            package: "tidegate-test-servers",
            target: "conformance",
            filter: Some("conformance_tls"),
        }]),
    },
    Row {
        name: "conformance-evicting",
        proves: "the Redis store keeps the contract of shared stores on a server that evicts what it likes",
        job: Job::WaitingTests(&[Claim {
            package: "tidegate-test-servers",
            target: "data_loss",
            filter: Some("g6_holds_where_the_server_evicts"),
        }]),
    },
    Row {
        name: "nodes",
        proves: "three demos keep a limit together while their Redis hangs, dies, comes back empty and is cut off",
        job: Job::WaitingTests(&[Claim {
            package: "tidegate-examples",
            target: "demo",
            filter: Some("nodes"),
        }]),
    },
    Row {
        name: "conformance-custom",
        proves: "the store of one's own, which the book shows, keeps the contract of stores",
        job: Job::Tests(&[Claim {
            package: "tidegate-examples",
            target: "custom_store",
            filter: None,
        }]),
    },
    Row {
        name: "http-axum",
        proves: "the HTTP cases hold with the axum adapter",
        job: Job::Tests(&[Claim {
            package: "tidegate-tests",
            target: "http",
            filter: Some("axum"),
        }]),
    },
    Row {
        name: "http-actix",
        proves: "the HTTP cases hold with the actix-web adapter",
        job: Job::Tests(&[Claim {
            package: "tidegate-tests",
            target: "http",
            filter: Some("actix"),
        }]),
    },
    Row {
        name: "nginx",
        proves: "behind nginx, set up as the book says, the demo knows its clients, whatever they write into headers",
        job: Job::Tests(&[Claim {
            package: "tidegate-examples",
            target: "demo",
            filter: Some("nginx"),
        }]),
    },
    Row {
        name: "sim",
        proves: "the guarantees hold in 10 000 simulated runs with faults of every kind",
        job: Job::Cargo(CargoJob {
            arguments: &["xtask", "sim", "--seeds", "10000"],
            ..CargoJob::PLAIN
        }),
    },
    Row {
        name: "model",
        proves: "the guarantees hold in every state of small worlds, whatever the order in which things happen",
        job: Job::Cargo(CargoJob {
            arguments: &["xtask", "sim", "--model"],
            ..CargoJob::PLAIN
        }),
    },
    Row {
        name: "faults",
        proves: "the guarantees hold through every fault that can be made here to real servers",
        job: Job::Cargo(CargoJob {
            // In test-all, what needs root or a packet filter may be missing; alone, the command insists.
            arguments: &["xtask", "faults", "--allow-missing"],
            ..CargoJob::PLAIN
        }),
    },
    Row {
        name: "examples",
        proves: "the examples build, and the quickstarts stay under 40 lines",
        job: Job::Check(examples::check),
    },
    Row {
        name: "doctests",
        proves: "the examples in the documentation, README and docs included, run",
        job: Job::Cargo(CargoJob {
            arguments: &["test", "--workspace", "--all-features", "--doc"],
            tests: true,
            ..CargoJob::PLAIN
        }),
    },
    Row {
        name: "bench",
        proves: "the benchmarks, which are no member of the workspace, build without a warning",
        job: Job::Cargo(CargoJob {
            arguments: &[
                "clippy",
                "--manifest-path=tests/bench/Cargo.toml",
                "--all-targets",
                "--all-features",
                "--",
                "-D",
                "warnings",
            ],
            component: Some(&CLIPPY),
            apart: Some("bench"),
            ..CargoJob::PLAIN
        }),
    },
    Row {
        name: "bench-tests",
        proves: "what the benchmarks reckon with is right",
        job: Job::Cargo(CargoJob {
            arguments: &["test", "--manifest-path=tests/bench/Cargo.toml"],
            apart: Some("bench"),
            tests: true,
            ..CargoJob::PLAIN
        }),
    },
    Row {
        name: "loom",
        proves: "the table's locks and atomics hold in every interleaving",
        job: Job::Cargo(CargoJob {
            arguments: &[
                "test",
                "--release",
                "--package",
                "tidegate-table",
                "--test",
                "loom",
            ],
            environment: &[("RUSTFLAGS", "--cfg loom")],
            apart: Some("loom"),
            tests: true,
            ..CargoJob::PLAIN
        }),
    },
];
