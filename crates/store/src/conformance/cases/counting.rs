//! Counting under one policy: how much is admitted, and what is said of it.

use futures_util::future::join_all;
use tidegate_core::{Algorithm, Decision, MAX_COUNT, MAX_WINDOW, MIN_WINDOW, Provenance};

use super::super::{ALGORITHMS, LONG, Violation, check, rule};
use super::{Bench, Checked};
use crate::Request;

pub(super) async fn admits_the_limit_and_no_more(bench: &Bench<'_>) -> Checked {
    for algorithm in ALGORITHMS {
        let rules = [rule("limit", 10, LONG, algorithm)?];
        let mut admitted = 0;
        for _ in 0..15 {
            admitted += u64::from(bench.acquire("alice", &rules, 1).await?.is_allowed());
        }
        check!(
            admitted == 10,
            "{algorithm}: of 15 requests under a limit of 10, {admitted} were admitted"
        );
    }
    Ok(())
}

pub(super) async fn counts_the_cost(bench: &Bench<'_>) -> Checked {
    for algorithm in ALGORITHMS {
        let rules = [rule("cost", 10, LONG, algorithm)?];
        for (cost, fits) in [(7, true), (4, false), (3, true), (1, false)] {
            let allowed = bench.acquire("alice", &rules, cost).await?.is_allowed();
            check!(
                allowed == fits,
                "{algorithm}: costs of 7, 4, 3, 1 under a limit of 10: {cost} was {}, expected the opposite",
                if allowed { "admitted" } else { "denied" },
            );
        }
    }
    Ok(())
}

pub(super) async fn admits_the_limit_to_concurrent_calls(bench: &Bench<'_>) -> Checked {
    for algorithm in ALGORITHMS {
        let rules = [rule("concurrent", 20, LONG, algorithm)?];
        let calls = (0..64).map(|_| bench.acquire("alice", &rules, 1));
        let decisions = join_all(calls)
            .await
            .into_iter()
            .collect::<Result<Vec<Decision>, Violation>>()?;
        let admitted = decisions
            .iter()
            .filter(|decision| decision.is_allowed())
            .count();
        check!(
            admitted == 20,
            "{algorithm}: of 64 calls at once under a limit of 20, {admitted} were admitted"
        );
    }
    Ok(())
}

pub(super) async fn admits_the_limit_to_parallel_threads(bench: &Bench<'_>) -> Checked {
    for algorithm in ALGORITHMS {
        let rules = [rule("parallel", 1_000, LONG, algorithm)?];
        let thread = || {
            let request = Request::new("alice", &rules);
            let decisions = (0..500).map(|_| bench.store.try_acquire(&request));
            decisions
                .filter(|answer| matches!(answer, Some(Ok(decision)) if decision.is_allowed()))
                .count()
        };
        let admitted: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(thread)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap_or(0))
                .sum()
        });
        check!(
            admitted == 1_000,
            "{algorithm}: of 2000 requests from 4 threads under a limit of 1000, {admitted} were admitted"
        );
    }
    Ok(())
}

pub(super) async fn charges_once_when_it_answers_at_once(bench: &Bench<'_>) -> Checked {
    let rules = [rule("at-once", 10, LONG, Algorithm::FixedWindow)?];
    let answer = bench
        .store
        .try_acquire(&Request::new("alice", &rules).with_cost(3));
    let expected = match answer.transpose()? {
        Some(decision) => {
            check!(
                decision.is_allowed(),
                "a first request of 3 under a limit of 10 was denied"
            );
            7
        }
        None => 10,
    };
    let remaining = bench.remaining("alice", &rules).await?;
    check!(
        remaining == expected,
        "after try_acquire of 3 under a limit of 10, {remaining} remain, not {expected}"
    );
    Ok(())
}

pub(super) async fn largest_and_smallest_quotas(bench: &Bench<'_>) -> Checked {
    for algorithm in [Algorithm::FixedWindow, Algorithm::SlidingWindow] {
        for (limit, window) in [
            (MAX_COUNT, MAX_WINDOW),
            (MAX_COUNT, MIN_WINDOW),
            (1, MAX_WINDOW),
        ] {
            let rules = [rule("extreme", limit, window, algorithm)?];
            let who = format!("{limit} per {window:?}");
            let decision = bench.acquire(&who, &rules, limit).await?;
            check!(
                decision.is_allowed(),
                "{algorithm}: a first cost of {limit} per {window:?} was denied"
            );
            if window == MAX_WINDOW {
                let second = bench.acquire(&who, &rules, 1).await?;
                check!(
                    !second.is_allowed(),
                    "{algorithm}: more than {limit} per {window:?} was admitted"
                );
            }
        }
    }
    Ok(())
}

