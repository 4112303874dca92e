//! Locks and atomics: the usual ones, or loom's, which tries every interleaving of them.

#[cfg(not(loom))]
pub(crate) use parking_lot::{Mutex, MutexGuard};
#[cfg(not(loom))]
pub(crate) use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering, fence};

#[cfg(loom)]
pub(crate) use self::modelled::{Mutex, MutexGuard};
#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicU64, AtomicUsize, Ordering, fence};

/// Locks, and if that must wait, keeps away from the lock's cache line for a while.
///
/// The table's locks are held for some ten nanoseconds. To try for one all the time takes its cache line away from
/// the thread that holds it, which makes both slower than one alone; to park takes longer by far.
#[inline(always)]
pub(crate) fn patiently<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    match mutex.try_lock() {
        Some(guard) => guard,
        None => wait(mutex),
    }
}

#[cold]
fn wait<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    for _ in 0..PATIENCE {
        give_way();
        if let Some(guard) = mutex.try_lock() {
            return guard;
        }
    }
    mutex.lock()
}

/// How often to give way before parking: some ten microseconds. Whoever holds the lock for longer sweeps a shard, or
/// has been taken off his processor.
#[cfg(not(loom))]
const PATIENCE: usize = 16;
#[cfg(loom)]
const PATIENCE: usize = 0;

/// Keeps away from a cache line that somebody else works on for about a microsecond.
#[cold]
pub(crate) fn give_way() {
    #[cfg(not(loom))]
    for _ in 0..64 {
        std::hint::spin_loop();
    }
}

#[cfg(loom)]
mod modelled {
    //! loom's mutex with `parking_lot`'s interface: no poisoning.

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
