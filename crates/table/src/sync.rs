//! Locks and atomics: the usual ones, or loom's, which tries every interleaving of them.

#[cfg(not(loom))]
pub(crate) use self::spinning::{Mutex, MutexGuard};
#[cfg(not(loom))]
pub(crate) use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering, fence};

#[cfg(loom)]
pub(crate) use self::modelled::{Mutex, MutexGuard};
#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering, fence};

/// Keeps away from a cache line that somebody else works on for about a microsecond.
#[cold]
pub(crate) fn give_way() {
    #[cfg(not(loom))]
    for _ in 0..64 {
        std::hint::spin_loop();
    }
}

#[cfg(not(loom))]
mod spinning {
    //! A lock without a queue: to unlock it is to store one byte.
    //!
    //! The table's locks are held for some ten nanoseconds. A lock whose waiters park must look, when it is unlocked,
    //! whether any do, by a second atomic exchange.

    use std::thread;
    use std::time::Duration;

    use super::give_way;

    /// How often a waiter gives way before it yields: some ten microseconds. Whoever holds the lock for longer sweeps a
    /// shard, or has been taken off his processor.
    const GIVES_WAY: u32 = 16;
    /// How often it yields before it sleeps between two attempts, so that a holder of lower priority gets on.
    const YIELDS: u32 = 16;
    const NAP: Duration = Duration::from_micros(50);

    pub(crate) type MutexGuard<'a, T> = spin::mutex::SpinMutexGuard<'a, T>;

    pub(crate) struct Mutex<T>(spin::mutex::SpinMutex<T>);

    impl<T> Mutex<T> {
        pub(crate) const fn new(value: T) -> Self {
            Self(spin::mutex::SpinMutex::new(value))
        }

        /// Locks, and if that must wait, keeps away from the lock's cache line for a while: to try for it all the time
        /// takes that line away from the thread that holds it, which makes both slower than one alone.
        #[inline(always)]
        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            match self.try_lock() {
                Some(guard) => guard,
                None => self.wait(),
            }
        }

        #[inline(always)]
        pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
            self.0.try_lock()
        }

        #[cold]
        fn wait(&self) -> MutexGuard<'_, T> {
            let mut attempts = 0_u32;
            loop {
                match attempts {
                    0..GIVES_WAY => give_way(),
                    attempt if attempt < GIVES_WAY + YIELDS => thread::yield_now(),
                    _ => thread::sleep(NAP),
                }
                if let Some(guard) = self.try_lock() {
                    return guard;
                }
                attempts = attempts.saturating_add(1);
            }
        }
    }

    #[cfg(test)]
    mod tests {
        use std::panic::{AssertUnwindSafe, catch_unwind};

        use super::*;

        #[test]
        fn holders_that_leave_the_processor_are_waited_for_and_nothing_is_lost() {
            let count = Mutex::new(0_u32);
            thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| {
                        for _ in 0..50 {
                            let mut count = count.lock();
                            let before = *count;
                            thread::yield_now();
                            *count = before + 1;
                        }
                    });
                }
            });
            assert_eq!(*count.lock(), 8 * 50);
        }

        #[test]
        fn a_panic_under_the_lock_unlocks_it() {
            let lock = Mutex::new(1);
            let panicked = catch_unwind(AssertUnwindSafe(|| {
                let _held = lock.lock();
                panic!("on purpose");
            }));
            assert!(panicked.is_err());
            assert_eq!(lock.try_lock().as_deref(), Some(&1));
        }
    }
}

#[cfg(loom)]
mod modelled {
    //! loom's mutex with the other one's interface: no poisoning.

    use std::sync::PoisonError;

    pub(crate) use loom::sync::MutexGuard;

    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(loom::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }

        pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
            self.0.try_lock().ok()
        }
    }
}
