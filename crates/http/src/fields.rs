//! The headers of a decision.

use std::time::Duration;

use tidegate_core::{Decision, Provenance, Status, Timestamp};

use crate::policy_field::push_parameter;
use crate::text::Line;
use crate::{Dialect, Dialects, Field, PolicyField, Sink, seconds};

/// What clients are told about their limits, on admitted and denied requests alike.
#[inline]
pub(crate) fn limits(
    sink: &mut impl Sink,
    dialects: Dialects,
    decision: &Decision,
    policies: &PolicyField,
) {
    if dialects.contains(Dialect::Draft11) {
        draft_11(sink, decision, policies);
    }
    if dialects.contains(Dialect::XRateLimit) {
        x_rate_limit(sink, decision);
    }
}

/// Each policy's part, of those that enforce. Clients are told of no others: a policy in shadow keeps nobody from anything,
/// and whoever held to what it says would do with less than they may have.
fn told(decision: &Decision) -> impl Iterator<Item = &Status> {
    let statuses = decision.statuses().iter();
    statuses.filter(|status| !status.is_shadow())
}

fn draft_11(sink: &mut impl Sink, decision: &Decision, policies: &PolicyField) {
    if told(decision).next().is_none() {
        // Nothing was counted. In an outage the policies still stand; a subject that they were not asked about
        // has none.
        if matches!(decision.provenance(), Provenance::Outage(_)) && !policies.is_empty() {
            sink.policies(policies.text());
        }
    } else if policies.is_of(told(decision)) {
        sink.policies(policies.text());
        what_is_left(sink, decision, policies);
    } else {
        let own = told(decision).map(|status| (status.name().as_str(), status.quota()));
        let own = PolicyField::once(own);
        sink.written(Field::RateLimitPolicy, own.as_str().as_bytes());
        what_is_left(sink, decision, &own);
    }
}

fn what_is_left(sink: &mut impl Sink, decision: &Decision, policies: &PolicyField) {
    let mut line = Line::new();
    for (start, status) in policies.starts().zip(told(decision)) {
        let remaining = status.remaining();
        line.push(start);
        push_parameter(&mut line, ";r=", remaining);
        let window = effective_window(status, remaining, decision.at());
        push_parameter(&mut line, ";t=", window);
    }
    sink.written(Field::RateLimit, line.as_bytes());
}

/// `t`: the seconds within which the client can use no more than `r` (section 4.1.2): until the next unit comes
/// back to a client that uses all of `r` now. `Retry-After` is never earlier than that of a policy that refused, as section 6
/// has it: what was refused costs more than its `r`.
fn effective_window(status: &Status, remaining: u64, at: Timestamp) -> u64 {
    let quota = status.quota();
    let used_up = quota.charged(status.usage(), remaining, at);
    // Every quota admits one unit some time.
    let next = quota.available_at(used_up, 1, at);
    seconds::rounded_up(next.unwrap_or(Timestamp::MAX).since(at))
}

fn x_rate_limit(sink: &mut impl Sink, decision: &Decision) {
    let Some(status) = decision.most_restrictive() else {
        return;
    };
    let reset = seconds::rounded_up(status.full_in());
    number(sink, Field::XRateLimitLimit, status.limit());
    number(sink, Field::XRateLimitRemaining, status.remaining());
    number(sink, Field::XRateLimitReset, reset);
}

/// A header that is a number.
pub(crate) fn number(sink: &mut impl Sink, field: Field, number: u64) {
    sink.written(field, itoa::Buffer::new().format(number).as_bytes());
}

/// `Retry-After` of a denied request that is told to wait so long, in seconds, with up to `jitter` more. `None` if no wait
/// ever helps.
pub(crate) fn retry_after(
    decision: &Decision,
    wait: Option<Duration>,
    jitter: Duration,
) -> Option<u64> {
    let wait = match wait {
        // Nobody can tell when the store is back; a second is what a client can best do with.
        None if decision.is_unavailable() => Duration::from_secs(1),
        wait => wait?,
    };
    let more = match jitter {
        Duration::ZERO => 0,
        most => fastrand::u64(0..=seconds::rounded_up(most)),
    };
    Some(seconds::rounded_up(wait).saturating_add(more))
}
