//! A policy as a store sees it: its name and identity, its quota, and what to do without a store.

use core::time::Duration;

use crate::{Outage, PolicyId, PolicyName, Quota, Tolerance};

/// A policy as a store sees it.
///
/// ```
/// use tidegate_core::{Outage, PolicyName, Quota, Rule, Tolerance};
///
/// let rule = Rule::new(PolicyName::new("per-client")?, Quota::per_minute(100)?);
/// assert_eq!(rule.outage(), Outage::SHARE);
/// assert_eq!(rule.with_tolerance(Tolerance::EXACT).outage(), Outage::CLOSED);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    name: PolicyName,
    id: PolicyId,
    quota: Quota,
    tolerance: Tolerance,
    outage: Option<Outage>,
    shadow: bool,
    /// Of all of them but the name.
    fingerprint: u64,
}

impl Rule {
    /// A policy with the default tolerance, and the outage setting that follows from it.
    pub fn new(name: PolicyName, quota: Quota) -> Self {
        let id = PolicyId::new(name, &quota);
        Self {
            name,
            id,
            quota,
            tolerance: Tolerance::default(),
            outage: None,
            shadow: false,
            fingerprint: 0,
        }
        .sealed()
    }

    /// How far past the limit all nodes together may go while the store answers.
    #[must_use]
    pub const fn with_tolerance(self, tolerance: Tolerance) -> Self {
        Self { tolerance, ..self }.sealed()
    }

    /// What to do while the store cannot be reached.
    #[must_use]
    pub const fn with_outage(self, outage: Outage) -> Self {
        Self {
            outage: Some(outage),
            ..self
        }
        .sealed()
    }

    /// Decide and report, but deny nothing.
    #[must_use]
    pub const fn with_shadow(self, shadow: bool) -> Self {
        Self { shadow, ..self }.sealed()
    }

    /// The same policy, and so the same counters, with another quota: another limit for this subject.
    ///
    /// Window and algorithm are part of a policy's identity; a quota that differs in them counts apart.
    #[must_use]
    pub fn with_quota(self, quota: Quota) -> Self {
        Self {
            id: PolicyId::new(self.name, &quota),
            quota,
            ..self
        }
        .sealed()
    }

    /// Whether it is equal to the other, told by what names it and not by its name.
    #[inline]
    pub(crate) const fn is_same(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint
    }

    /// The same policy with one node's part of its quota.
    pub(crate) const fn with_part(self, quota: Quota) -> Self {
        Self { quota, ..self }.sealed()
    }

    /// The policy's name.
    pub const fn name(&self) -> PolicyName {
        self.name
    }

    /// What identifies its counters.
    pub const fn id(&self) -> PolicyId {
        self.id
    }

    /// How much is allowed.
    pub const fn quota(&self) -> &Quota {
        &self.quota
    }

    /// How far past the limit all nodes together may go.
    pub const fn tolerance(&self) -> Tolerance {
        self.tolerance
    }

    /// Whether an outage setting was chosen, rather than left to the default.
    pub const fn has_outage(&self) -> bool {
        self.outage.is_some()
    }

    /// What to do while the store cannot be reached: what was chosen, else closed if exact (a limit that must
    /// never be exceeded must not quietly become loose), else the node's share.
    pub const fn outage(&self) -> Outage {
        match self.outage {
            Some(outage) => outage,
            None if self.tolerance.is_exact() => Outage::CLOSED,
            None => Outage::SHARE,
        }
    }

    /// Whether it only reports.
    pub const fn is_shadow(&self) -> bool {
        self.shadow
    }

    /// With the fingerprint of what it is now.
    const fn sealed(self) -> Self {
        let (outage, lasting) = match self.outage {
            None => (0, Duration::ZERO),
            Some(Outage::Always(fallback)) => (1 + fallback as u64, Duration::ZERO),
            Some(Outage::Grace(grace)) => {
                let (first, then) = (grace.first as u64, grace.then as u64);
                (0x100 + 0x10 * first + then, grace.lasting)
            }
        };
        let words = [
            self.id.as_u64(),
            self.quota.limit(),
            self.quota.window_nanos(),
            self.quota.algorithm() as u64,
            self.quota.capacity().wrapping_sub(self.quota.limit()),
            self.tolerance.millionths() as u64,
            outage,
            lasting.as_secs(),
            lasting.subsec_nanos() as u64,
            self.shadow as u64,
        ];
        Self {
            fingerprint: fingerprint(words),
            ..self
        }
    }
}

