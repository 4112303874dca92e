//! Rules as scripts take them.

use std::time::Duration;

use tidegate_core::{Algorithm, Quota, Rule};

use super::writer::{double, number};

/// How much longer than needed a record is kept, so that it never expires early by the server's coarse clock.
const MARGIN: Duration = Duration::from_secs(1);

/// Whether scripts need not tell two rules apart.
pub(super) fn same(a: &Rule, b: &Rule) -> bool {
    a.quota() == b.quota() && a.is_shadow() == b.is_shadow()
}

/// Rules one by one: numbers that depend on the kind, for how many milliseconds a record is kept, and whether the rule
/// only reports.
pub(super) fn encode(rules: &[Rule], out: &mut Vec<u8>) {
    for rule in rules {
        match rule.quota().algorithm() {
            Algorithm::FixedWindow | Algorithm::SlidingWindow => windows(rule.quota(), out),
            Algorithm::TokenBucket => bucket(rule.quota(), out),
        }
        number(out, u64::from(rule.is_shadow()), 1);
    }
}

/// The window and the limit; how many steps there are and how long each is (us); how long a record counts for after
/// its expiry was set, once without and once with what nodes reported, who report the previous window too.
fn windows(quota: &Quota, out: &mut Vec<u8>) {
    double(out, micros(quota.window()));
    double(out, quota.limit());
    let steps = quota.steps().map(|steps| (steps.count(), steps.length()));
    let (count, length) = steps.unwrap_or((0, quota.window()));
    double(out, count);
    double(out, micros(length));
    let with_nodes = quota.window() * 2;
    let without = if steps.is_some() {
        with_nodes
    } else {
        quota.window()
    };
    double(out, millis(without + MARGIN));
    double(out, millis(with_nodes + MARGIN));
}

/// One unit, the burst, the time in which it flows in, the most that core lets be missing (ns); and how long a record
/// counts for: its expiry is set again when as much time has passed as can be missing.
fn bucket(quota: &Quota, out: &mut Vec<u8>) {
    let full = nanos(quota.capacity_window());
    let interval = full / quota.capacity();
    double(out, interval);
    double(out, quota.capacity());
    double(out, full);
    double(out, full + nanos(quota.window()) - interval);
    double(
        out,
        millis((quota.capacity_window() + quota.window()) * 2 + MARGIN),
    );
}

// A quota's times are at most a year, so that none of these is too large.

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
