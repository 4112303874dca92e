//! One batched call to the shared store: composed from subjects, sent, and its answer taken into account.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tidegate_clock::Clock;
use tidegate_core::shared::Reply;
use tidegate_core::tiered::{Heard, Outgoing, Urgency, View};
use tidegate_core::{Outcome, Rule, Subject, Timestamp};
use tidegate_store::{ErrorKind, StoreError, SyncRequest};
use tidegate_table::Digest;
use tokio::time::timeout;
use tracing::Instrument;

use crate::held::Held;
use crate::inner::Inner;
use crate::panics::caught;
use crate::sending::UnderWay;
use crate::subject::OwnedSubject;
use crate::wishes;

/// A subject's part of a batch.
struct Item {
    digest: Digest,
    subject: OwnedSubject,
    outgoing: Outgoing,
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

/// A batch that is ready to be sent.
pub(crate) struct Batch {
    items: Vec<Item>,
    /// Until the answer is taken into account, or the failure.
    _under_way: UnderWay,
}

impl Batch {
    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

impl<C: Clock> Inner<C> {
    /// Composes a batch from subjects that were listed.
    pub(crate) fn compose(&self, digests: &[Digest], which: Which) -> Batch {
        let under_way = self.sending.begin(digests);
        let items = digests
            .iter()
            .filter_map(|digest| self.compose_one(*digest, which));
        Batch {
            items: items.collect(),
            _under_way: under_way,
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
        let under_way = self.sending.begin(&[digest]);
        let item = self.with_known(digest, |held, _, now| {
            let is_wanted = !held.has_waiters() && held.group.is_untold();
            let outgoing = is_wanted.then(|| held.group.compose(Some((rules, 0)), now));
            (Item::new(digest, held, outgoing.flatten()), None)
        });
        if let Some(item) = item.flatten() {
            let batch = Batch {
                items: vec![item],
                _under_way: under_way,
            };
            Arc::clone(self).send(batch).await;
        }
    }

    /// Sends a batch and takes the answer into account.
    pub(crate) async fn send(self: Arc<Self>, batch: Batch) {
        self.counters.calls.fetch_add(1, Ordering::Relaxed);
        let requests: Vec<SyncRequest<'_>> = batch
            .items
            .iter()
            .map(|item| SyncRequest {
                subject: Subject::new(&item.subject),
                reports: &item.outgoing.reports,
                want: item.outgoing.want,
            })
            .collect();
        let sent = self.clock.now();
        let span = tracing::debug_span!("sync", subjects = requests.len());
        let call = caught(self.store.sync(self.node, &requests)).instrument(span);
        let answered = timeout(self.deadline, call).await;
        let received = self.clock.now();
        let failure = match answered {
            Ok(Ok(replies)) if replies.len() == requests.len() => {
                let at = replies
                    .iter()
                    .flatten()
                    .flatten()
                    .map(|reply| reply.now)
                    .max();
                if let Some(store) = at {
                    self.membership.answered(sent, store, received);
                }
                let counted = failure_of_all(&replies).is_some_and(|error| self.failed(error));
                let rest = self.rest(counted && !self.answers_others(received));
                self.hear_all(&batch.items, replies, rest);
                return;
            }
            Ok(Ok(replies)) => StoreError::new(
                ErrorKind::Internal,
                format!(
                    "the shared store answered {} of {} subjects",
                    replies.len(),
                    requests.len()
                ),
            ),
            Ok(Err(error)) => error,
            Err(_) => StoreError::new(
                ErrorKind::Timeout,
                format!("no answer within {:?}", self.deadline),
            ),
        };
        let rest = self.rest(self.failed(&failure));
        for item in &batch.items {
            self.give_up(item, rest);
        }
    }

    /// For how long what failed is not tried again, unless a request comes: not at all if the breaker counts it, which ends
    /// that soon enough. What is not counted, or counted between the answers to others, may fail as quickly without end.
    fn rest(&self, ends_soon: bool) -> Option<Duration> {
        (!ends_soon).then_some(self.timing.report)
    }

    /// Whether the store has answered a call within T.
    fn answers_others(&self, now: Timestamp) -> bool {
        let heard = self.membership.heard_at();
        heard.is_some_and(|at| now.since(at) < self.timing.report)
    }

    /// The store did not answer a call, or a probe. Says whether the breaker counts that.
    #[must_use = "what no breaker counts must not be tried again at once"]
    pub(crate) fn failed(&self, error: &StoreError) -> bool {
        let outcome = match error.kind() {
            ErrorKind::Refused => Outcome::Refused,
            // This client's own doing, or one subject's: they say nothing about the store.
            ErrorKind::Overloaded | ErrorKind::Corrupt | ErrorKind::Unsupported => return false,
            _ => Outcome::Failure,
        };
        let now = self.clock.now();
        if self
            .membership
            .failed(outcome, now, fastrand::u64(..))
            .is_some()
        {
            tracing::warn!(%error, "the shared store does not answer: outage settings decide until it does");
            self.agenda.wake();
        }
        true
    }

    /// Takes each subject's part of an answer into account. What is new of those that were not served is logged together.
    /// `rest`: for how long those are not tried again.
    fn hear_all(
        &self,
        items: &[Item],
        answers: Vec<Result<Vec<Reply>, StoreError>>,
        rest: Option<Duration>,
    ) {
        let (mut subjects, mut first) = (0_usize, None);
        for (item, answer) in items.iter().zip(answers) {
            let answer = answer.and_then(|replies| fitting(item, replies));
            match answer {
                Ok(replies) => {
                    self.unserved.ends(item.digest);
                    self.hear(item, &replies);
                }
                Err(error) => {
                    self.give_up(item, rest);
                    // What passes by itself is the store's trouble, and is logged as that.
                    let lasts = !error.kind().is_transient();
                    if lasts && self.unserved.begins(item.digest) {
                        subjects += 1;
                        first.get_or_insert(error);
                    }
                }
            }
        }
        if let Some(error) = first {
            tracing::warn!(subjects, %error, "the shared store cannot serve some subjects");
        }
    }

    fn hear(&self, item: &Item, replies: &[Reply]) {
        self.with_known(item.digest, |held, view, now| {
            let mine = held.take(|waiter| waiter.call == Some(item.outgoing.call));
            let (given, used) = wishes::distribute(&mine, replies);
            match held
                .group
                .hear(&item.outgoing, replies, used, &self.timing, now)
            {
                Some(heard) => self.learn(&heard),
                None => return ((), None),
            }
            for (waiter, given) in mine.into_iter().zip(given) {
                let decision = held
                    .group
                    .answered(&waiter.rules, replies, waiter.cost, given);
                // Nobody waits any more if this fails; it was counted once (L6).
                let _ = waiter.answer.send(decision);
            }
            let wanted = self.look_again(held, view, now);
            if !held.has_waiters() {
                held.group.forget_idle(now);
            }
            ((), wanted)
        });
    }

    /// The call failed: whoever waited for it is decided by the outage settings. `rest`: for how long it is not tried again,
    /// unless a request comes.
    fn give_up(&self, item: &Item, rest: Option<Duration>) {
        self.with_known(item.digest, |held, view, now| {
            if !held.group.give_up(item.outgoing.call, &self.timing, now) {
                return ((), None);
            }
            for waiter in held.take(|waiter| waiter.call == Some(item.outgoing.call)) {
                wishes::decide(held, waiter, view, true, now);
            }
            let wanted = self.look_again(held, view, now);
            ((), wanted.or_else(|| rest.map(|rest| now + rest)))
        });
    }

    /// Those who came while the call was under way are looked at again; who still must ask stays.
    fn look_again(&self, held: &mut Held, view: &View, now: Timestamp) -> Option<Timestamp> {
        let mut intern = self.intern_for();
        for waiter in held.take(|waiter| waiter.call.is_none()) {
            if waiter.answer.is_closed() {
                continue;
            }
            match held
                .group
                .acquire(&waiter.rules, waiter.cost, view, now, &mut intern)
            {
                Some(decision) => {
                    let _ = waiter.answer.send(decision);
                }
                None => held.queue.get_or_insert_default().waiters.push_back(waiter),
            }
        }
        held.has_waiters().then_some(now)
    }

    /// Everybody who waits for the subject is decided by the outage settings: the store is not asked any more.
    pub(crate) fn settle_without_store(&self, digest: Digest) {
        self.with_known(digest, |held, view, now| {
            held.group.visited(Urgency::Now, now);
            for waiter in held.take(|waiter| waiter.call.is_none()) {
                wishes::decide(held, waiter, view, false, now);
            }
            ((), Some(now + self.timing.report))
        });
    }

    fn learn(&self, heard: &Heard) {
        if heard.dropped > 0 {
            self.counters
                .dropped
                .fetch_add(heard.dropped, Ordering::Relaxed);
        }
        if heard.others && self.membership.noticed_others(self.clock.now()) {
            self.register_now.notify_one();
        }
        for finished in &heard.finished {
            self.recent.add(*finished, self.clock.now());
        }
    }
}

/// A subject's replies, if there is one for each policy.
fn fitting(item: &Item, replies: Vec<Reply>) -> Result<Vec<Reply>, StoreError> {
    let (got, asked) = (replies.len(), item.outgoing.reports.len());
    if got == asked {
        return Ok(replies);
    }
    let message = format!("the shared store answered for {got} policies of {asked}");
    Err(StoreError::new(ErrorKind::Internal, message))
}

/// Why no subject was answered, if that was because the store is gone: it may well fail as a whole by failing for each.
/// Anything else that is said of a subject is about that subject, or about what was asked.
fn failure_of_all(replies: &[Result<Vec<Reply>, StoreError>]) -> Option<&StoreError> {
    let errors = replies.iter().map(|reply| reply.as_ref().err());
    let errors = errors.collect::<Option<Vec<_>>>()?;
    let gone = |error: &&StoreError| {
        matches!(
            error.kind(),
            ErrorKind::Unavailable | ErrorKind::Timeout | ErrorKind::Refused
        )
    };
    errors.into_iter().find(gone)
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
