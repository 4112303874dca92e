//! Whatever a server answers is read or refused, and what is read can be used (L4).
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::time::Duration;

use proptest::prelude::*;
use redis::Value;
use smallvec::smallvec;
use tidegate_core::shared::{BucketReport, NodeId, Report, WindowReport};
use tidegate_core::{Algorithm, PolicyName, Quota, Rule, Timestamp};

use super::sync::{Chunk, Subject};
use crate::key::Names;
use crate::script::Shape;

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 0..80).prop_map(Value::BulkString),
        2 => (0_u64..u64::MAX).prop_map(|n| Value::BulkString(n.to_string().into_bytes())),
        2 => any::<i64>().prop_map(Value::Int),
        1 => Just(Value::Nil),
        1 => Just(Value::Okay),
    ];
    leaf.prop_recursive(2, 20, 6, |inner| {
        prop::collection::vec(inner, 0..6).prop_map(Value::Array)
    })
}

/// As an answer is built, from anything.
fn answer() -> impl Strategy<Value = Value> {
    let numbers = prop::collection::vec(any::<u32>(), 3);
    let parts = prop::collection::vec(value(), 0..4);
    let like_one = (numbers, parts).prop_map(|(numbers, parts)| {
        let numbers = numbers.into_iter().map(|number| Value::Int(number.into()));
        Value::Array(numbers.chain(parts).collect())
    });
    prop_oneof![3 => like_one, 1 => value()]
}

proptest! {
    /// Whatever a server answers is read or refused, and what is read can be used (L4).
    #[test]
    fn l4_any_answer_is_survived(
        answer in answer(),
        algorithm in 0_usize..3,
        want in 0_u64..3,
        now in any::<u64>(),
    ) {
        let algorithm = [
            Algorithm::FixedWindow,
            Algorithm::SlidingWindow,
            Algorithm::TokenBucket,
        ][algorithm];
        let quota = Quota::new(100, Duration::from_secs(10)).unwrap();
        let rule = Rule::new(
            PolicyName::new("p").unwrap(),
            quota.with_algorithm(algorithm).unwrap(),
        );
        let report = match algorithm {
            Algorithm::TokenBucket => Report::Bucket(BucketReport::default()),
            Algorithm::FixedWindow | Algorithm::SlidingWindow => Report::Windows {
                current: WindowReport::default(),
                previous: WindowReport::default(),
            },
        };
        let subjects = [Subject {
            keys: Names::new("", false, [0; 16]).records("alice".into(), [&rule]),
            rules: smallvec![rule],
            reports: smallvec![&report],
            want,
        }];
        let mut chunk = Chunk::new(NodeId::from_random(1), Shape::of(&[rule]));
        chunk.add(&subjects, 0);
        if let Some(read) = chunk.decode(&subjects, &answer) {
            for reply in read.replies.iter().flat_map(|(_, replies)| replies) {
                let now = Timestamp::from_nanos(now);
                let usage = rule.quota().brought_forward(reply.usage, now);
                prop_assert!(rule.quota().remaining(usage, now) <= rule.quota().capacity());
            }
        }
    }
}
