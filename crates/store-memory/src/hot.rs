//! Subjects that are asked for all the time: their counts are lifted out of the table's locks.
//!
//! While a window's count is lifted, window and previous count stand still, so that a decision needs to look at one
//! number, and an admitted request to replace it. Everything else (a window that ends, several policies, refunds)
//! locks the subject, which ends that.

use tidegate_clock::Clock;
use tidegate_core::{Algorithm, Decision, Rule, Timestamp, Usage, charge};
use tidegate_table::{Digest, Locked, Lowered};

use crate::MemoryStore;
use crate::record::Record;

/// How many times in a row a counter must be wanted, among those that share its lock, to be lifted; a multiple of it
/// if another one is already.
const LIFT_AFTER: u32 = 32;
const DISPLACE_AFTER: u32 = 32 * LIFT_AFTER;

impl<C: Clock> MemoryStore<C> {
    /// Puts the decision under one policy into `slot`, if the subject's counter is lifted, and that decides it.
    #[inline(always)]
    pub(crate) fn decide_lifted(
        &self,
        digest: Digest,
        rule: &Rule,
        cost: u64,
        slot: &mut Option<Decision>,
    ) -> bool {
        let now = self.clock.now();
        let charged = |[at, previous]: [u64; 2], count| {
            let start = Timestamp::from_nanos(at);
            let mut usage = Usage::window(start, count, previous);
            let violated = charge(rule, &mut usage, cost, now);
            // Otherwise the window is over.
            let same = usage.at() == start && usage.previous() == previous;
            same.then_some((usage.current(), (usage, violated)))
        };
        let Some((usage, violated)) = self.table.with_lifted(digest, rule.id(), charged) else {
            return false;
        };
        *slot = Some(Decision::under(rule, usage, cost, now, violated));
        true
    }
}

/// Lifts the subject's counter, of which `usage` is what was written, if it is wanted more than others that share its
/// lock.
#[inline(always)]
pub(crate) fn lift_if_hot(
    subject: &mut Locked<'_, Record>,
    rule: &Rule,
    usage: Usage,
    streak: u32,
) {
    if streak % LIFT_AFTER == LIFT_AFTER - 1 {
        lift(subject, rule, usage, streak);
    }
}

#[cold]
fn lift(subject: &mut Locked<'_, Record>, rule: &Rule, usage: Usage, streak: u32) {
    // A bucket has no count. And a counter that shows nothing could be taken for an idle one while it is lifted.
    if rule.quota().algorithm() == Algorithm::TokenBucket || usage.current() == 0 {
        return;
    }
    if subject.has_lifted() {
        if streak < DISPLACE_AFTER {
            return;
        }
        lower(subject);
    }
    let fixed = [usage.at().as_nanos(), usage.previous()];
    subject.lift(rule.id(), fixed, usage.current());
}

/// Lowers what is lifted, if it is a counter of this subject under one of these policies: the table must show it.
#[inline]
pub(crate) fn lower_any(subject: &mut Locked<'_, Record>, rules: &[Rule]) {
    if subject.has_lifted() && rules.iter().any(|rule| subject.is_lifted(rule.id())) {
        lower(subject);
    }
}

#[cold]
fn lower(subject: &mut Locked<'_, Record>) {
    let Some(Lowered {
        place: Some(place),
        fixed: [at, previous],
        count,
    }) = subject.lower()
    else {
        return;
    };
    let at = Timestamp::from_nanos(at);
    // Should it have been dropped as idle, and made anew, it is another.
    if let Some(record) = subject.value_mut(place)
        && record.usage().at() == at
    {
        record.set(Usage::window(at, count, previous));
    }
}