/// Rules are compared for each request, and by one word that is quick. Those that differ in one word only, as a policy's limits
/// for two subjects do, never have the same: each step is one to one, in the word as in what was there before. Others do by
/// chance, one in 2^64, as policies' digests do.
const fn fingerprint<const N: usize>(words: [u64; N]) -> u64 {
    // 2^64 by the golden ratio, odd.
    const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
    let (mut hash, mut at) = (0_u64, 0);
    while at < N {
        let product = (hash ^ words[at]).wrapping_mul(SPREAD);
        hash = product ^ product >> 32;
        at += 1;
    }
    hash
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;
    use crate::{Algorithm, Fallback, Grace};

    fn rules() -> impl Strategy<Value = Rule> {
        let names = ["p", "q"].map(|name| PolicyName::new(name).unwrap());
        let algorithms = [
            Algorithm::FixedWindow,
            Algorithm::SlidingWindow,
            Algorithm::TokenBucket,
        ];
        let quotas = (1_u64..3, 1_u64..3, select(Vec::from(algorithms)));
        let quotas = (quotas, 1_u64..3).prop_map(|((limit, secs, algorithm), burst)| {
            let quota = Quota::new(limit, Duration::from_secs(secs)).unwrap();
            let quota = quota.with_algorithm(algorithm).unwrap();
            match algorithm {
                Algorithm::TokenBucket => quota.with_burst(burst).unwrap(),
                _ => quota,
            }
        });
        let tolerances =
            (0_u32..3).prop_map(|part| Tolerance::from_fraction(f64::from(part) / 1e6).unwrap());
        let settings = (tolerances, proptest::option::of(outages()), any::<bool>());
        (select(Vec::from(names)), quotas, settings).prop_map(
            |(name, quota, (tolerance, outage, shadow))| {
                let rule = Rule::new(name, quota).with_tolerance(tolerance);
                let rule = rule.with_shadow(shadow);
                outage.map_or(rule, |outage| rule.with_outage(outage))
            },
        )
    }

    fn outages() -> impl Strategy<Value = Outage> {
        use Fallback::{Closed, Full, Open, Share};
        let fallbacks = || select(Vec::from([Share, Full, Open, Closed]));
        let durations = (0_u64..2, 0_u32..2).prop_map(|(secs, nanos)| Duration::new(secs, nanos));
        let graces = (durations, fallbacks(), fallbacks());
        prop_oneof![
            fallbacks().prop_map(Outage::Always),
            graces.prop_map(|(lasting, first, then)| {
                Outage::Grace(Grace {
                    lasting,
                    first,
                    then,
                })
            }),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn two_are_the_same_if_they_are_equal(one in rules(), other in rules()) {
            prop_assert_eq!(one.is_same(&other), one == other);
            prop_assert!(one.is_same(&one.clone()));
        }

        /// Whatever a rule was before does not matter, nor in which order it became what it is.
        #[test]
        fn it_is_as_if_it_had_been_made_so(one in rules(), other in rules()) {
            let changed = one.with_shadow(other.is_shadow()).with_quota(*other.quota());
            let changed = changed.with_tolerance(other.tolerance());
            let expected = Rule { outage: one.outage, name: one.name, ..other }.with_quota(other.quota);
            prop_assert_eq!(changed, expected);
            prop_assert!(changed.is_same(&expected));
            let part = one.with_part(*other.quota());
            prop_assert_eq!(part.is_same(&one), one.quota == other.quota);
        }
    }

    /// Each of what makes a rule, alone.
    #[test]
    fn two_that_differ_in_anything_are_not_the_same() {
        let quota = |limit, secs| Quota::new(limit, Duration::from_secs(secs)).unwrap();
        let [p, q] = ["p", "q"].map(|name| PolicyName::new(name).unwrap());
        let bucket = quota(10, 1).with_algorithm(Algorithm::TokenBucket).unwrap();
        let grace = |first, then, secs, nanos| {
            let lasting = Duration::new(secs, nanos);
            Outage::Grace(Grace {
                lasting,
                first,
                then,
            })
        };
        let tolerance = |fraction| Tolerance::from_fraction(fraction).unwrap();
        let rule = Rule::new(p, quota(10, 1));
        let rule_of_bucket = rule.with_quota(bucket);
        let all = [
            rule,
            Rule::new(q, quota(10, 1)),
            rule.with_quota(quota(11, 1)),
            rule.with_quota(quota(10, 2)),
            rule.with_quota(quota(10, 1).with_algorithm(Algorithm::FixedWindow).unwrap()),
            rule_of_bucket,
            rule_of_bucket.with_quota(bucket.with_burst(11).unwrap()),
            rule_of_bucket.with_part(bucket.with_burst(12).unwrap()),
            rule.with_part(quota(11, 2)),
            rule.with_part(bucket),
            rule.with_tolerance(Tolerance::EXACT),
            rule.with_tolerance(tolerance(0.5)),
            rule.with_shadow(true),
            rule.with_outage(Outage::SHARE),
            rule.with_outage(Outage::CLOSED),
            rule.with_outage(grace(Fallback::Share, Fallback::Full, 1, 0)),
            rule.with_outage(grace(Fallback::Full, Fallback::Share, 1, 0)),
            rule.with_outage(grace(Fallback::Share, Fallback::Share, 1, 0)),
            rule.with_outage(grace(Fallback::Share, Fallback::Share, 1, 1)),
            rule.with_outage(grace(Fallback::Share, Fallback::Share, 2, 0)),
        ];
        for (at, one) in all.iter().enumerate() {
            for (other_at, other) in all.iter().enumerate() {
                assert_eq!(one.is_same(other), at == other_at, "{one:?}, {other:?}");
            }
        }
    }
}
