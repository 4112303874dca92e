//! Reports that are repeated, overtaken, late or lost: each counts once, in its own window.

use std::time::Duration;

use tidegate_core::shared::{Report, Totals, WindowReport};
use tidegate_core::{Algorithm, MAX_COUNT, Timestamp};

use super::super::{ALGORITHMS, LONG, check, rule};
use super::player::{NODES, Player, local, nothing, report};
use super::{Checked, Nodes};
use crate::Request;

/// The algorithms that count windows.
const WINDOWS: [Algorithm; 2] = [Algorithm::FixedWindow, Algorithm::SlidingWindow];

pub(super) async fn a_repeated_report_counts_once(nodes: &Nodes<'_>) -> Checked {
    for algorithm in ALGORITHMS {
        let rule = rule("repeated", 100, LONG, algorithm)?;
        let heard = nodes.hear(NODES[0], "alice", &rule).await?;
        let report = report(&rule, local(6), &heard);
        for times in 1..=3 {
            let reply = nodes.tell(NODES[0], "alice", &rule, report, 0).await?;
            let left = rule.quota().remaining(reply.usage, reply.now);
            check!(
                left == 94,
                "{algorithm}: a report of 6 of 100, told {times} times, leaves {left}"
            );
        }
    }
    Ok(())
}

pub(super) async fn an_overtaken_report_changes_nothing(nodes: &Nodes<'_>) -> Checked {
    for algorithm in ALGORITHMS {
        let rule = rule("overtaken", 100, LONG, algorithm)?;
        let heard = nodes.hear(NODES[0], "alice", &rule).await?;
        let late = report(&rule, local(9), &heard);
        let early = report(&rule, local(4), &heard);
        nodes.tell(NODES[0], "alice", &rule, late, 0).await?;
        let reply = nodes.tell(NODES[0], "alice", &rule, early, 0).await?;
        check!(
            reply.mine == local(9),
            "{algorithm}: an older report made the store forget a newer one: {:?}",
            reply.mine
        );
        let left = rule.quota().remaining(reply.usage, reply.now);
        check!(
            left == 91,
            "{algorithm}: 9 reported, then an older report of 4: {left} of 100 left"
        );
    }
    Ok(())
}

pub(super) async fn a_grant_whose_answer_was_lost_is_told_again(nodes: &Nodes<'_>) -> Checked {
    for algorithm in ALGORITHMS {
        let rule = rule("lost-answer", 100, LONG, algorithm)?;
        let heard = nodes.hear(NODES[0], "alice", &rule).await?;
        let lost = nodes
            .tell(NODES[0], "alice", &rule, report(&rule, local(2), &heard), 5)
            .await?;
        check!(
            lost.got == 5,
            "{algorithm}: 5 wanted of 98 gave {}",
            lost.got
        );
        // The node has not heard of the grant, and reports as before.
        let reply = nodes
            .tell(NODES[0], "alice", &rule, report(&rule, local(3), &heard), 0)
            .await?;
        let expected = Totals {
            granted: 5,
            ..local(3)
        };
        check!(
            reply.mine == expected && reply.got == 0,
            "{algorithm}: a node whose answer was lost hears {:?} and {} granted, not {expected:?} and 0",
            reply.mine,
            reply.got
        );
        let left = rule.quota().remaining(reply.usage, reply.now);
        check!(
            left == 92,
            "{algorithm}: 3 used and 5 granted of 100: {left} left"
        );
    }
    Ok(())
}

pub(super) async fn what_is_returned_is_free_again(nodes: &Nodes<'_>) -> Checked {
    for algorithm in ALGORITHMS {
        let rule = rule("returned", 20, LONG, algorithm)?;
        let heard = nodes.hear(NODES[0], "alice", &rule).await?;
        let used = nodes
            .tell(
                NODES[0],
                "alice",
                &rule,
                report(&rule, local(12), &heard),
                0,
            )
            .await?;
        let totals = Totals {
            returned: 5,
            ..local(12)
        };
        for times in 1..=2 {
            let report = report(&rule, totals, &used);
            let reply = nodes.tell(NODES[0], "alice", &rule, report, 0).await?;
            let left = rule.quota().remaining(reply.usage, reply.now);
            check!(
                left == 13,
                "{algorithm}: 12 used and 5 returned of 20, told {times} times: {left} left, not 13"
            );
        }
    }
    Ok(())
}

