//! What time, refunds, resets, dropped calls and floods do to a count.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};

use tidegate_core::{Algorithm, Provenance};

use super::super::{ALGORITHMS, LONG, check, rule};
use super::{Bench, Checked};
use crate::Request;

pub(super) async fn waiting_as_told_is_rewarded(bench: &Bench<'_>) -> Checked {
    for algorithm in ALGORITHMS {
        let rules = [rule("wait", 10, bench.clock.window(), algorithm)?];
        bench.begin_window(&rules).await?;
        let _ = bench.acquire("alice", &rules, 10).await?;
        let denied = bench.acquire("alice", &rules, 4).await?;
        check!(
            !denied.is_allowed(),
            "{algorithm}: a cost of 4 was admitted with nothing left"
        );
        let Some(wait) = denied.retry_after() else {
            check!(
                false,
                "{algorithm}: a denied cost of 4 under a limit of 10 is not told how long to wait"
            );
            return Ok(());
        };
        bench.clock.advance(wait).await;
        let allowed = bench.acquire("alice", &rules, 4).await?.is_allowed();
        check!(
            allowed,
            "{algorithm}: denied again after waiting {wait:?} as told"
        );
    }
    Ok(())
}

pub(super) async fn an_exhausted_subject_is_admitted_again(bench: &Bench<'_>) -> Checked {
    for algorithm in ALGORITHMS {
        let rules = [rule("again", 5, bench.clock.window(), algorithm)?];
        bench.begin_window(&rules).await?;
        for _ in 0..3 {
            let _ = bench.acquire("alice", &rules, 5).await?;
        }
        // Two windows: under a sliding window the previous one still counts for a while.
        bench.clock.advance(bench.clock.window() * 2).await;
        let remaining = bench.remaining("alice", &rules).await?;
        check!(
            remaining == 5,
            "{algorithm}: two windows later, {remaining} of 5 remain"
        );
    }
    Ok(())
}

pub(super) async fn a_dropped_call_counts_at_most_once(bench: &Bench<'_>) -> Checked {
    let rules = [rule("dropped", 10, LONG, Algorithm::FixedWindow)?];
    for polls in 0..3 {
        let subject = format!("polled {polls} times");
        {
            let mut call = pin!(bench.acquire(&subject, &rules, 1));
            for _ in 0..polls {
                if call
                    .as_mut()
                    .poll(&mut Context::from_waker(Waker::noop()))
                    .is_ready()
                {
                    break;
                }
            }
        }
        let remaining = bench.remaining(&subject, &rules).await?;
        check!(
            remaining >= 9,
            "a call dropped after {polls} polls was counted {} times",
            10 - remaining
        );
        let allowed = bench.acquire(&subject, &rules, 9).await?.is_allowed();
        check!(
            allowed,
            "after a dropped call, the subject cannot use what remains"
        );
    }
    Ok(())
}

pub(super) async fn a_refund_gives_back_what_was_taken(bench: &Bench<'_>) -> Checked {
    for algorithm in ALGORITHMS {
        let rules = [
            rule("refund", 10, LONG, algorithm)?,
            rule("refund-too", 20, LONG, algorithm)?,
        ];
        let request = Request::new("alice", &rules).with_cost(4);
        let _ = bench.acquire("alice", &rules, 3).await?;
        let decision = bench.store.acquire(&request).await?;
        bench.store.refund(&request, &decision).await?;
        for (rule, expected) in rules.iter().zip([7, 17]) {
            let left = bench.remaining("alice", &[*rule]).await?;
            check!(
                left == expected,
                "{algorithm}: 3 taken, 4 taken and given back: {left} remain, not {expected}"
            );
        }
    }
    Ok(())
}

pub(super) async fn a_refund_of_a_denial_gives_nothing(bench: &Bench<'_>) -> Checked {
    for algorithm in ALGORITHMS {
        let rules = [rule("refund-denied", 10, LONG, algorithm)?];
        let _ = bench.acquire("alice", &rules, 8).await?;
        let request = Request::new("alice", &rules).with_cost(4);
        let denied = bench.store.acquire(&request).await?;
        bench.store.refund(&request, &denied).await?;
        let left = bench.remaining("alice", &rules).await?;
        check!(
            left == 2,
            "{algorithm}: giving back a denied request changed what remains from 2 to {left}"
        );
    }
    Ok(())
}

pub(super) async fn a_late_refund_leaves_later_windows_alone(bench: &Bench<'_>) -> Checked {
    for algorithm in ALGORITHMS {
        let rules = [rule("refund-late", 10, bench.clock.window(), algorithm)?];
        bench.begin_window(&rules).await?;
        let request = Request::new("alice", &rules).with_cost(6);
        let early = bench.store.acquire(&request).await?;
        check!(
            early.is_allowed(),
            "{algorithm}: a first cost of 6 under a limit of 10 was denied"
        );
        bench.clock.advance(bench.clock.window() * 2).await;
        let _ = bench.acquire("alice", &rules, 7).await?;
        let before = bench.remaining("alice", &rules).await?;
        bench.store.refund(&request, &early).await?;
        // Units may flow in by themselves meanwhile, but never as many as were given back.
        let after = bench.remaining("alice", &rules).await?;
        check!(
            after < before + 4,
            "{algorithm}: a refund two windows late raised what remains from {before} to {after}"
        );
    }
    Ok(())
}

pub(super) async fn a_reset_forgets_one_subject_under_the_policies_named(
    bench: &Bench<'_>,
) -> Checked {
    for algorithm in ALGORITHMS {
        let (one, other) = (
            rule("reset", 5, LONG, algorithm)?,
            rule("kept", 5, LONG, algorithm)?,
        );
        for who in ["alice", "bob"] {
            let _ = bench.acquire(who, &[one, other], 5).await?;
        }
        bench.store.reset(&Request::new("alice", &[one])).await?;
        for (who, rule, expected) in [
            ("alice", one, 5),
            ("alice", other, 0),
            ("bob", one, 0),
            ("bob", other, 0),
        ] {
            let left = bench.remaining(who, &[rule]).await?;
            check!(
                left == expected,
                "{algorithm}: after resetting alice under `reset`, {who} has {left} left under `{}`, not {expected}",
                rule.name(),
            );
        }
    }
    Ok(())
}

pub(super) async fn a_flood_resets_nobody(bench: &Bench<'_>) -> Checked {
    let rules = [rule("flood", 2, LONG, Algorithm::FixedWindow)?];
    let bound = bench.store.capabilities().max_entries.unwrap_or(0);
    for who in ["alice", "bob"] {
        let _ = bench.acquire(who, &rules, 1).await?;
    }
    let (mut admitted, mut overflowed) = (0, false);
    for number in 0..2 * bound + 10 {
        let decision = bench.acquire(&format!("flood-{number}"), &rules, 1).await?;
        admitted += u64::from(decision.is_allowed());
        overflowed |= decision.provenance() == Provenance::Overflow;
    }
    check!(
        overflowed,
        "of a flood of twice the {bound} entries, no decision says that it was an overflow"
    );
    check!(
        admitted <= bound + 2,
        "a flood past {bound} entries had {admitted} admitted: the overflow counter did not hold"
    );
    for who in ["alice", "bob"] {
        for fits in [true, false] {
            let allowed = bench.acquire(who, &rules, 1).await?.is_allowed();
            check!(
                allowed == fits,
                "after a flood of new subjects, {who}, known before, was reset or locked out"
            );
        }
    }
    Ok(())
}
