//! Replacing policies while requests go on.

use tidegate_limiter::{Policy, Quota};

use crate::support::{Unreliable, admitted, limiter, policy, quota};

#[tokio::test(start_paused = true)]
async fn counts_are_kept_when_a_limit_changes() {
    let store = Unreliable::immediate();
    let limiter = limiter(&store, policy(3));
    let other_clone = limiter.clone();
    assert_eq!(admitted(&limiter, "alice", 5).await, 3);
    limiter.replace_policies([policy(5)]).unwrap();
    assert_eq!(admitted(&other_clone, "alice", 5).await, 2, "raised by two");
    limiter.replace_policies([policy(1)]).unwrap();
    assert_eq!(admitted(&limiter, "alice", 5).await, 0);
    assert_eq!(admitted(&limiter, "bob", 5).await, 1);
}

#[tokio::test(start_paused = true)]
async fn another_window_or_name_counts_anew() {
    let store = Unreliable::immediate();
    let limiter = limiter(&store, policy(3));
    assert_eq!(admitted(&limiter, "alice", 5).await, 3);
    limiter
        .replace_policies([Policy::new("p", Quota::per_hour(1).unwrap())])
        .unwrap();
    assert_eq!(admitted(&limiter, "alice", 5).await, 1);
    limiter
        .replace_policies([Policy::new("q", quota(2))])
        .unwrap();
    assert_eq!(admitted(&limiter, "alice", 5).await, 2);
}

#[tokio::test(start_paused = true)]
async fn the_policies_and_their_version_change_together() {
    let store = Unreliable::immediate();
    let (one, two) = (limiter(&store, policy(1)), limiter(&store, policy(1)));
    assert_ne!(
        one.policy_version(),
        two.policy_version(),
        "also between limiters"
    );
    let before = one.policy_version();
    assert_eq!(one.policies()[..], [policy(1)]);
    one.replace_policies([policy(2), Policy::new("q", quota(9))])
        .unwrap();
    assert_ne!(one.policy_version(), before);
    assert_eq!(one.policies()[..], [policy(2), Policy::new("q", quota(9))]);
}

#[test]
fn every_decision_is_taken_under_one_set_of_policies() {
    let store = tidegate_store_memory::MemoryStore::new();
    let limiter = tidegate_limiter::Limiter::builder(store)
        .policies(["a", "b"].map(|name| Policy::new(name, Quota::per_day(1 << 40).unwrap())))
        .build()
        .unwrap();
    let pairs = [["a", "b"], ["c", "d"]];
    std::thread::scope(|scope| {
        let checker = scope.spawn(|| {
            for _ in 0..20_000 {
                let decision = limiter.try_check("alice").unwrap();
                let names: Vec<_> = decision
                    .statuses()
                    .iter()
                    .map(|status| status.name().as_str())
                    .collect();
                assert!(pairs.iter().any(|pair| names == pair), "{names:?}");
            }
        });
        for round in 1.. {
            let quota = Quota::per_day(1 << 40).unwrap();
            limiter
                .replace_policies(pairs[round % 2].map(|name| Policy::new(name, quota)))
                .unwrap();
            if checker.is_finished() {
                break;
            }
        }
    });
}
