//! What nodes are granted, and that it is one count with what is taken directly.

use futures_util::future::join_all;
use tidegate_core::Algorithm;

use super::super::{ALGORITHMS, LONG, check, rule};
use super::player::{NODES, local, nothing, report};
use super::{Checked, Nodes, Violation};

pub(super) async fn grants_reach_the_limit_and_no_further(nodes: &Nodes<'_>) -> Checked {
    for algorithm in ALGORITHMS {
        let rule = rule("grants", 10, LONG, algorithm)?;
        for (node, want, got) in [(0, 4, 4), (1, 4, 4), (2, 4, 2), (0, 1, 0)] {
            let reply = nodes
                .tell(NODES[node], "alice", &rule, nothing(&rule), want)
                .await?;
            check!(
                reply.got == got,
                "{algorithm}: 4, 4, 4, 1 wanted of 10: {want} by node {node} gave {}, not {got}",
                reply.got
            );
        }
        let left = nodes.bench.remaining("alice", &[rule]).await?;
        check!(
            left == 0,
            "{algorithm}: after all 10 were granted, {left} remain"
        );
    }
    Ok(())
}

pub(super) async fn grants_to_concurrent_nodes_stay_within_the_limit(nodes: &Nodes<'_>) -> Checked {
    for algorithm in ALGORITHMS {
        let rule = rule("at-once", 20, LONG, algorithm)?;
        let report = nothing(&rule);
        let calls = (0..60).map(|call| nodes.tell(NODES[call % 3], "alice", &rule, report, 3));
        let replies = join_all(calls)
            .await
            .into_iter()
            .collect::<Result<Vec<_>, Violation>>()?;
        let got: u64 = replies.iter().map(|reply| reply.got).sum();
        check!(
            got == 20,
            "{algorithm}: 60 calls at once wanted 3 each of 20, and were granted {got} together"
        );
    }
    Ok(())
}

pub(super) async fn what_is_taken_directly_counts_for_nodes(nodes: &Nodes<'_>) -> Checked {
    for algorithm in ALGORITHMS {
        let rule = rule("one-count", 20, LONG, algorithm)?;
        let _ = nodes.bench.acquire("alice", &[rule], 5).await?;
        let heard = nodes.hear(NODES[0], "alice", &rule).await?;
        let reply = nodes
            .tell(NODES[0], "alice", &rule, report(&rule, local(3), &heard), 4)
            .await?;
        check!(
            reply.got == 4,
            "{algorithm}: of 20 with 8 used, 4 wanted gave {}",
            reply.got
        );
        let left = nodes.bench.remaining("alice", &[rule]).await?;
        check!(
            left == 8,
            "{algorithm}: 5 taken directly, 3 reported, 4 granted of 20: {left} remain, not 8"
        );
        let seen = rule.quota().remaining(reply.usage, reply.now);
        check!(
            seen == 8,
            "{algorithm}: the reply says that {seen} remain, and looking says 8"
        );
        let allowed = nodes.bench.acquire("alice", &[rule], 9).await?.is_allowed();
        check!(
            !allowed,
            "{algorithm}: 9 were admitted directly with 8 left"
        );
    }
    Ok(())
}

pub(super) async fn what_one_node_used_is_heard_by_others(nodes: &Nodes<'_>) -> Checked {
    for algorithm in ALGORITHMS {
        let rule = rule("heard", 50, LONG, algorithm)?;
        let heard = nodes.hear(NODES[0], "alice", &rule).await?;
        for (node, used) in [(0, 7), (1, 5)] {
            let report = report(&rule, local(used), &heard);
            let reply = nodes.tell(NODES[node], "alice", &rule, report, 0).await?;
            check!(
                reply.mine == local(used),
                "{algorithm}: node {node} used {used}, and hears that it used {:?}",
                reply.mine
            );
        }
        let reply = nodes.hear(NODES[2], "alice", &rule).await?;
        let left = rule.quota().remaining(reply.usage, reply.now);
        check!(
            left == 38,
            "{algorithm}: 7 and 5 of 50 were reported, a third node hears of {left} left"
        );
        check!(
            reply.mine == local(0),
            "{algorithm}: a node that used nothing hears that it used {:?}",
            reply.mine
        );
    }
    Ok(())
}

pub(super) async fn several_policies_are_granted_together(nodes: &Nodes<'_>) -> Checked {
    for algorithm in ALGORITHMS {
        let (narrow, wide) = (
            rule("narrow", 4, LONG, algorithm)?,
            rule("wide", 10, LONG, algorithm)?,
        );
        for reports in [[narrow, wide], [wide, narrow]] {
            let who = reports[0].name().as_str();
            let reports = reports.map(|rule| (rule, nothing(&rule)));
            for (want, got) in [(7, 4), (1, 0)] {
                let replies = nodes.sync(NODES[0], who, &reports, want).await?;
                let granted: Vec<u64> = replies.iter().map(|reply| reply.got).collect();
                check!(
                    granted == [got, got],
                    "{algorithm}: {want} wanted under limits of 4 and 10: {granted:?}, not {got} under both"
                );
            }
            let left = nodes.bench.remaining(who, &[wide]).await?;
            check!(
                left == 6,
                "{algorithm}: what the limit of 4 held back was charged to the limit of 10: {left} of 6 left"
            );
        }
    }
    Ok(())
}

pub(super) async fn policies_in_shadow_hold_nothing_back(nodes: &Nodes<'_>) -> Checked {
    for algorithm in ALGORITHMS {
        let shadow = rule("shadow", 1, LONG, algorithm)?.with_shadow(true);
        let enforced = rule("enforced", 10, LONG, algorithm)?;
        let reports = [shadow, enforced].map(|rule| (rule, nothing(&rule)));
        let replies = nodes.sync(NODES[0], "alice", &reports, 5).await?;
        check!(
            replies.iter().all(|reply| reply.got == 5),
            "{algorithm}: 5 wanted of 10 beside a shadow limit of 1: {:?} granted",
            replies.iter().map(|reply| reply.got).collect::<Vec<_>>()
        );
    }
    Ok(())
}

pub(super) async fn a_report_that_wants_nothing_takes_nothing(nodes: &Nodes<'_>) -> Checked {
    for algorithm in [
        Algorithm::FixedWindow,
        Algorithm::SlidingWindow,
        Algorithm::TokenBucket,
    ] {
        let rule = rule("no-want", 10, LONG, algorithm)?;
        for node in NODES {
            let reply = nodes.hear(node, "alice", &rule).await?;
            check!(
                reply.got == 0,
                "{algorithm}: nothing was wanted, {} granted",
                reply.got
            );
        }
        let left = nodes.bench.remaining("alice", &[rule]).await?;
        check!(
            left == 10,
            "{algorithm}: after three empty reports, {left} of 10 remain"
        );
    }
    Ok(())
}
