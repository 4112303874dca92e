//! Several policies in one request.

use tidegate_core::Algorithm;

use super::super::{ALGORITHMS, LONG, check, rule};
use super::{Bench, Checked};

pub(super) async fn are_charged_all_or_none(bench: &Bench<'_>) -> Checked {
    for algorithm in ALGORITHMS {
        let (narrow, wide) = (
            rule("narrow", 2, LONG, algorithm)?,
            rule("wide", 10, LONG, algorithm)?,
        );
        for rules in [[narrow, wide], [wide, narrow]] {
            let who = if rules[0].name() == narrow.name() {
                "first"
            } else {
                "second"
            };
            let mut admitted = 0;
            for _ in 0..5 {
                admitted += u64::from(bench.acquire(who, &rules, 1).await?.is_allowed());
            }
            check!(
                admitted == 2,
                "{algorithm}: under limits of 2 and 10, {admitted} were admitted"
            );
            let left = bench.remaining(who, &[wide]).await?;
            check!(
                left == 8,
                "{algorithm}: what the limit of 2 refused was charged to the limit of 10: {left} of 8 left"
            );
        }
    }
    Ok(())
}

pub(super) async fn in_shadow_refuse_nothing(bench: &Bench<'_>) -> Checked {
    let shadow = rule("shadow", 1, LONG, Algorithm::FixedWindow)?.with_shadow(true);
    let enforced = rule("enforced", 3, LONG, Algorithm::FixedWindow)?;
    let mut refused_by_shadow = 0;
    for allowed in [true, true, true, false] {
        let decision = bench.acquire("alice", &[shadow, enforced], 1).await?;
        check!(
            decision.is_allowed() == allowed,
            "a policy in shadow mode changed a decision"
        );
        check!(
            decision.statuses().len() == 2,
            "a decision under 2 policies has {} statuses",
            decision.statuses().len()
        );
        refused_by_shadow += u64::from(decision.statuses()[0].is_violated());
    }
    check!(
        refused_by_shadow == 3,
        "a shadow limit of 1 reports {refused_by_shadow} of 3 refusals"
    );
    Ok(())
}

pub(super) async fn three_at_once(bench: &Bench<'_>) -> Checked {
    let [fixed, sliding, bucket] = ALGORITHMS;
    let rules = [
        rule("one", 5, LONG, fixed)?,
        rule("two", 7, LONG, sliding)?,
        rule("three", 6, LONG, bucket)?,
    ];
    let mut admitted = 0;
    for _ in 0..9 {
        let decision = bench.acquire("alice", &rules, 1).await?;
        let names: Vec<&str> = decision
            .statuses()
            .iter()
            .map(|status| status.name().as_str())
            .collect();
        check!(
            names == ["one", "two", "three"],
            "statuses are not in the policies' order: {names:?}"
        );
        admitted += u64::from(decision.is_allowed());
    }
    check!(
        admitted == 5,
        "under limits of 5, 7 and 6, {admitted} were admitted"
    );
    for (rule, expected) in rules.iter().zip([0, 2, 1]) {
        let left = bench.remaining("alice", &[*rule]).await?;
        check!(
            left == expected,
            "after 5 admissions, {left} of {} are left, not {expected}",
            rule.quota()
        );
    }
    Ok(())
}
