//! How many calls may be under way at a time (R4).

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The places for calls to one server. Each server has its own, so that calls which wait for one that hangs do not keep
/// others from work.
#[derive(Debug)]
pub(crate) struct Permits {
    most: usize,
    free: Arc<Semaphore>,
}

impl Permits {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            free: Arc::new(Semaphore::new(most)),
        }
    }

    /// A place, if one is free.
    pub(crate) fn take(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.free).try_acquire_owned().ok()
    }

    /// How many places are taken.
    pub(crate) fn taken(&self) -> usize {
        self.most.saturating_sub(self.free.available_permits())
    }
}
