//! A request of a known subject under up to two policies allocates nothing, whatever the answer is.

mod common;

use allocation_counter::measure;
use common::{Ask, fixed, rule, store};
use tidegate_core::{Algorithm, Quota, Rule};
use tidegate_store::{Request, Store};
use tidegate_store_memory::{KeyHash, MemoryStore};

/// How many allocations ten requests of a known subject make. There must be some that are allowed, and some not.
fn allocations(store: &impl Store, rules: &[Rule]) -> u64 {
    let request = Request::new("client-0000000000001", rules);
    let ask = || {
        let mut decision = None;
        let asked = store.try_acquire_into(&request, &mut decision);
        assert!(asked.is_ok());
        decision.is_some_and(|decision| decision.is_allowed())
    };
    assert!(ask());
    let mut allowed = 0;
    let counted = measure(|| allowed = (0..10).filter(|_| ask()).count());
    assert!((1..10).contains(&allowed));
    counted.count_total
}

#[test]
fn known_subjects_need_no_allocation() {
    let bucket = Quota::per_hour(3).and_then(|q| q.with_algorithm(Algorithm::TokenBucket));
    let sliding = rule("sliding", Quota::per_hour(5).unwrap());
    let bucket = rule("bucket", bucket.unwrap());
    let fixed = fixed("fixed", 4);
    for rules in [
        &[fixed][..],
        &[sliding],
        &[bucket],
        &[fixed, bucket],
        &[sliding.with_shadow(true), fixed],
    ] {
        let (store, _) = store(1000);
        assert_eq!(allocations(&store, rules), 0, "{rules:?}");
        let store = MemoryStore::builder().key_hash(KeyHash::Sip).build();
        assert_eq!(allocations(&store.unwrap(), rules), 0, "{rules:?}");
    }
}

#[test]
fn the_usual_call_needs_none_either() {
    let (store, _) = store(1000);
    let rules = [fixed("a", 100), fixed("b", 100)];
    let _ = store.ask("alice", &rules);
    let counted = measure(|| {
        for _ in 0..10 {
            assert!(store.ask("alice", &rules).is_allowed());
        }
    });
    assert_eq!(counted.count_total, 0);
}

#[test]
fn the_measure_measures() {
    let counted = measure(|| drop(Box::new(1)));
    assert_eq!(counted.count_total, 1);
}
