//! Who is told apart from whom.

use std::time::Duration;

use tidegate_core::{Algorithm, Rule, Subject};

use super::super::{ALGORITHMS, LONG, check, rule};
use super::{Bench, Checked};
use crate::Request;

pub(super) async fn every_subject_has_its_own_counter(bench: &Bench<'_>) -> Checked {
    let rules = [rule("subjects", 1, LONG, Algorithm::FixedWindow)?];
    let long = vec![b'x'; 1 << 20];
    let mut longer = long.clone();
    longer.push(b'x');
    let subjects: [&[u8]; 20] = [
        b"",
        b"a",
        b"A",
        b"a ",
        b" a",
        b"a\0",
        b"\0a",
        b"a:b",
        b"a:b:",
        b"{a}",
        b"{a}b",
        b"a}b{",
        b"a\nb",
        b"a\r\nb",
        b"\xff\xfe",
        "\u{e9}".as_bytes(),
        b"subjects",
        b"*",
        &long,
        &longer,
    ];
    for subject in subjects {
        let shown = String::from_utf8_lossy(&subject[..subject.len().min(20)]);
        for fits in [true, false] {
            let decision = bench
                .store
                .acquire(&Request::new(Subject::new(subject), &rules))
                .await?;
            check!(
                decision.is_allowed() == fits,
                "subject {shown:?} of {} bytes: its request number {} was {}; another subject shares its counter, \
                 or it has none",
                subject.len(),
                if fits { 1 } else { 2 },
                if fits { "denied" } else { "admitted" },
            );
        }
    }
    Ok(())
}

pub(super) async fn every_policy_has_its_own_counter(bench: &Bench<'_>) -> Checked {
    let mut policies: Vec<Rule> = Vec::new();
    for name in ["a", "b", "a.b"] {
        for algorithm in ALGORITHMS {
            for window in [LONG, LONG + Duration::from_secs(60)] {
                policies.push(rule(name, 1, window, algorithm)?);
            }
        }
    }
    for policy in policies {
        for fits in [true, false] {
            let allowed = bench.acquire("alice", &[policy], 1).await?.is_allowed();
            check!(
                allowed == fits,
                "policy {} ({}) does not have a counter of its own: a policy is told apart by name, algorithm and window",
                policy.name(),
                policy.quota(),
            );
        }
    }
    Ok(())
}

pub(super) async fn a_new_limit_keeps_the_count(bench: &Bench<'_>) -> Checked {
    for algorithm in [Algorithm::FixedWindow, Algorithm::SlidingWindow] {
        let _ = bench
            .acquire("alice", &[rule("plan", 10, LONG, algorithm)?], 6)
            .await?;
        for (limit, left) in [(20, 14), (8, 2), (5, 0), (10, 4)] {
            let remaining = bench
                .remaining("alice", &[rule("plan", limit, LONG, algorithm)?])
                .await?;
            check!(
                remaining == left,
                "{algorithm}: 6 used, then a limit of {limit}: {remaining} remain, not {left}"
            );
        }
    }
    Ok(())
}

pub(super) async fn nothing_is_forgotten_among_many(bench: &Bench<'_>) -> Checked {
    let rules = [rule("many", 1, LONG, Algorithm::TokenBucket)?];
    let bound = bench.store.capabilities().max_entries.unwrap_or(u64::MAX);
    let subjects = 2_000.min(bound / 2);
    for fits in [true, false] {
        for number in 0..subjects {
            let decision = bench
                .acquire(&format!("subject-{number}"), &rules, 1)
                .await?;
            check!(
                decision.is_allowed() == fits,
                "among {subjects} subjects, the {} request of number {number} was {}",
                if fits { "first" } else { "second" },
                if fits {
                    "denied"
                } else {
                    "admitted: its count was lost"
                },
            );
        }
    }
    Ok(())
}