pub(super) async fn says_that_the_store_decided(bench: &Bench<'_>) -> Checked {
    let rules = [rule("provenance", 10, LONG, Algorithm::FixedWindow)?];
    let provenance = bench.acquire("alice", &rules, 1).await?.provenance();
    check!(
        provenance == Provenance::Store,
        "an exact store's decision says {provenance:?}, not Store"
    );
    Ok(())
}

pub(super) async fn remaining_falls_by_the_cost(bench: &Bench<'_>) -> Checked {
    for algorithm in ALGORITHMS {
        let rules = [rule("remaining", 10, LONG, algorithm)?];
        for (cost, left) in [(1, 9), (4, 5), (6, 5), (5, 0), (1, 0)] {
            let decision = bench.acquire("alice", &rules, cost).await?;
            check!(
                decision.statuses().len() == 1,
                "a request under one policy has {} statuses",
                decision.statuses().len()
            );
            let remaining = decision.statuses()[0].remaining();
            check!(
                remaining == left,
                "{algorithm}: after a cost of {cost}, {remaining} remain, not {left}"
            );
        }
    }
    Ok(())
}

pub(super) async fn a_denied_request_changes_no_count(bench: &Bench<'_>) -> Checked {
    for algorithm in ALGORITHMS {
        let rules = [rule("denied", 10, LONG, algorithm)?];
        let _ = bench.acquire("alice", &rules, 8).await?;
        for _ in 0..5 {
            let decision = bench.acquire("alice", &rules, 3).await?;
            check!(
                !decision.is_allowed(),
                "{algorithm}: a cost of 3 was admitted with 2 left"
            );
        }
        let remaining = bench.remaining("alice", &rules).await?;
        check!(
            remaining == 2,
            "{algorithm}: denied requests changed what remains from 2 to {remaining}"
        );
    }
    Ok(())
}

pub(super) async fn a_cost_of_zero_takes_nothing(bench: &Bench<'_>) -> Checked {
    for algorithm in ALGORITHMS {
        let rules = [rule("zero", 2, LONG, algorithm)?];
        for _ in 0..5 {
            let decision = bench.acquire("alice", &rules, 0).await?;
            check!(decision.is_allowed(), "{algorithm}: a cost of 0 was denied");
        }
        let remaining = bench.remaining("alice", &rules).await?;
        check!(
            remaining == 2,
            "{algorithm}: costs of 0 changed what remains from 2 to {remaining}"
        );
    }
    Ok(())
}

pub(super) async fn a_cost_above_the_limit_is_never_admitted(bench: &Bench<'_>) -> Checked {
    for algorithm in ALGORITHMS {
        let rules = [rule("above", 10, LONG, algorithm)?];
        for cost in [11, MAX_COUNT, MAX_COUNT + 1, u64::MAX] {
            let decision = bench.acquire("alice", &rules, cost).await?;
            check!(
                !decision.is_allowed(),
                "{algorithm}: a cost of {cost} was admitted under a limit of 10"
            );
            check!(
                decision.retry_after().is_none(),
                "{algorithm}: a cost of {cost} can never fit, but was told to wait"
            );
        }
        let remaining = bench.remaining("alice", &rules).await?;
        check!(
            remaining == 10,
            "{algorithm}: costs above the limit changed what remains to {remaining}"
        );
    }
    Ok(())
}

pub(super) async fn looking_takes_nothing(bench: &Bench<'_>) -> Checked {
    for algorithm in ALGORITHMS {
        let rules = [rule("look", 10, LONG, algorithm)?];
        let _ = bench.acquire("alice", &rules, 4).await?;
        for (cost, fits) in [(6, true), (7, false), (6, true)] {
            let decision = bench
                .store
                .peek(&Request::new("alice", &rules).with_cost(cost))
                .await?;
            check!(
                decision.is_allowed() == fits,
                "{algorithm}: looking for {cost} with 6 left says {}",
                decision.is_allowed()
            );
            let remaining = decision
                .statuses()
                .first()
                .map(tidegate_core::Status::remaining);
            check!(
                remaining == Some(6),
                "{algorithm}: after only looking, {remaining:?} remain, not 6"
            );
        }
    }
    Ok(())
}
