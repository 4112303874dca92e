//! A batch for the shared store: composed from subjects, and given up if nobody takes its answer into account.

use std::collections::VecDeque;
use std::sync::Arc;

use tidegate_clock::Clock;
use tidegate_core::tiered::{Outgoing, Urgency, View};
use tidegate_core::{Rule, Timestamp};
use tidegate_table::Digest;

use crate::hand::InHand;
use crate::held::Held;
use crate::inner::Inner;
use crate::sending::UnderWay;
use crate::subject::OwnedSubject;
use crate::wishes;

/// A subject's part of a batch.
pub(crate) struct Item {
    pub(crate) digest: Digest,
    pub(crate) subject: OwnedSubject,
    pub(crate) outgoing: Outgoing,
}

impl Item {
    fn new(digest: Digest, held: &Held, outgoing: Option<Outgoing>) -> Option<Self> {
        outgoing.map(|outgoing| Self {
            digest,
            subject: held.subject.clone(),
            outgoing,
        })
    }
}

/// Which subjects are put into a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// Those for which requests wait, or that are due; they were listed to be visited so soon.
    Due(Urgency),
    /// All of which the store lacks anything.
    Untold,
    /// The same, and they stay on the lists where they are.
    UntoldNow,
}

impl Which {
    /// On which lists they no longer are.
    fn urgencies(&self) -> &[Urgency] {
        match self {
            Self::Due(urgency) => std::slice::from_ref(urgency),
            Self::Untold => &Urgency::ALL,
            Self::UntoldNow => &[],
        }
    }
}

/// A batch that is ready to be sent. If it is dropped with items in it, because the task that sent it has ended, their calls
/// are given up: they would be under way for ever.
pub(crate) struct Batch<C: Clock> {
    inner: Arc<Inner<C>>,
    items: VecDeque<Item>,
    /// Until the answer is taken into account, or the failure.
    _under_way: UnderWay,
}

impl<C: Clock> Batch<C> {
    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(crate) fn items(&self) -> &VecDeque<Item> {
        &self.items
    }

    /// Takes into account what has become of the first call; it is not given up any more then.
    pub(crate) fn end_first<T>(&mut self, work: impl FnOnce(&Item) -> T) -> Option<T> {
        let result = work(self.items.front()?);
        self.items.pop_front();
        Some(result)
    }
}

impl<C: Clock> Drop for Batch<C> {
    fn drop(&mut self) {
        for item in &self.items {
            self.inner.give_up(item, Some(self.inner.timing.report));
        }
    }
}

impl<C: Clock> Inner<C> {
    /// Composes a batch from subjects that are due, at most so many.
    pub(crate) fn compose_due(self: &Arc<Self>, due: &mut InHand<'_>, most: usize) -> Batch<C> {
        let next = due.next(most);
        let mut batch = self.begin(&next);
        for digest in next {
            let item = self.compose_one(digest, Which::Due(due.urgency));
            due.visited();
            batch.items.extend(item);
        }
        batch
    }

    /// Composes a batch from subjects that were listed, or may be.
    pub(crate) fn compose(self: &Arc<Self>, digests: &[Digest], which: Which) -> Batch<C> {
        let mut batch = self.begin(digests);
        for digest in digests {
            batch.items.extend(self.compose_one(*digest, which));
        }
        batch
    }

    /// An empty batch, for these subjects.
    fn begin(self: &Arc<Self>, digests: &[Digest]) -> Batch<C> {
        Batch {
            inner: Arc::clone(self),
            items: VecDeque::new(),
            _under_way: self.sending.begin(digests),
        }
    }

    fn compose_one(&self, digest: Digest, which: Which) -> Option<Item> {
        self.with_known(digest, |held, view, now| {
            for urgency in which.urgencies() {
                held.group.visited(*urgency, now);
            }
            let outgoing = if held.has_waiters() {
                wishes::compose(held, now)
            } else if is_wanted(held, view, which, now, self) {
                held.group.forget_idle(now);
                held.group.compose_part(self.most_policies, now)
            } else {
                None
            };
            (Item::new(digest, held, outgoing), None)
        })
        .flatten()
    }

    /// Tells the store at once what it lacks of a subject under these policies, unless a call for it is under way, or the
    /// store is not to be asked.
    pub(crate) async fn tell(self: &Arc<Self>, digest: Digest, rules: &[Rule]) {
        if !self.membership.is_open_for_calls() {
            return;
        }
        let mut batch = self.begin(&[digest]);
        let item = self.with_known(digest, |held, _, now| {
            let is_wanted = !held.has_waiters() && held.group.is_untold();
            let outgoing = is_wanted.then(|| held.group.compose(Some((rules, 0)), now));
            (Item::new(digest, held, outgoing.flatten()), None)
        });
        batch.items.extend(item.flatten());
        if !batch.is_empty() {
            self.send(batch).await;
        }
    }
}

fn is_wanted<C: Clock>(
    held: &Held,
    view: &View,
    which: Which,
    now: Timestamp,
    inner: &Inner<C>,
) -> bool {
    match which {
        Which::Untold | Which::UntoldNow => held.group.is_untold(),
        Which::Due(_) => held
            .group
            .due(view, &inner.timing)
            .is_some_and(|due| due <= now),
    }
}
