//! A store that lost everything is whole again when its nodes have spoken.

use tidegate_core::Algorithm;

use super::super::{LONG, check, rule};
use super::player::{NODES, Player, local, report};
use super::{Checked, Nodes};

pub(super) async fn windows_are_rebuilt_from_reports(nodes: &Nodes<'_>) -> Checked {
    for algorithm in [Algorithm::FixedWindow, Algorithm::SlidingWindow] {
        let rule = rule("rebuilt", 100, nodes.bench.clock.window(), algorithm)?;
        nodes.bench.begin_window(&[rule]).await?;
        let heard = nodes.hear(NODES[0], "alice", &rule).await?;
        let mut players = Vec::new();
        for (node, used) in NODES.into_iter().zip([3, 4, 5]) {
            let player = Player::new(&rule, local(used), &heard);
            nodes
                .tell(node, "alice", &rule, player.report(&rule), 0)
                .await?;
            players.push((node, player));
        }
        nodes.bench.begin_window(&[rule]).await?;
        for (node, player) in &mut players {
            let reply = nodes
                .tell(*node, "alice", &rule, player.report(&rule), 2)
                .await?;
            player.hear(&rule, &reply);
        }
        nodes.hazards.lose_everything().await?;
        for (node, player) in &players {
            nodes
                .tell(*node, "alice", &rule, player.report(&rule), 0)
                .await?;
        }
        let reply = nodes.hear(NODES[0], "alice", &rule).await?;
        // If so much time has passed that another window began, the counts have moved on with it.
        let seen = (reply.usage.current(), reply.usage.previous());
        let moved_on = reply.usage.at() > players[0].1.start;
        // On a machine that is very busy, whole windows can pass unseen: then nothing was used in the one before.
        let adjacent = players[0].1.start == heard.usage.at() + rule.quota().window();
        let expected = match (moved_on, adjacent) {
            (true, _) => (0, 6),
            (false, true) => (6, 12),
            (false, false) => (6, 0),
        };
        check!(
            seen == expected,
            "{algorithm}: before the loss 6 in this window and 12 in the one before, rebuilt as {seen:?}"
        );
    }
    Ok(())
}

pub(super) async fn a_bucket_is_rebuilt_from_what_nodes_heard(nodes: &Nodes<'_>) -> Checked {
    let rule = rule("bucket", 100, LONG, Algorithm::TokenBucket)?;
    let heard = nodes.hear(NODES[0], "alice", &rule).await?;
    let told = report(&rule, local(30), &heard);
    let first = nodes.tell(NODES[0], "alice", &rule, told, 0).await?;
    let told = report(&rule, local(20), &heard);
    let second = nodes.tell(NODES[1], "alice", &rule, told, 10).await?;
    nodes.hazards.lose_everything().await?;
    let lost = nodes.bench.remaining("alice", &[rule]).await?;
    check!(
        lost == 100,
        "the fixture lost everything, and {lost} of 100 remain"
    );

    let told = report(&rule, local(20), &second);
    nodes.tell(NODES[1], "alice", &rule, told, 0).await?;
    let left = nodes.bench.remaining("alice", &[rule]).await?;
    check!(
        left == 40,
        "60 of 100 were used, which one node had heard: after the loss and its report {left} are left, not 40"
    );
    let told = report(&rule, local(35), &first);
    let reply = nodes.tell(NODES[0], "alice", &rule, told, 0).await?;
    let left = rule.quota().remaining(reply.usage, reply.now);
    check!(
        left == 35,
        "then another node tells of 5 more: {left} are left, not 35"
    );
    Ok(())
}

pub(super) async fn the_registry_is_rebuilt(nodes: &Nodes<'_>) -> Checked {
    for node in NODES {
        nodes.store.register(node).await?;
    }
    nodes.hazards.lose_everything().await?;
    for (node, count) in NODES.into_iter().zip(1..) {
        let known = nodes.store.register(node).await?.nodes;
        check!(
            known == count,
            "after a loss {count} nodes registered again, and {known} are known"
        );
    }
    Ok(())
}
