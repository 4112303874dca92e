//! Which subjects the driver has taken in hand to report, so that a shutdown can say what is unsent (L7).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tidegate_table::Digest;

/// The batches under way, each with its subjects.
#[derive(Debug, Default)]
pub(crate) struct Sending {
    state: Mutex<State>,
    driven: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    batches: Vec<(u64, Vec<Digest>)>,
}

/// A batch is under way until this is dropped, also if nobody waits for it any more.
#[derive(Debug)]
pub(crate) struct UnderWay {
    sending: Arc<Sending>,
    number: u64,
}

/// While it exists, a driver may have subjects in hand that are in no batch yet.
#[derive(Debug)]
pub(crate) struct Driven(Arc<Sending>);

impl Sending {
    /// A batch of these subjects begins.
    pub(crate) fn begin(self: &Arc<Self>, digests: &[Digest]) -> UnderWay {
        let mut state = self.state.lock();
        let number = state.next;
        state.next += 1;
        state.batches.push((number, digests.to_vec()));
        UnderWay {
            sending: Arc::clone(self),
            number,
        }
    }

    /// A driver begins.
    pub(crate) fn drive(self: &Arc<Self>) -> Driven {
        self.driven.store(true, Ordering::Release);
        Driven(Arc::clone(self))
    }

    /// Whether a driver is at work.
    pub(crate) fn is_driven(&self) -> bool {
        self.driven.load(Ordering::Acquire)
    }

    /// The subjects of all batches under way.
    pub(crate) fn digests(&self) -> Vec<Digest> {
        let state = self.state.lock();
        let digests = state.batches.iter().flat_map(|(_, digests)| digests);
        digests.copied().collect()
    }
}

impl Drop for Driven {
    fn drop(&mut self) {
        self.0.driven.store(false, Ordering::Release);
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut state = self.sending.state.lock();
        state.batches.retain(|(number, _)| *number != self.number);
    }
}
