//! How fast a subject is asked for, and how early its reports begin for that (R3).

/// About how much is asked for while a call is under way: a power of two, by its exponent plus one; 0 for nothing. The highest
/// bit says whether a request has to wait for the call under way, although that only reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pace(u8);

impl Pace {
    const WAITED: u8 = 1 << 7;

    /// At how much that is unsent a report is started.
    ///
    /// Every call should tell as much as it can (R3), so it is the whole slack where next to nothing comes before the answer.
    /// The faster requests come, the earlier it is, so that hardly one need wait: at half of the slack at the earliest. And where
    /// more comes meanwhile than the slack allows, so that requests wait whenever it starts, it is left to the first that has
    /// to: its call tells the whole slack, and asks for all who wait besides.
    #[inline]
    pub(super) fn early_at(self, slack: u64) -> u64 {
        let meanwhile = match self.exponent() {
            0 => 0,
            exponent => 1_u64 << (exponent - 1),
        };
        if meanwhile > slack {
            return slack.saturating_add(1);
        }
        let late = slack.saturating_sub(meanwhile.saturating_sub(1));
        late.max(slack.div_ceil(2)).max(1)
    }

    /// A call begins: nobody has had to wait for its end yet.
    pub(super) const fn begins(&mut self) {
        self.0 &= !Self::WAITED;
    }

    /// A request has to wait for the end of a call that only reports: it was started too late.
    pub(super) const fn waits(&mut self) {
        self.0 |= Self::WAITED;
    }

    /// So much was admitted, or would have been, while a call was under way. Where a request had to wait it would have been more:
    /// that request at least, and nobody knows how many others; it is taken for twice as much.
    pub(super) fn learn(&mut self, meanwhile: u64) {
        let waited = self.0 & Self::WAITED != 0;
        let meanwhile = if waited {
            meanwhile.saturating_add(1).saturating_mul(2)
        } else {
            meanwhile
        };
        let rounded_up = meanwhile.checked_next_power_of_two().unwrap_or(1 << 63);
        let exponent = if meanwhile == 0 {
            0
        } else {
            // At most 63 and one.
            u8::try_from(rounded_up.trailing_zeros() + 1).unwrap_or(64)
        };
        // Only step by step, four times or a quarter: traffic comes in bursts, and a call may take long by accident.
        let before = self.exponent();
        self.0 = exponent.clamp(before.saturating_sub(2), before.saturating_add(2));
    }

    const fn exponent(self) -> u8 {
        self.0 & !Self::WAITED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As often as it takes until what is learned is believed.
    fn learn_for_long(pace: &mut Pace, meanwhile: u64) {
        for _ in 0..64 {
            pace.learn(meanwhile);
        }
    }

    #[test]
    fn r3_a_report_tells_nearly_all_of_the_slack_unless_much_happens_meanwhile() {
        let mut pace = Pace::default();
        assert_eq!(pace.early_at(50), 50);
        pace.learn(1);
        assert_eq!(pace.early_at(50), 50, "one waits at most");
        pace.learn(3);
        assert_eq!(pace.early_at(50), 47, "four, or one of them waits");
        learn_for_long(&mut pace, 17);
        assert_eq!(pace.early_at(50), 25, "never earlier than at half of it");
        learn_for_long(&mut pace, 50);
        assert_eq!(pace.early_at(64), 32, "64 may still come without waiting");
        assert_eq!(pace.early_at(50), 51, "they wait anyway");
        learn_for_long(&mut pace, 0);
        assert_eq!(pace.early_at(50), 50);
        assert_eq!(
            (pace.early_at(0), pace.early_at(1), pace.early_at(2)),
            (1, 1, 2)
        );
        learn_for_long(&mut pace, u64::MAX);
        assert_eq!(pace.early_at(u64::MAX), u64::MAX / 2 + 1);
        assert_eq!(pace.early_at(1 << 62), (1 << 62) + 1);
    }

    #[test]
    fn r3_one_call_that_took_long_does_not_make_the_next_ones_tell_much_less() {
        let mut pace = Pace::default();
        let steps = [
            (1, 50),
            (64, 47),
            (64, 35),
            (64, 51),
            (0, 35),
            (0, 47),
            (0, 50),
        ];
        for (step, (meanwhile, early)) in steps.into_iter().enumerate() {
            pace.learn(meanwhile);
            assert_eq!(pace.early_at(50), early, "after call {step}");
        }
    }

    #[test]
    fn r3_a_request_that_had_to_wait_shows_that_more_came_than_was_admitted() {
        let mut pace = Pace::default();
        learn_for_long(&mut pace, 25);
        assert_eq!(pace.early_at(50), 25);
        pace.waits();
        assert_eq!(pace.early_at(50), 25, "nothing is learned yet");
        pace.learn(25);
        assert_eq!(pace.early_at(50), 51, "they wait anyway");
        pace.learn(25);
        assert_eq!(pace.early_at(50), 25, "nobody had to wait this time");

        let mut pace = Pace::default();
        pace.waits();
        pace.begins();
        pace.learn(0);
        assert_eq!(pace.early_at(50), 50, "it waited for another call");
        // As many are admitted as there is room for, and one waits, however many come.
        for (admitted, early) in [(0, 49), (1, 47), (3, 43), (7, 35), (15, 25)] {
            pace.waits();
            pace.learn(admitted);
            assert_eq!(pace.early_at(50), early);
        }
        pace.waits();
        learn_for_long(&mut pace, u64::MAX);
        assert_eq!(pace.early_at(u64::MAX), u64::MAX / 2 + 1);
    }
}
