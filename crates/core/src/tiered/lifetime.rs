//! How long windows are, in a byte.

/// Nanoseconds, a quarter too many at the most: a power of two, and the two bits that follow its leading one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lifetime(u8);

impl Lifetime {
    const FRACTION_BITS: u32 = 2;
    const ONE: u64 = 1 << Self::FRACTION_BITS;

    /// At least that long.
    pub(super) fn at_least(nanos: u64) -> Self {
        let nanos = nanos.max(Self::ONE);
        let shift = nanos.ilog2() - Self::FRACTION_BITS;
        // Without the leading one. Rounding up may carry into the power, as it should.
        let fraction = nanos.div_ceil(1 << shift) - Self::ONE;
        let power = u64::from(shift) << Self::FRACTION_BITS;
        // At most 61 for the power, and a carry: 8 bits.
        Self(u8::try_from(power + fraction).unwrap_or(u8::MAX))
    }

    pub(super) const fn as_nanos(self) -> u64 {
        let number = self.0 as u64;
        let (power, fraction) = (number >> Self::FRACTION_BITS, number & (Self::ONE - 1));
        // Nothing that long is asked for: a window has 2^55 nanoseconds at the most.
        if power > 61 {
            return u64::MAX;
        }
        (Self::ONE | fraction) << power
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_never_short_and_hardly_long(nanos in any::<u64>(), shift in 0_u32..64) {
            let nanos = nanos >> shift;
            let lifetime = Lifetime::at_least(nanos).as_nanos();
            prop_assert!(lifetime >= nanos, "{lifetime}");
            let most = nanos.max(Lifetime::ONE).saturating_add(nanos / 4);
            // Beyond the longest that has a form there is only forever.
            prop_assert!(lifetime <= most || nanos > LONGEST, "{lifetime}");
        }
    }

    /// Seven times 2^61.
    const LONGEST: u64 = 7 << 61;

    #[test]
    fn what_has_a_form_is_exact() {
        for nanos in [4, 5, 7, 8, 10, 1 << 55, 7 << 53, 4 << 61, LONGEST] {
            assert_eq!(Lifetime::at_least(nanos).as_nanos(), nanos);
        }
        assert_eq!(Lifetime::at_least(0).as_nanos(), Lifetime::ONE);
        assert_eq!(Lifetime::at_least(LONGEST + 1).as_nanos(), u64::MAX);
    }
}
