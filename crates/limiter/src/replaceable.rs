//! A policy set that can be replaced while every thread reads it, at one to two nanoseconds a read.
//!
//! Each thread remembers the sets it saw last, and reads its own copy as long as its version is the limiter's.
//! So a thread keeps an old set (its rules and policies, some hundred bytes) until it uses the limiter again, or
//! until another limiter needs the place; and a dropped limiter's set until then or until the thread ends. At
//! most [`PLACES`] sets per thread are kept.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::policy_set::PolicySet;

/// How many limiters a thread can use in turn without their sets displacing each other.
const PLACES: usize = 32;

type Seen = RefCell<[Option<Arc<PolicySet>>; PLACES]>;

thread_local! {
    static SEEN: Seen = const { RefCell::new([const { None }; PLACES]) };
}

/// The policy set of one limiter.
#[derive(Debug)]
pub(crate) struct Replaceable {
    version: AtomicU64,
    place: usize,
    current: Mutex<Arc<PolicySet>>,
}

impl Replaceable {
    pub(crate) fn new(set: PolicySet) -> Self {
        static LIMITERS: AtomicUsize = AtomicUsize::new(0);
        Self {
            version: AtomicU64::new(set.version()),
            place: LIMITERS.fetch_add(1, Ordering::Relaxed) % PLACES,
            current: Mutex::new(Arc::new(set)),
        }
    }

    /// Runs `f`, once, on the set that holds.
    #[inline]
    pub(crate) fn with(&self, mut f: impl FnMut(&PolicySet)) {
        let version = self.version();
        let seen = SEEN.try_with(|seen| {
            let seen = seen.try_borrow().ok()?;
            let set = seen[self.place].as_ref()?;
            (set.version() == version).then(|| f(set))
        });
        if !matches!(seen, Ok(Some(()))) {
            self.with_anew(&mut f);
        }
    }

    // Apart, and by way of a vtable, so that the common case has `f` in line.
    #[cold]
    fn with_anew(&self, f: &mut dyn FnMut(&PolicySet)) {
        f(&self.load_anew());
    }

    /// The set that holds, to keep across an await.
    pub(crate) fn load(&self) -> Arc<PolicySet> {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&current)
    }

    /// Puts another set in its place. Calls that begin after this returns see it.
    pub(crate) fn replace(&self, set: PolicySet) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        // Under the lock, so that version and set cannot disagree for good.
        self.version.store(set.version(), Ordering::Release);
        *current = Arc::new(set);
    }

    /// The version of the set that holds.
    #[inline]
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    #[cold]
    fn load_anew(&self) -> Arc<PolicySet> {
        let set = self.load();
        // Fails while a thread ends, and within another limiter's call on this thread: then it is not remembered.
        let _ = SEEN.try_with(|seen| {
            if let Ok(mut seen) = seen.try_borrow_mut() {
                seen[self.place] = Some(Arc::clone(&set));
            }
        });
        set
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use tidegate_core::Quota;

    use super::*;
    use crate::Policy;

    fn set(name: &'static str) -> PolicySet {
        PolicySet::new(vec![Policy::new(name, Quota::per_minute(1).unwrap())], true).unwrap()
    }

    fn name(replaceable: &Replaceable) -> &'static str {
        let mut name = "";
        replaceable.with(|set| name = set.rules()[0].name().as_str());
        name
    }

    #[test]
    fn every_thread_sees_a_replacement_at_once() {
        let replaceable = Replaceable::new(set("before"));
        let (seen, replaced) = (Barrier::new(2), Barrier::new(2));
        std::thread::scope(|scope| {
            let other = scope.spawn(|| {
                assert_eq!(name(&replaceable), "before");
                seen.wait();
                replaced.wait();
                name(&replaceable)
            });
            seen.wait();
            replaceable.replace(set("after"));
            assert_eq!(name(&replaceable), "after");
            replaced.wait();
            assert_eq!(other.join().unwrap(), "after");
        });
    }

    #[test]
    fn limiters_that_share_a_place_do_not_see_each_others_sets() {
        let all: Vec<_> = (0..2 * PLACES)
            .map(|_| Replaceable::new(set("one")))
            .collect();
        let odd = Replaceable::new(set("another"));
        for one in &all {
            assert_eq!(
                (name(one), name(&odd), name(one)),
                ("one", "another", "one")
            );
        }
    }

    #[test]
    fn a_call_within_a_call_works() {
        let outer = Replaceable::new(set("outer"));
        let inner = Replaceable::new(set("inner"));
        for _ in 0..2 {
            let mut names = ("", "");
            outer.with(|set| names = (set.rules()[0].name().as_str(), name(&inner)));
            assert_eq!(names, ("outer", "inner"));
        }
    }

    #[test]
    fn a_set_is_kept_by_a_thread_until_the_limiter_is_used_again() {
        let replaceable = Replaceable::new(set("old"));
        let old = Arc::downgrade(&replaceable.load());
        name(&replaceable);
        replaceable.replace(set("new"));
        assert!(old.upgrade().is_some());
        name(&replaceable);
        assert!(old.upgrade().is_none());
    }
}
