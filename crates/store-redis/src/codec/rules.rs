//! Rules as scripts take them.

use std::time::Duration;

use tidegate_core::{Algorithm, Quota, Rule};

use super::writer::{double, number};

/// How much longer than needed a record is kept, so that it never expires early by the server's coarse clock.
const MARGIN: Duration = Duration::from_secs(1);

/// The sets of rules in a batch. Most requests of a process are made under the same few.
pub(super) struct RuleSets<'a> {
    sets: Vec<&'a [Rule]>,
}

impl<'a> RuleSets<'a> {
    /// As many as one byte can number, less the one that stands for "the same again".
    const MOST: usize = 255;

    pub(super) const fn new() -> Self {
        Self { sets: Vec::new() }
    }

    /// The number of a set, from 1; `None` if there is no room for another one.
    pub(super) fn number(&mut self, rules: &'a [Rule]) -> Option<u8> {
        let known = self.sets.iter().position(|set| same(set, rules));
        let index = match known {
            Some(index) => index,
            None if self.sets.len() < Self::MOST => {
                self.sets.push(rules);
                self.sets.len() - 1
            }
            None => return None,
        };
        u8::try_from(index + 1).ok()
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        number(out, self.sets.len() as u64, 1);
        for set in &self.sets {
            number(out, set.len() as u64, 1);
            for rule in *set {
                encode(rule, out);
            }
        }
    }
}

fn same(a: &[Rule], b: &[Rule]) -> bool {
    let same = |(a, b): (&Rule, &Rule)| a.quota() == b.quota() && a.is_shadow() == b.is_shadow();
    a.len() == b.len() && a.iter().zip(b).all(same)
}

/// One rule: its kind, whether it only reports, four numbers that depend on the kind, and for how many milliseconds a
/// record under it is kept.
pub(super) fn encode(rule: &Rule, out: &mut Vec<u8>) {
    let quota = rule.quota();
    // A quota's times are at most a year.
    let micros = |duration: Duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
    let nanos = |duration: Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    let (kind, numbers) = match quota.algorithm() {
        Algorithm::FixedWindow => (0, [micros(quota.window()), quota.limit(), 0, 0]),
        Algorithm::SlidingWindow => {
            let (count, length) = quota
                .steps()
                .map_or((1, quota.window()), |s| (s.count(), s.length()));
            (
                1,
                [micros(quota.window()), quota.limit(), count, micros(length)],
            )
        }
        Algorithm::TokenBucket => {
            let refill = nanos(quota.capacity_window());
            let interval = refill / quota.capacity();
            // What core lets be missing from a bucket at most: all of it, and almost a window's flow.
            let most = refill + nanos(quota.window()) - interval;
            (2, [interval, quota.capacity(), refill, most])
        }
    };
    number(out, kind, 1);
    number(out, u64::from(rule.is_shadow()), 1);
    for value in numbers {
        double(out, value);
    }
    double(
        out,
        u64::try_from(keep(quota).as_millis()).unwrap_or(u64::MAX),
    );
}

/// How long a record counts for after its expiry was set: a fixed window for the rest of it, a sliding one for one
/// more, a bucket (whose expiry is set again when as much time has passed as can be missing) for twice that.
fn keep(quota: &Quota) -> Duration {
    let counts = match quota.algorithm() {
        Algorithm::FixedWindow => quota.window(),
        Algorithm::SlidingWindow => quota.window() * 2,
        Algorithm::TokenBucket => (quota.capacity_window() + quota.window()) * 2,
    };
    counts + MARGIN
}