pub(super) async fn a_reset_is_not_undone_by_reports(nodes: &Nodes<'_>) -> Checked {
    for algorithm in ALGORITHMS {
        let rule = rule("reset", 100, LONG, algorithm)?;
        let heard = nodes.hear(NODES[0], "alice", &rule).await?;
        let told = report(&rule, local(7), &heard);
        let heard = nodes.tell(NODES[0], "alice", &rule, told, 0).await?;
        let _ = nodes.bench.acquire("alice", &[rule], 5).await?;
        nodes.store.reset(&Request::new("alice", &[rule])).await?;
        // The node goes on counting: its totals only grow.
        for (used, expected) in [(7, 100), (9, 98)] {
            let told = report(&rule, local(used), &heard);
            let reply = nodes.tell(NODES[0], "alice", &rule, told, 0).await?;
            let left = rule.quota().remaining(reply.usage, reply.now);
            check!(
                left == expected,
                "{algorithm}: 7 of 100 reported, then a reset, then {used} reported: {left} left, not {expected}"
            );
        }
    }
    Ok(())
}

pub(super) async fn a_late_report_goes_into_its_own_window(nodes: &Nodes<'_>) -> Checked {
    for algorithm in WINDOWS {
        let rule = rule("late", 100, nodes.bench.clock.window(), algorithm)?;
        nodes.bench.begin_window(&[rule]).await?;
        let heard = nodes.hear(NODES[0], "alice", &rule).await?;
        let early = Player::new(&rule, local(7), &heard).report(&rule);
        nodes.bench.begin_window(&[rule]).await?;
        // Told as the current window's, by a node that does not know yet that the window has ended.
        let reply = nodes.tell(NODES[0], "alice", &rule, early, 0).await?;
        let seen = (reply.usage.current(), reply.usage.previous());
        check!(
            seen == (0, 7) && (reply.mine, reply.mine_before) == (local(0), local(7)),
            "{algorithm}: 7 used in the window before are counted as {seen:?} (current, previous), of which {:?} \
             and {:?} are the node's own",
            reply.mine,
            reply.mine_before
        );
    }
    Ok(())
}

pub(super) async fn a_report_for_no_known_window_is_dropped(nodes: &Nodes<'_>) -> Checked {
    for algorithm in WINDOWS {
        let rule = rule("unknown", 100, LONG, algorithm)?;
        let start = nodes.hear(NODES[0], "alice", &rule).await?.usage.at();
        let starts = [
            start - LONG * 2,
            start + LONG,
            start + Duration::from_millis(1),
            start - Duration::from_nanos(1),
            Timestamp::EPOCH,
            Timestamp::MAX,
        ];
        for start in starts {
            let stray = WindowReport {
                start,
                totals: local(5),
            };
            let report = Report::Windows {
                current: stray,
                previous: stray,
            };
            let reply = nodes.tell(NODES[0], "alice", &rule, report, 0).await?;
            let seen = (reply.usage.current(), reply.usage.previous());
            check!(
                seen == (0, 0),
                "{algorithm}: a report for a window at {start}, which is neither this nor the last one, was \
                 counted: {seen:?}"
            );
        }
    }
    Ok(())
}

pub(super) async fn the_largest_totals_do_not_wrap(nodes: &Nodes<'_>) -> Checked {
    for algorithm in ALGORITHMS {
        let rule = rule("largest", 1_000, LONG, algorithm)?;
        let heard = nodes.hear(NODES[0], "alice", &rule).await?;
        for node in NODES {
            let report = report(&rule, local(MAX_COUNT), &heard);
            let reply = nodes.tell(node, "alice", &rule, report, 0).await?;
            check!(
                reply.mine == local(MAX_COUNT),
                "{algorithm}: {MAX_COUNT} reported is remembered as {:?}",
                reply.mine
            );
        }
        let reply = nodes
            .tell(NODES[0], "alice", &rule, nothing(&rule), 1)
            .await?;
        let left = rule.quota().remaining(reply.usage, reply.now);
        check!(
            (reply.got, left) == (0, 0),
            "{algorithm}: with more than any limit used, {left} remain and {} of 1 was granted",
            reply.got
        );
    }
    Ok(())
}
