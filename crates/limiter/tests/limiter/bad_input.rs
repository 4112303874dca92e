//! Bad input is refused when a limiter is built, with an error that names it and says what is allowed.

use std::time::Duration;

use tidegate_limiter::{BuildError, Limiter, LimiterBuilder, Limits, LookupSettings, Policy};
use tidegate_store_memory::MemoryStore;

use crate::support::{MOST_POLICIES, Unreliable, builder as builder_on, policy, quota};

fn builder() -> LimiterBuilder {
    Limiter::builder(MemoryStore::new()).policy(policy(1))
}

fn error(builder: LimiterBuilder) -> String {
    builder.build().unwrap_err().to_string()
}

#[test]
fn deadlines() {
    for deadline in [
        Duration::ZERO,
        Duration::from_micros(999),
        Duration::from_secs(61),
        Duration::MAX,
    ] {
        let error = error(builder().deadline(deadline));
        assert_eq!(
            error,
            format!("deadline {deadline:?} is out of range: it must be 1ms to 60s")
        );
    }
    for deadline in [Duration::from_millis(1), Duration::from_secs(60)] {
        assert!(builder().deadline(deadline).build().is_ok());
    }
}

#[test]
fn policies() {
    assert_eq!(
        error(Limiter::builder(MemoryStore::new())),
        "no policies: give at least one, with `.policy(Policy::new(name, quota))`"
    );
    let named = |name: &str| error(builder().policy(Policy::new(name.to_owned(), quota(1))));
    assert!(named("").starts_with("policy \"\": a policy's name is empty"));
    assert!(named("a b").contains("\"a b\"") && named("a b").contains("at byte 1"));
    assert!(named(&"x".repeat(65)).contains("65 bytes is too long"));
    assert!(named("p").starts_with("policy \"p\" is there twice"));
}

#[test]
fn more_policies_than_the_store_takes() {
    let store = Unreliable::remote();
    let policies = |count: usize| (0..count).map(|n| Policy::new(format!("p{n}"), quota(1)));
    let built = |count| builder_on(&store).policies(policies(count)).build();
    let limiter = built(MOST_POLICIES).unwrap();
    let expected = "7 policies: the store takes at most 6 in one request; leave some out, or put them into a limiter of \
                    their own";
    assert_eq!(built(7).unwrap_err().to_string(), expected);
    let replaced = limiter.replace_policies(policies(7));
    assert_eq!(replaced.unwrap_err().to_string(), expected);
}

#[test]
fn numbers() {
    assert_eq!(
        error(builder().expected_nodes(0)),
        "expected_nodes 0 is out of range: it must be at least 1, this node"
    );
    assert!(error(builder().local_entries(0)).contains("max_entries 0 is out of range"));
}

#[test]
fn lookup_settings() {
    let with = |settings| {
        let resolver = |_: Vec<u8>| async { Ok(Limits::new()) };
        error(builder().async_resolver(resolver, settings))
    };
    let default = LookupSettings::default();
    assert_eq!(
        with(LookupSettings {
            time_to_live: Duration::ZERO,
            ..default
        }),
        "the resolver's time_to_live 0ns is out of range: it must be 1ms to 366 days"
    );
    assert!(
        with(LookupSettings {
            deadline: Duration::MAX,
            ..default
        })
        .contains("1ms to 60s")
    );
    assert!(
        with(LookupSettings {
            capacity: 0,
            ..default
        })
        .contains("capacity 0")
    );
}

#[test]
fn a_refused_replacement_changes_nothing() {
    let limiter = builder().build().unwrap();
    let version = limiter.policy_version();
    assert_eq!(
        limiter.replace_policies([]).unwrap_err(),
        BuildError::NoPolicies
    );
    assert_eq!(
        (limiter.policy_version(), limiter.policies().len()),
        (version, 1)
    );
}
