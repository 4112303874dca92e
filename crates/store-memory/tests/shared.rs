//! Several nodes on one memory store.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod common;

use common::{fixed, store};
use tidegate_core::Timestamp;
use tidegate_core::shared::{NodeId, Reply, Report, Totals, WindowReport};
use tidegate_store::{Request, SharedStore, Store, SyncRequest};

/// What a node says that has used so much since `start`.
fn used(local: u64, start: Timestamp) -> Report {
    let totals = Totals {
        local,
        ..Totals::default()
    };
    Report::Windows {
        current: WindowReport { start, totals },
        previous: WindowReport::default(),
    }
}

#[test]
fn g5_a_reset_is_not_undone_by_reports_of_what_was_used_before() {
    let (store, _) = store(100);
    let rules = [fixed("only", 10)];
    let sync = |report| -> Reply {
        let request = SyncRequest {
            subject: "alice".into(),
            reports: &[(rules[0], report)],
            want: 0,
        };
        let node = NodeId::from_random(1);
        let replies = pollster::block_on(store.sync(node, &[request])).unwrap();
        replies.into_iter().next().unwrap().unwrap()[0]
    };
    let start = sync(Report::NOTHING).usage.at();
    assert_eq!(sync(used(7, start)).usage.current(), 7);

    pollster::block_on(store.reset(&Request::new("alice", &rules))).unwrap();
    assert_eq!(sync(used(7, start)).usage.current(), 0);
    assert_eq!(sync(used(9, start)).usage.current(), 2);
}
