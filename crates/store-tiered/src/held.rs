//! What is held of a subject: what the node knows, who waits, and where it stands on the agenda.

use std::collections::VecDeque;

use tidegate_core::tiered::{CallId, Group};
use tidegate_core::{Decision, Rule};
use tokio::sync::oneshot;

use crate::subject::OwnedSubject;

/// What is held of a subject.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) group: Group,
    /// The table only has the subject's digest, and the store must be told its bytes.
    pub(crate) subject: OwnedSubject,
    /// Who waits for the store; nobody, nearly always.
    pub(crate) queue: Option<Box<Queue>>,
}

/// The requests that wait for the store, in order.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    pub(crate) waiters: VecDeque<Waiter>,
    next: u64,
}

/// One request that waits.
#[derive(Debug)]
pub(crate) struct Waiter {
    pub(crate) ticket: u64,
    pub(crate) rules: Box<[Rule]>,
    pub(crate) cost: u64,
    /// The call that carries its wish, once there is one.
    pub(crate) call: Option<CallId>,
    pub(crate) answer: oneshot::Sender<Decision>,
}

impl Waiter {
    /// Whether it waits under the same policies.
    pub(crate) fn is_under(&self, rules: &[Rule]) -> bool {
        let same = |(mine, other): (&Rule, &Rule)| mine.id() == other.id();
        self.rules.len() == rules.len() && self.rules.iter().zip(rules).all(same)
    }
}

impl Held {
    pub(crate) fn new(subject: &[u8]) -> Self {
        Self {
            group: Group::default(),
            subject: subject.into(),
            queue: None,
        }
    }

    pub(crate) fn has_waiters(&self) -> bool {
        self.queue
            .as_ref()
            .is_some_and(|queue| !queue.waiters.is_empty())
    }

    pub(crate) fn waiting(&self) -> usize {
        self.queue.as_ref().map_or(0, |queue| queue.waiters.len())
    }

    /// Puts a request at the end of the queue.
    pub(crate) fn wait(&mut self, rules: &[Rule], cost: u64) -> (u64, oneshot::Receiver<Decision>) {
        let (answer, receiver) = oneshot::channel();
        let queue = self.queue.get_or_insert_default();
        let ticket = queue.next;
        queue.next += 1;
        queue.waiters.push_back(Waiter {
            ticket,
            rules: rules.into(),
            cost,
            call: None,
            answer,
        });
        (ticket, receiver)
    }

    /// Takes a request out of the queue: nobody waits for its answer any more.
    pub(crate) fn leave(&mut self, ticket: u64) -> Option<Waiter> {
        let queue = self.queue.as_mut()?;
        let at = queue
            .waiters
            .iter()
            .position(|waiter| waiter.ticket == ticket)?;
        let left = queue.waiters.remove(at);
        self.tidy();
        left
    }

    /// Takes those out of the queue that `which` says.
    pub(crate) fn take(&mut self, which: impl Fn(&Waiter) -> bool) -> VecDeque<Waiter> {
        let Some(queue) = self.queue.as_mut() else {
            return VecDeque::new();
        };
        let (taken, left) = queue.waiters.drain(..).partition(which);
        queue.waiters = left;
        self.tidy();
        taken
    }

    fn tidy(&mut self) {
        if !self.has_waiters() {
            self.queue = None;
        }
    }
}
