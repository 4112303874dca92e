//! Outage settings: what is decided while the store does not.

use std::time::Duration;

use tidegate_limiter::{
    Decision, ErrorKind, Fallback, Grace, Outage, Policy, Provenance, Tolerance,
};

use crate::support::{Mode, Unreliable, admitted, builder, limiter, policy, quota};

const GONE: Mode = Mode::Fails(ErrorKind::Unavailable);

fn gone() -> Unreliable {
    let store = Unreliable::remote();
    store.set(GONE);
    store
}

#[tokio::test(start_paused = true)]
async fn whatever_the_store_does_the_outage_setting_decides_and_the_next_call_works() {
    for store in [Unreliable::remote(), Unreliable::immediate()] {
        let limiter = limiter(&store, policy(100).outage(Fallback::Closed));
        for mode in [
            GONE,
            Mode::Fails(ErrorKind::Corrupt),
            Mode::Fails(ErrorKind::Refused),
            Mode::Hangs,
            Mode::Panics,
            Mode::PanicsAtOnce,
            Mode::ForgetsPolicies,
            Mode::WrongPolicy,
            Mode::WrongCost,
        ] {
            store.set(mode);
            let decision = limiter.check("alice").await;
            assert_eq!(
                decision.provenance(),
                Provenance::Outage(Fallback::Closed),
                "{mode:?}"
            );
            assert!(decision.is_unavailable(), "{mode:?}");
            store.set(Mode::Works);
            let decision = limiter.check("alice").await;
            assert!(decision.is_allowed(), "after {mode:?}");
            assert_eq!(decision.provenance(), Provenance::Store, "after {mode:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn l2_starts_and_serves_with_the_store_down_and_l3_heals_by_itself() {
    let store = gone();
    let limiter = limiter(&store, policy(3).outage(Fallback::Full));
    assert_eq!(admitted(&limiter, "alice", 9).await, 3);
    store.set(Mode::Works);
    assert_eq!(limiter.check("alice").await.provenance(), Provenance::Store);
}

#[tokio::test(start_paused = true)]
async fn closed_denies_with_503_and_open_admits() {
    let closed = limiter(&gone(), policy(10).outage(Fallback::Closed));
    let decision = closed.check("alice").await;
    assert!(!decision.is_allowed() && decision.is_unavailable());
    assert_eq!(decision.retry_after(), None, "nobody can tell");

    let open = limiter(&gone(), policy(10).outage(Fallback::Open));
    assert_eq!(admitted(&open, "alice", 50).await, 50);
    assert_eq!(
        open.check("alice").await.provenance(),
        Provenance::Outage(Fallback::Open)
    );
}

#[tokio::test(start_paused = true)]
async fn full_and_share_count_in_this_process() {
    let with = |fallback| {
        let builder = builder(&gone()).policy(policy(10).outage(fallback));
        builder.expected_nodes(4).build().unwrap()
    };
    assert_eq!(admitted(&with(Fallback::Full), "alice", 50).await, 10);
    let share = with(Fallback::Share);
    assert_eq!(
        admitted(&share, "alice", 50).await,
        3,
        "a quarter, rounded up"
    );
    let decision = share.check("alice").await;
    assert!(!decision.is_unavailable(), "an ordinary denial: 429");
    assert!(decision.retry_after().is_some());
    assert_eq!(decision.statuses()[0].limit(), 3);
    assert_eq!(decision.provenance(), Provenance::Outage(Fallback::Share));
}

#[tokio::test(start_paused = true)]
async fn exact_policies_are_closed_by_default_and_others_share() {
    let provenance = async |store: Unreliable, policy| {
        store.set(GONE);
        limiter(&store, policy).check("alice").await.provenance()
    };
    let closed = Provenance::Outage(Fallback::Closed);
    let share = Provenance::Outage(Fallback::Share);
    assert_eq!(provenance(Unreliable::remote(), policy(10)).await, closed);
    assert_eq!(provenance(Unreliable::tiered(), policy(10)).await, share);
    let exact = policy(10).tolerance(Tolerance::EXACT);
    assert_eq!(provenance(Unreliable::tiered(), exact).await, closed);
    let chosen = policy(10).outage(Fallback::Share);
    assert_eq!(provenance(Unreliable::remote(), chosen).await, share);
}

#[tokio::test(start_paused = true)]
async fn g8_policies_with_different_settings_are_all_or_nothing() {
    let with = |settings: &[(&'static str, u64, Fallback)]| {
        let policies = settings
            .iter()
            .map(|&(name, limit, fallback)| Policy::new(name, quota(limit)).outage(fallback));
        builder(&gone()).policies(policies).build().unwrap()
    };
    let open_and_counted = with(&[("open", 1, Fallback::Open), ("full", 2, Fallback::Full)]);
    assert_eq!(admitted(&open_and_counted, "alice", 5).await, 2);

    let closed_and_counted = with(&[("full", 2, Fallback::Full), ("closed", 9, Fallback::Closed)]);
    assert!(closed_and_counted.check("alice").await.is_unavailable());
    closed_and_counted
        .replace_policies([Policy::new("full", quota(2)).outage(Fallback::Full)])
        .unwrap();
    let admitted_later = admitted(&closed_and_counted, "alice", 5).await;
    assert_eq!(
        admitted_later, 2,
        "what the closed one denied was not charged to the other"
    );

    let two_counted = with(&[("a", 9, Fallback::Full), ("b", 2, Fallback::Share)]);
    assert_eq!(admitted(&two_counted, "alice", 5).await, 2);
    let decision = two_counted.check("alice").await;
    assert_eq!(decision.statuses()[0].remaining(), 7);
}

#[tokio::test(start_paused = true)]
async fn shadow_policies_deny_nothing_in_an_outage_either() {
    for fallback in [
        Fallback::Closed,
        Fallback::Full,
        Fallback::Share,
        Fallback::Open,
    ] {
        let limiter = limiter(&gone(), policy(1).outage(fallback).shadow(true));
        assert_eq!(admitted(&limiter, "alice", 5).await, 5, "{fallback}");
    }
    let store = gone();
    let mixed = builder(&store)
        .policy(
            Policy::new("shadow", quota(1))
                .outage(Fallback::Closed)
                .shadow(true),
        )
        .policy(Policy::new("enforced", quota(2)).outage(Fallback::Full))
        .build()
        .unwrap();
    assert_eq!(admitted(&mixed, "alice", 5).await, 2);
}

/// Name, whether it refused, and what is left.
fn parts(decision: &Decision) -> Vec<(&'static str, bool, u64)> {
    let parts = decision.statuses().iter();
    let parts = parts.map(|it| (it.name().as_str(), it.is_violated(), it.remaining()));
    parts.collect()
}

#[tokio::test(start_paused = true)]
async fn a_closed_policy_says_so_by_name_and_open_ones_have_no_say() {
    let limiter = builder(&gone())
        .policy(Policy::new("open", quota(9)).outage(Fallback::Open))
        .policy(Policy::new("closed", quota(9)).outage(Fallback::Closed))
        .policy(Policy::new("full", quota(9)).outage(Fallback::Full))
        .policy(Policy::new("also-closed", quota(9)).outage(Fallback::Closed))
        .build()
        .unwrap();
    let decision = limiter.check("alice").await;
    assert!(decision.is_unavailable());
    let closed = [("closed", true, 0), ("also-closed", true, 0)];
    assert_eq!(parts(&decision), closed);
    assert_eq!(decision.violated().count(), 2);
    assert_eq!(decision.retry_after(), None, "nobody can tell");
}

#[tokio::test(start_paused = true)]
async fn a_closed_policy_in_shadow_says_what_it_would_have_denied() {
    let store = gone();
    let closed = || Policy::new("trial", quota(9)).outage(Fallback::Closed);
    let alone = limiter(&store, closed().shadow(true));
    let decision = alone.check("alice").await;
    assert!(decision.is_allowed());
    assert_eq!(parts(&decision), [("trial", true, 0)]);
    assert_eq!(decision.provenance(), Provenance::Outage(Fallback::Closed));

    let beside = builder(&store)
        .policy(Policy::new("full", quota(2)).outage(Fallback::Full))
        .policy(closed().shadow(true))
        .policy(Policy::new("share", quota(9)).outage(Fallback::Share));
    let beside = beside.build().unwrap();
    for (allowed, left) in [(true, 1), (true, 0), (false, 0)] {
        let decision = beside.check("alice").await;
        assert_eq!(decision.is_allowed(), allowed);
        let names: Vec<_> = parts(&decision).into_iter().map(|part| part.0).collect();
        assert_eq!(names, ["full", "trial", "share"], "in their order");
        assert_eq!(
            parts(&decision)[..2],
            [("full", !allowed, left), ("trial", true, 0)]
        );
        assert_eq!(decision.provenance(), Provenance::Outage(Fallback::Share));
    }
}

#[tokio::test(start_paused = true)]
async fn grace_ends_when_the_store_has_not_answered_for_so_long() {
    let store = Unreliable::remote();
    let grace = Outage::Grace(Grace {
        lasting: Duration::from_secs(30),
        first: Fallback::Open,
        then: Fallback::Closed,
    });
    let limiter = limiter(&store, policy(1000).outage(grace));
    store.set(GONE);
    assert!(limiter.check("alice").await.is_allowed());
    tokio::time::advance(Duration::from_secs(29)).await;
    assert!(limiter.check("alice").await.is_allowed());
    tokio::time::advance(Duration::from_secs(1)).await;
    assert!(limiter.check("alice").await.is_unavailable());

    store.set(Mode::Works);
    assert!(limiter.check("alice").await.is_allowed());
    store.set(GONE);
    assert!(
        limiter.check("alice").await.is_allowed(),
        "another outage, another grace"
    );
}

#[tokio::test(start_paused = true)]
async fn one_broken_record_is_no_outage() {
    let store = Unreliable::remote();
    let diary = crate::support::Diary::default();
    let limiter = builder(&store)
        .policy(policy(10).outage(Fallback::Open))
        .observer(diary.clone())
        .build()
        .unwrap();
    store.set(Mode::Fails(ErrorKind::Corrupt));
    assert!(limiter.check("alice").await.is_allowed());
    assert_eq!(diary.take(), ["acquire failed: corrupt", "allowed by open"]);
}
