//! The headers of a decision.

use std::time::Duration;

use tidegate_core::{Decision, Provenance, Status, Timestamp};

use crate::policy_field::{push_item, push_parameter};
use crate::text::{Line, number};
use crate::{Dialect, Dialects, Header, PolicyField, seconds};

/// What clients are told about their limits, on admitted and denied requests alike.
pub(crate) fn limits(
    headers: &mut Vec<Header>,
    dialects: Dialects,
    decision: &Decision,
    policies: &PolicyField,
) {
    if dialects.contains(Dialect::Draft11) {
        draft_11(headers, decision, policies);
    }
    if dialects.contains(Dialect::XRateLimit) {
        x_rate_limit(headers, decision);
    }
}

fn draft_11(headers: &mut Vec<Header>, decision: &Decision, policies: &PolicyField) {
    let statuses = decision.statuses();
    if statuses.is_empty() {
        // Nothing was counted. In an outage the policies still stand; a subject that they were not asked about
        // has none.
        if matches!(decision.provenance(), Provenance::Outage(_)) {
            headers.push(("ratelimit-policy".into(), policies.text()));
        }
        return;
    }
    headers.push(("ratelimit-policy".into(), policies.for_statuses(statuses)));
    let mut limit = Line::new();
    for status in statuses {
        push_item(&mut limit, status.name().as_str());
        push_parameter(&mut limit, "r", status.remaining());
        push_parameter(&mut limit, "t", effective_window(status, decision.at()));
    }
    headers.push(("ratelimit".into(), limit.into()));
}

/// `t`: the seconds within which the client can use no more than `r` (section 4.1.2): until the next unit comes
/// back to a client that uses all of `r` now. For a policy that refused, it is that policy's part in
/// `Retry-After`, which must not be earlier than `t` (section 6).
fn effective_window(status: &Status, at: Timestamp) -> u64 {
    let refused_for = status.is_violated().then(|| status.retry_after()).flatten();
    let window = refused_for.unwrap_or_else(|| {
        let quota = status.quota();
        let used_up = quota.charged(status.usage(), status.remaining(), at);
        // Every quota admits one unit some time.
        let next = quota.available_at(used_up, 1, at);
        next.unwrap_or(Timestamp::MAX).since(at)
    });
    seconds::rounded_up(window)
}

fn x_rate_limit(headers: &mut Vec<Header>, decision: &Decision) {
    // Where all policies are in shadow, one of those that only report is still better than none.
    let shown = decision
        .most_restrictive()
        .or_else(|| decision.statuses().first());
    let Some(status) = shown else { return };
    let reset = seconds::rounded_up(status.full_in());
    headers.push(("x-ratelimit-limit".into(), number(status.limit())));
    headers.push(("x-ratelimit-remaining".into(), number(status.remaining())));
    headers.push(("x-ratelimit-reset".into(), number(reset)));
}

/// `Retry-After` of a denied request, in seconds, with up to `jitter` more. `None` if no wait ever helps.
pub(crate) fn retry_after(decision: &Decision, jitter: Duration) -> Option<u64> {
    let wait = match decision.retry_after() {
        // Nobody can tell when the store is back; a second is what a client can best do with.
        None if decision.is_unavailable() => Duration::from_secs(1),
        wait => wait?,
    };
    let more = match jitter.as_secs() {
        0 => 0,
        most => fastrand::u64(0..=most),
    };
    Some(seconds::rounded_up(wait).saturating_add(more))
}
