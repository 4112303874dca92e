//! What a token bucket granted and nobody used: it comes back as long as it has not flowed in by itself, and not twice (G2).

use std::time::Duration;

use proptest::prelude::*;
use tidegate_core::shared::{BucketReport, NodeId, Record, Reply, Report, Totals, sync};
use tidegate_core::tiered::{Group, Outgoing, Timing};
use tidegate_core::{Algorithm, PolicyName, Quota, Rule, Timestamp, Usage};

use crate::{RIVAL, START, World};

fn at(millis: u64) -> Timestamp {
    START + Duration::from_millis(millis)
}

/// Five were granted at the start, and two of them used: the bucket is full again after a second.
fn three_left_over() -> World {
    let mut world = World::new(Algorithm::TokenBucket);
    world.left(START);
    let call = world.compose(5, START).unwrap();
    let reply = world.carry(&call, START);
    world.answer(&call, reply, 2, START);
    world
}

#[test]
fn g2_what_is_left_over_of_a_call_does_not_come_back_when_it_has_flowed_in_again() {
    let mut world = three_left_over();
    assert_eq!(world.rival(50, at(1_000)), 50, "it is full");
    world.call(0, at(1_040));
    assert_eq!(world.rival(1, at(1_040)), 0);
}

#[test]
fn g2_of_what_is_left_over_comes_back_what_has_not_flowed_in_again() {
    let mut world = three_left_over();
    // Without what is left over it would have been full after 400 ms, and has lost 200 ms of its flow since.
    assert_eq!(world.rival(48, at(600)), 48);
    world.call(0, at(600));
    assert_eq!(world.rival(50, at(600)), 2);
}

#[test]
fn g3_what_is_left_over_comes_back_if_it_is_told_at_once() {
    let mut world = three_left_over();
    world.call(0, START);
    assert_eq!((world.used(START), world.rival(50, START)), (2, 48));
}

/// What is missing by a node's last word is not what is missing when another one has given back meanwhile: then, at the most,
/// what the node gives back itself is used twice.
#[test]
fn g2_of_two_that_give_back_at_once_one_may_be_believed_too_much() {
    let mut world = World::new(Algorithm::TokenBucket);
    assert_eq!(world.rival(2, START), 2);
    world.left(START);
    let call = world.compose(2, START).unwrap();
    let reply = world.carry(&call, START);
    world.answer(&call, reply, 0, START);
    // The rival has used nothing either: without both it would have been full all the time.
    let report = Report::Bucket(BucketReport {
        totals: Totals {
            granted: 2,
            returned: 2,
            ..Totals::default()
        },
        acknowledged: Totals {
            granted: 2,
            ..Totals::default()
        },
        heard: at(400),
        ..BucketReport::default()
    });
    world.serve(RIVAL, report, 0, START);
    assert_eq!(world.rival(50, at(400)), 50);
    world.call(0, at(400));
    assert_eq!(world.rival(50, at(400)), 2);
}

/// A node that asks for everything, and what its requests do.
struct Node {
    id: NodeId,
    group: Group,
    under_way: Option<(Outgoing, Option<Reply>)>,
}

/// Five at once, and one more every 200 ms.
fn five() -> Rule {
    let quota = Quota::new(5, Duration::from_secs(1))
        .unwrap()
        .with_algorithm(Algorithm::TokenBucket)
        .unwrap();
    Rule::new(PolicyName::new("p").unwrap(), quota)
}

/// Nodes of which one wastes what it is granted, and all that was used, charged when it was granted.
struct Nodes {
    nodes: [Node; 3],
    record: Record,
    truth: Usage,
    now: Timestamp,
}

impl Nodes {
    fn new() -> Self {
        let node = |id| Node {
            id: NodeId::from_random(id),
            group: Group::default(),
            under_way: None,
        };
        Self {
            nodes: [1, 2, 3].map(node),
            record: Record::default(),
            truth: Usage::default(),
            now: START,
        }
    }

    /// One step of a node: it sends a call, or the store takes it, or the answer arrives, of which a part is used.
    fn step(&mut self, place: usize, want: u64, wastes: bool) -> Result<(), TestCaseError> {
        let (rules, now) = ([five()], self.now);
        let node = &mut self.nodes[place];
        match node.under_way.take() {
            None => {
                let intern = &mut |rule: &Rule| std::sync::Arc::new(*rule);
                let _ = node.group.look(&rules, 1, now, intern);
                let wanting = (want > 0).then_some((&rules[..], want));
                node.under_way = node.group.compose(wanting, now).map(|call| (call, None));
            }
            Some((call, None)) => {
                let records = std::slice::from_mut(&mut self.record);
                let reply = sync(
                    records,
                    &rules,
                    &[call.reports[0].1],
                    node.id,
                    call.want,
                    now,
                )[0];
                let used = if wastes { reply.got / 2 } else { reply.got };
                let quota = rules[0].quota();
                let truth = quota.brought_forward(self.truth, now);
                prop_assert!(
                    used == 0 || quota.admits(truth, used, now),
                    "{used} at {now}"
                );
                self.truth = quota.charged(truth, used, now);
                node.under_way = Some((call, Some(reply)));
            }
            Some((call, Some(reply))) => {
                let used = if wastes { reply.got / 2 } else { reply.got };
                let timing = Timing::default();
                node.group.hear(&call, &[reply], used, &timing, now);
            }
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Whatever is wasted by one of three nodes, and whenever that is told: never more is used than flowed in.
    #[test]
    fn g2_a_node_that_wastes_grants_lets_nobody_pass_the_bucket(steps in prop::collection::vec((0..3usize, 0..6u64, 0..400u64), 1..60)) {
        let mut nodes = Nodes::new();
        for (place, want, millis) in steps {
            nodes.now = nodes.now + Duration::from_millis(millis.saturating_sub(200));
            nodes.step(place, want, place == 0)?;
        }
    }
}
