//! One batched call to the shared store: sent, and its answer taken into account.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tidegate_clock::Clock;
use tidegate_core::shared::Reply;
use tidegate_core::tiered::{Heard, View};
use tidegate_core::{Outcome, Subject, Timestamp};
use tidegate_store::{ErrorKind, Extent, StoreError, SyncRequest};
use tokio::time::timeout;
use tracing::Instrument;

use crate::batch::{Batch, Item};
use crate::held::Held;
use crate::inner::Inner;
use crate::panics::caught;
use crate::wishes;

impl<C: Clock> Inner<C> {
    /// Sends a batch and takes the answer into account. If this is dropped before, so is the batch, and its calls are given up.
    pub(crate) async fn send(&self, mut batch: Batch<C>) {
        self.counters.calls.fetch_add(1, Ordering::Relaxed);
        let sent = self.clock.now();
        let answer = self.ask(batch.items()).await;
        let received = self.clock.now();
        match answer {
            Ok(replies) => {
                let at = replies.iter().flatten().flatten();
                if let Some(store) = at.map(|reply| reply.now).max() {
                    self.membership.answered(sent, store, received);
                }
                let counted = failure_of_all(&replies).is_some_and(|error| self.failed(error));
                let rest = self.rest(counted && !self.answers_others(received));
                self.hear_all(batch, replies, rest);
            }
            Err(failure) => {
                let rest = self.rest(self.failed(&failure));
                let part = failure.extent() == Extent::Part;
                let end = |item: &Item| {
                    if part {
                        self.cut_off(item);
                    } else {
                        self.give_up(item, rest);
                    }
                };
                while batch.end_first(end).is_some() {}
            }
        }
    }

    /// The store's answer for each of the items.
    async fn ask(
        &self,
        items: &VecDeque<Item>,
    ) -> Result<Vec<Result<Vec<Reply>, StoreError>>, StoreError> {
        let requests = items.iter().map(|item| SyncRequest {
            subject: Subject::new(&item.subject),
            reports: &item.outgoing.reports,
            want: item.outgoing.want,
        });
        let requests: Vec<SyncRequest<'_>> = requests.collect();
        let span = tracing::debug_span!("sync", subjects = requests.len());
        let call = caught(|| self.store.sync(self.node, &requests)).instrument(span);
        let Ok(answer) = timeout(self.patience, call).await else {
            return Err(self.late());
        };
        let replies = answer?;
        let (got, asked) = (replies.len(), requests.len());
        if got == asked {
            return Ok(replies);
        }
        let message = format!("the shared store answered {got} of {asked} subjects");
        Err(StoreError::new(ErrorKind::Internal, message))
    }

    /// For how long what failed is not tried again, unless a request comes: not at all if the breaker counts it, which ends
    /// that soon enough. What is not counted, or counted between the answers to others, may fail as quickly without end.
    fn rest(&self, ends_soon: bool) -> Option<Duration> {
        (!ends_soon).then_some(self.timing.report)
    }

    /// Whether the store has answered a call lately: it is asked about once a second at least, when the node registers.
    fn answers_others(&self, now: Timestamp) -> bool {
        let heard = self.membership.heard_at();
        heard.is_some_and(|at| now.since(at) < self.timing.refresh * 2)
    }

    /// The store did not answer a call, or a probe. Says whether the breaker counts that.
    #[must_use = "what no breaker counts must not be tried again at once"]
    pub(crate) fn failed(&self, error: &StoreError) -> bool {
        if error.extent() == Extent::Part {
            self.lacks_part(error);
            return false;
        }
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

    /// A part of the store is lost, and says nothing about the rest.
    fn lacks_part(&self, error: &StoreError) {
        if self.membership.part_failed(self.clock.now()) {
            tracing::warn!(%error, "a part of the shared store does not answer: outage settings decide about what is kept there");
        }
    }

    /// Takes each subject's part of an answer into account. What is new of those that were not served is logged together.
    /// `rest`: for how long those are not tried again.
    fn hear_all(
        &self,
        mut batch: Batch<C>,
        answers: Vec<Result<Vec<Reply>, StoreError>>,
        rest: Option<Duration>,
    ) {
        let (mut subjects, mut first) = (0_usize, None);
        for answer in answers {
            let unserved = batch.end_first(|item| self.hear_one(item, answer, rest));
            if let Some(error) = unserved.flatten() {
                subjects += 1;
                first.get_or_insert(error);
            }
        }
        if let Some(error) = first {
            tracing::warn!(subjects, %error, "the shared store cannot serve some subjects");
        }
    }

    /// Takes a subject's part into account. Returns why it was not served, if that is new.
    fn hear_one(
        &self,
        item: &Item,
        answer: Result<Vec<Reply>, StoreError>,
        rest: Option<Duration>,
    ) -> Option<StoreError> {
        match answer.and_then(|replies| fitting(item, replies)) {
            Ok(replies) => {
                self.unserved.ends(item.digest);
                self.hear(item, &replies);
                None
            }
            Err(error) if error.extent() == Extent::Part => {
                self.lacks_part(&error);
                self.cut_off(item);
                None
            }
            Err(error) => {
                self.give_up(item, rest);
                // What passes by itself is the store's trouble, and is logged as that.
                let lasts = !error.kind().is_transient();
                (lasts && self.unserved.begins(item.digest)).then_some(error)
            }
        }
    }

    fn hear(&self, item: &Item, replies: &[Reply]) {
        self.with_known(item.digest, |held, view, now| {
            let mine = held.take(|waiter| waiter.call == Some(item.outgoing.call));
            let (given, used) = wishes::distribute(&mine, replies);
            if held.group.is_cut_off() && self.membership.part_answered() {
                tracing::info!("a part of the shared store that was lost answers again");
            }
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
    pub(crate) fn give_up(&self, item: &Item, rest: Option<Duration>) {
        self.with_known(item.digest, |held, view, now| {
            if !held.group.give_up(item.outgoing.call, &self.timing, now) {
                return ((), None);
            }
            let wanted = self.decide_without(held, item, view, now);
            ((), wanted.or_else(|| rest.map(|rest| now + rest)))
        });
    }

    /// The call failed because the subject is in a part of the store that is lost.
    fn cut_off(&self, item: &Item) {
        self.with_known(item.digest, |held, _, now| {
            let cut_off = held.group.cut_off(item.outgoing.call, &self.timing, now);
            let Some(dropped) = cut_off else {
                return ((), None);
            };
            self.counters.dropped.fetch_add(dropped, Ordering::Relaxed);
            // To whoever waits the store is out from now on.
            let view = self.membership.view_of(&held.group, now);
            ((), self.decide_without(held, item, &view, now))
        });
    }

    /// Whoever waited for the call is decided by the outage settings.
    fn decide_without(
        &self,
        held: &mut Held,
        item: &Item,
        view: &View,
        now: Timestamp,
    ) -> Option<Timestamp> {
        for waiter in held.take(|waiter| waiter.call == Some(item.outgoing.call)) {
            wishes::decide(held, waiter, view, true, now);
        }
        self.look_again(held, view, now)
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
