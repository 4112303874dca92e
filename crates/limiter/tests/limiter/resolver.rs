//! Limits per subject from a resolver that answers at once.

use tidegate_limiter::{ErrorKind, Fallback, Limit, Limits, Policy, Provenance, Quota, Subject};

use crate::support::{Diary, Mode, Unreliable, admitted, builder, policy, quota};

fn plans(subject: Subject<'_>) -> Limits {
    match subject.as_bytes() {
        b"premium" => Limits::new().with("p", quota(5)),
        b"hourly" => Limits::new().with("p", Quota::per_hour(4).unwrap()),
        b"ours" => Limits::all(Limit::Unlimited),
        b"banned" => Limit::Blocked.into(),
        b"half-banned" => Limits::new().with("other", Limit::Blocked),
        b"free-of-p" => Limits::new().with("p", Limit::Unlimited),
        b"buggy" => panic!("told to panic"),
        _ => Limits::new(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_subject_has_its_own_limits() {
    for store in [Unreliable::remote(), Unreliable::immediate()] {
        let limiter = builder(&store)
            .policy(policy(2))
            .resolver(plans)
            .build()
            .unwrap();
        assert_eq!(admitted(&limiter, "anyone", 9).await, 2);
        assert_eq!(admitted(&limiter, "premium", 9).await, 5);
        assert_eq!(admitted(&limiter, "hourly", 9).await, 4);
        assert_eq!(admitted(&limiter, "ours", 9).await, 9);
        assert_eq!(admitted(&limiter, "banned", 9).await, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn blocked_and_unlimited_never_ask_the_store_and_say_so() {
    let store = Unreliable::remote();
    let limiter = builder(&store)
        .policy(policy(2))
        .resolver(plans)
        .build()
        .unwrap();
    store.set(Mode::Hangs);
    for subject in ["banned", "ours"] {
        let decision = limiter.try_check(subject).unwrap();
        assert_eq!(decision.provenance(), Provenance::Resolved);
        assert_eq!(
            limiter.peek(subject).await.unwrap().is_allowed(),
            decision.is_allowed()
        );
    }
    assert_eq!(store.calls(), 0);
    let banned = limiter.check("banned").await;
    assert!(
        !banned.is_unavailable() && banned.retry_after().is_none(),
        "429, and waiting does not help"
    );
}

#[tokio::test(start_paused = true)]
async fn other_policies_hold_where_one_is_lifted_and_a_blocked_one_is_enough() {
    let store = Unreliable::remote();
    let with = |shadow| {
        builder(&store)
            .policy(policy(2))
            .policy(Policy::new("other", quota(3)).shadow(shadow))
            .resolver(plans)
            .build()
            .unwrap()
    };
    assert_eq!(admitted(&with(false), "free-of-p", 9).await, 3);
    assert_eq!(admitted(&with(false), "half-banned", 9).await, 0);
    assert_eq!(
        admitted(&with(true), "half-banned", 9).await,
        2,
        "a shadow policy blocks nobody"
    );
}

#[tokio::test(start_paused = true)]
async fn a_plan_of_the_same_window_keeps_the_counts() {
    let store = Unreliable::remote();
    let plain = builder(&store).policy(policy(5)).build().unwrap();
    assert_eq!(admitted(&plain, "premium", 2).await, 2);
    let limiter = builder(&store)
        .policy(policy(2))
        .resolver(plans)
        .build()
        .unwrap();
    assert_eq!(admitted(&limiter, "premium", 9).await, 3);
}

#[tokio::test(start_paused = true)]
async fn in_an_outage_shares_are_of_the_subjects_own_limit() {
    let store = Unreliable::remote();
    let limiter = builder(&store)
        .policy(policy(2).outage(Fallback::Share))
        .expected_nodes(2)
        .resolver(plans)
        .build()
        .unwrap();
    store.set(Mode::Fails(ErrorKind::Unavailable));
    assert_eq!(admitted(&limiter, "premium", 9).await, 3);
    assert_eq!(admitted(&limiter, "ours", 9).await, 9);
    assert_eq!(admitted(&limiter, "banned", 9).await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_resolver_that_panics_leaves_the_policies_own_limits() {
    let (store, diary) = (Unreliable::remote(), Diary::default());
    let limiter = builder(&store)
        .policy(policy(2))
        .resolver(plans)
        .observer(diary.clone())
        .build()
        .unwrap();
    assert!(limiter.check("buggy").await.is_allowed());
    assert!(
        diary
            .take()
            .contains(&"lookup failed: panicked: told to panic".to_owned())
    );
}
