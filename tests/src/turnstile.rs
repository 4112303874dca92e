//! Where a store's calls wait until a test lets them pass.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Semaphore;

/// A place to wait at. Clones are the same place.
#[derive(Clone, Debug)]
pub struct Turnstile(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    arrived: AtomicUsize,
    left: AtomicUsize,
    passes: Semaphore,
}

impl Turnstile {
    /// One through which nobody may pass yet.
    pub fn new() -> Self {
        Self(Arc::new(Shared {
            arrived: AtomicUsize::new(0),
            left: AtomicUsize::new(0),
            passes: Semaphore::new(0),
        }))
    }

    /// From now on everybody passes.
    pub fn open(&self) {
        // Whoever waits sees that it is closed for good, which is as good as a pass.
        self.0.passes.close();
    }

    /// So many pass, those who wait first.
    pub fn let_pass(&self, count: usize) {
        self.0.passes.add_permits(count);
    }

    /// How many have come.
    pub fn arrived(&self) -> usize {
        self.0.arrived.load(Ordering::SeqCst)
    }

    /// How many of them have passed, or given up.
    pub fn left(&self) -> usize {
        self.0.left.load(Ordering::SeqCst)
    }

    pub(crate) async fn pass(&self) {
        self.0.arrived.fetch_add(1, Ordering::SeqCst);
        let _leaves = Leaves(&self.0.left);
        if let Ok(pass) = self.0.passes.acquire().await {
            pass.forget();
        }
    }
}

impl Default for Turnstile {
    fn default() -> Self {
        Self::new()
    }
}

struct Leaves<'a>(&'a AtomicUsize);

impl Drop for Leaves<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}
