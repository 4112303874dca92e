//! Requests that wait for the store: what they want goes into a call, and what comes of it is given out in their order.

use tidegate_core::shared::Reply;
use tidegate_core::tiered::{Outgoing, View};
use tidegate_core::{MAX_COUNT, Timestamp};

use crate::held::{Held, Waiter};

/// Composes a call for those who wait under the same policies as the first of them.
pub(crate) fn compose(held: &mut Held, now: Timestamp) -> Option<Outgoing> {
    let queue = held.queue.as_mut()?;
    let rules = queue.waiters.front()?.rules.clone();
    let wanted = |waiter: &&mut Waiter| waiter.is_under(&rules) && !waiter.answer.is_closed();
    let want = queue
        .waiters
        .iter_mut()
        .filter(wanted)
        // No more than can be counted. No limit is larger, so that the rest could not be granted either.
        .fold(0, |sum: u64, waiter| sum.saturating_add(waiter.cost))
        .min(MAX_COUNT);
    let outgoing = held.group.compose(Some((&rules, want)), now)?;
    for waiter in queue.waiters.iter_mut().filter(wanted) {
        waiter.call = Some(outgoing.call);
    }
    Some(outgoing)
}

/// Gives what was granted to those who wait, in order; says how much of it was used.
pub(crate) fn distribute<'a>(
    waiters: impl IntoIterator<Item = &'a Waiter>,
    replies: &[Reply],
) -> (Vec<bool>, u64) {
    let got = replies.iter().map(|reply| reply.got).min().unwrap_or(0);
    let mut left = got;
    let given = waiters.into_iter().map(|waiter| {
        let fits = waiter.cost <= left && !waiter.answer.is_closed();
        left -= if fits { waiter.cost } else { 0 };
        fits
    });
    let given = given.collect();
    (given, got - left)
}

/// Decides by the outage settings: the store did not answer (`unanswered`), or is not asked.
pub(crate) fn decide(
    held: &mut Held,
    waiter: Waiter,
    view: &View,
    unanswered: bool,
    now: Timestamp,
) {
    if waiter.answer.is_closed() {
        return;
    }
    let decision =
        held.group
            .decide_without_store(&waiter.rules, waiter.cost, view, unanswered, now);
    let _ = waiter.answer.send(decision);
}
