//! Policy files: what is read can be used, and what is not says where it is wrong.

use tidegate_config::parse;
use tidegate_limiter::Limiter;
use tidegate_store_memory::MemoryStore;

/// The text of a file.
pub fn policies(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    match parse(text) {
        Ok(policies) => {
            assert!(!policies.is_empty(), "no policy is a mistake");
            let limiter = policies
                .into_iter()
                .fold(Limiter::builder(MemoryStore::new()), |limiter, policy| {
                    limiter.policy(policy)
                });
            let Ok(limiter) = limiter.build() else {
                panic!("what was read must hold together");
            };
            assert!(limiter.try_check("somebody").is_some());
        }
        Err(mistakes) => {
            assert!(!mistakes.all().is_empty());
            let lines = text.split('\n').count();
            for mistake in mistakes.all() {
                assert!((1..=lines).contains(&mistake.line), "{mistake}");
                assert!(!mistake.message.is_empty());
            }
        }
    }
}
