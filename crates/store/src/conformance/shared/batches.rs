//! Many subjects in one call: answered one by one, in order, each with its own counts.

use tidegate_core::shared::{NodeId, Report};
use tidegate_core::{Algorithm, Rule, Subject};

use super::super::{LONG, check, rule};
use super::player::{NODES, local, report};
use super::{Checked, Nodes};
use crate::SyncRequest;

/// More than fit into one packet, and than a client may want to send in one piece.
const MANY: u64 = 300;

pub(super) async fn answers_come_in_order(nodes: &Nodes<'_>) -> Checked {
    let rules = [
        rule("many", 1_000, LONG, Algorithm::FixedWindow)?,
        rule("many-too", 2_000, LONG, Algorithm::SlidingWindow)?,
    ];
    let heard = nodes.hear(NODES[0], "anybody", &rules[0]).await?;
    let subjects: Vec<String> = (0..MANY)
        .map(|number| format!("subject-{number}"))
        .collect();
    for (round, node) in NODES.into_iter().enumerate() {
        // Every node reports the subjects in another order, under one policy or under both.
        let order: Vec<u64> = (0..MANY)
            .map(|place| (place * 7 + round as u64) % MANY)
            .collect();
        let reports: Vec<[(Rule, Report); 2]> = order
            .iter()
            .map(|number| rules.map(|rule| (rule, report(&rule, local(number + 1), &heard))))
            .collect();
        let batch: Vec<SyncRequest<'_>> = order
            .iter()
            .zip(&reports)
            .map(|(number, reports)| SyncRequest {
                subject: subjects[usize::try_from(*number).unwrap_or(0)]
                    .as_str()
                    .into(),
                reports: if number % 3 == 0 {
                    &reports[..1]
                } else {
                    reports
                },
                want: 0,
            })
            .collect();
        let answers = nodes.batch(node, &batch).await?;
        for (number, replies) in order.iter().zip(&answers) {
            for reply in replies {
                let expected = (number + 1) * (round as u64 + 1);
                check!(
                    reply.usage.current() == expected && reply.mine == local(number + 1),
                    "in a batch of {MANY}, subject {number} is answered with {} used, {:?} by this node, not \
                     {expected} and {:?}: answers are out of order, or mixed up",
                    reply.usage.current(),
                    reply.mine,
                    local(number + 1)
                );
            }
        }
    }
    Ok(())
}

pub(super) async fn an_empty_batch_is_answered(nodes: &Nodes<'_>) -> Checked {
    let answers = nodes.batch(NODES[0], &[]).await?;
    check!(
        answers.is_empty(),
        "nothing was reported, and {} subjects answered",
        answers.len()
    );
    let nothing = SyncRequest {
        subject: "alice".into(),
        reports: &[],
        want: 5,
    };
    nodes.batch(NODES[0], &[nothing]).await?;
    Ok(())
}

pub(super) async fn nodes_are_told_apart_by_all_bits(nodes: &Nodes<'_>) -> Checked {
    // Among them numbers that a double cannot tell apart, and those that text sorts or trims.
    let ids = [
        0,
        1,
        10,
        1 << 32,
        1 << 53,
        (1 << 53) + 1,
        1 << 63,
        u64::MAX - 1,
        u64::MAX,
    ];
    let rule = rule("ids", 100, LONG, Algorithm::FixedWindow)?;
    let heard = nodes.hear(NODES[0], "alice", &rule).await?;
    for (count, id) in (1..).zip(ids) {
        let node = NodeId::from_random(id);
        let report = report(&rule, local(2), &heard);
        let reply = nodes.tell(node, "alice", &rule, report, 0).await?;
        check!(
            reply.usage.current() == 2 * count,
            "{count} nodes reported 2 each, the last of them {node}: {} are counted",
            reply.usage.current()
        );
    }
    for (count, id) in (1..).zip(ids) {
        let known = nodes.store.register(NodeId::from_random(id)).await?.nodes;
        check!(
            known == count,
            "{count} nodes registered, the last of them {id:016x}: {known} are known"
        );
    }
    Ok(())
}

pub(super) async fn subjects_are_told_apart_by_all_bytes(nodes: &Nodes<'_>) -> Checked {
    let rule = rule("bytes", 100, LONG, Algorithm::FixedWindow)?;
    let heard = nodes.hear(NODES[0], "anybody", &rule).await?;
    let subjects: [&[u8]; 10] = [
        b"",
        b"a",
        b"A",
        b"a ",
        b"a\0",
        b"{a}",
        b"{a}b",
        b"a:b",
        b"a\r\nb",
        b"\xff\xfe",
    ];
    // Each less than the one before: what is merged with another subject's would show.
    let falling = (1..=subjects.len() as u64).rev();
    let reports: Vec<[(Rule, Report); 1]> = falling
        .clone()
        .map(|used| [(rule, report(&rule, local(used), &heard))])
        .collect();
    let batch: Vec<SyncRequest<'_>> = subjects
        .iter()
        .zip(&reports)
        .map(|(subject, reports)| SyncRequest {
            subject: Subject::new(subject),
            reports,
            want: 0,
        })
        .collect();
    let answers = nodes.batch(NODES[0], &batch).await?;
    for ((subject, replies), used) in subjects.iter().zip(&answers).zip(falling) {
        let seen: Vec<u64> = replies.iter().map(|reply| reply.usage.current()).collect();
        check!(
            seen == [used],
            "subject {:?}: {used} reported, {seen:?} counted",
            String::from_utf8_lossy(subject)
        );
    }
    Ok(())
}
