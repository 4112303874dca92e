//! A window replica as nearly all are, in less than a third of the memory: counts below 2^32, nothing returned,
//! nothing in doubt.

use super::tally::Tally;
use super::window::WindowReplica;
use crate::shared::Totals;
use crate::{Timestamp, Usage};

/// What [`WindowReplica`] holds, if nothing about it is unusual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Compact {
    pub(super) start: Timestamp,
    pub(super) current: Counts,
    pub(super) previous: Counts,
    /// Billionths, or [`UNKNOWN`].
    pub(super) demand: u32,
    pub(super) dropped: u16,
    pub(super) marks: u8,
    // A bool, because the values that it cannot have are where the enum around it keeps its tag.
    pub(super) closed: bool,
}

/// No demand: it is at most a thousand million.
const UNKNOWN: u32 = u32::MAX;

const INFORMED: u8 = 1;
const ISOLATED: u8 = 2;
/// By how much the previous window's marks are shifted.
const PREVIOUS: u8 = 2;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) local: u32,
    pub(super) known: u32,
    pub(super) granted: u32,
    pub(super) heard: u32,
}

impl Compact {
    /// None, if something is unusual.
    #[inline]
    pub(super) fn of(replica: &WindowReplica) -> Option<Self> {
        if replica.doubted_until.known().is_some() || replica.kept_until.known().is_some() {
            return None;
        }
        Some(Self {
            start: replica.start,
            current: Counts::of(&replica.current)?,
            previous: Counts::of(&replica.previous)?,
            demand: replica.demand.unwrap_or(UNKNOWN),
            dropped: u16::try_from(replica.dropped).ok()?,
            marks: marks(&replica.current) | marks(&replica.previous) << PREVIOUS,
            closed: replica.closed,
        })
    }

    /// Where the current window begins.
    #[inline]
    pub(super) const fn start(&self) -> Timestamp {
        self.start
    }

    /// As [`WindowReplica::estimate`].
    #[inline]
    pub(super) fn usage(&self) -> Usage {
        Usage::window(
            self.start,
            self.current.estimate(),
            self.previous.estimate(),
        )
    }

    /// As [`WindowReplica::unsent`].
    #[inline]
    pub(super) fn unsent(&self) -> u64 {
        self.current.local.saturating_sub(self.current.known).into()
    }

    /// As [`WindowReplica::is_informed`].
    #[inline]
    pub(super) const fn is_informed(&self) -> bool {
        self.marks & INFORMED != 0
    }

    /// As [`WindowReplica::is_untold`].
    #[inline]
    pub(super) const fn is_untold(&self) -> bool {
        self.current.is_untold() || self.previous.is_untold() || self.dropped > 0
    }

    /// As [`WindowReplica::window_to_close`].
    #[inline]
    pub(super) fn window_to_close(&self) -> Option<Timestamp> {
        let isolated = (self.marks >> PREVIOUS) & ISOLATED != 0;
        let used = self.previous.local > 0 || self.previous.granted > 0;
        (!self.closed && !isolated && used).then_some(self.start)
    }

    /// As [`WindowReplica::demand`].
    pub(super) fn demand(&self) -> Option<u32> {
        (self.demand != UNKNOWN).then_some(self.demand)
    }

    /// Counts what this node admits by itself, unless that is too much for this form.
    #[inline]
    pub(super) fn admit(&mut self, cost: u64) -> bool {
        let admitted = u32::try_from(cost)
            .ok()
            .and_then(|cost| self.current.local.checked_add(cost));
        if let Some(local) = admitted {
            self.current.local = local;
        }
        admitted.is_some()
    }

    #[inline]
    pub(super) fn widen(&self) -> WindowReplica {
        WindowReplica {
            start: self.start,
            current: self.current.widen(self.marks),
            previous: self.previous.widen(self.marks >> PREVIOUS),
            demand: self.demand(),
            dropped: self.dropped.into(),
            closed: self.closed,
            ..WindowReplica::default()
        }
    }
}

fn marks(tally: &Tally) -> u8 {
    let mut marks = 0;
    if tally.informed {
        marks |= INFORMED;
    }
    if tally.isolated {
        marks |= ISOLATED;
    }
    marks
}

impl Counts {
    /// As [`Tally::is_untold`]: whatever was granted is known.
    #[inline]
    const fn is_untold(self) -> bool {
        self.local != self.known
    }

    /// As [`Tally::estimate`]: what was granted is in both, and nothing was returned.
    #[inline]
    fn estimate(self) -> u64 {
        (u64::from(self.heard) + u64::from(self.local)).saturating_sub(self.known.into())
    }

    #[inline]
    fn of(tally: &Tally) -> Option<Self> {
        let Tally { own, known, .. } = tally;
        // What was granted is only known from the store.
        let usual = own.granted == known.granted && own.returned == 0 && known.returned == 0;
        if !usual || tally.pending > 0 {
            return None;
        }
        Some(Self {
            local: u32::try_from(own.local).ok()?,
            known: u32::try_from(known.local).ok()?,
            granted: u32::try_from(own.granted).ok()?,
            heard: u32::try_from(tally.heard).ok()?,
        })
    }

    #[inline]
    fn widen(self, marks: u8) -> Tally {
        let totals = |local: u32| Totals {
            local: local.into(),
            granted: self.granted.into(),
            returned: 0,
        };
        Tally {
            own: totals(self.local),
            known: totals(self.known),
            heard: self.heard.into(),
            pending: 0,
            informed: marks & INFORMED != 0,
            isolated: marks & ISOLATED != 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tiered::moment::Moment;

    fn count() -> impl Strategy<Value = u64> {
        prop_oneof![
            20 => 0_u64..3,
            2 => Just(u64::from(u32::MAX)),
            1 => Just(1 << 32),
            1 => any::<u64>()
        ]
    }

    fn totals() -> impl Strategy<Value = Totals> {
        let granted = prop_oneof![8 => Just(1), 1 => 0_u64..3];
        let returned = prop_oneof![8 => Just(0), 1 => count()];
        (count(), granted, returned).prop_map(|(local, granted, returned)| Totals {
            local,
            granted,
            returned,
        })
    }

    fn tally() -> impl Strategy<Value = Tally> {
        let pending = prop_oneof![8 => Just(0), 1 => count()];
        (totals(), totals(), count(), pending, any::<[bool; 2]>()).prop_map(
            |(own, known, heard, pending, [informed, isolated])| Tally {
                own,
                known,
                heard,
                pending,
                informed,
                isolated,
            },
        )
    }

    fn replica() -> impl Strategy<Value = WindowReplica> {
        let demand = proptest::option::of(0_u32..=1_000_000_000);
        let seldom = || prop_oneof![8 => Just(None), 1 => any::<u64>().prop_map(Some)];
        (
            any::<u64>(),
            tally(),
            tally(),
            demand,
            any::<bool>(),
            [seldom(), seldom()],
            prop_oneof![8 => Just(0), 4 => count()],
        )
            .prop_map(
                |(start, current, previous, demand, closed, until, dropped)| {
                    let [doubted_until, kept_until] =
                        until.map(|until| Moment::from(until.map(Timestamp::from_nanos)));
                    WindowReplica {
                        start: Timestamp::from_nanos(start),
                        current,
                        previous,
                        demand,
                        closed,
                        doubted_until,
                        kept_until,
                        said: kept_until.known().map_or([0; 2], |_| [1, 2]),
                        dropped,
                    }
                },
            )
    }

    proptest! {
        /// Whatever is kept in the compact form is kept whole (G5).
        #[test]
        fn nothing_is_lost(replica in replica()) {
            if let Some(compact) = Compact::of(&replica) {
                prop_assert_eq!(compact.widen(), replica);
            }
        }

        /// The compact form tells and counts what the whole one does.
        #[test]
        fn it_is_read_and_changed_alike(replica in replica(), cost in count()) {
            let Some(mut compact) = Compact::of(&replica) else {
                return Ok(());
            };
            let mut wide = replica;
            prop_assert_eq!(compact.usage(), wide.estimate());
            prop_assert_eq!(compact.unsent(), wide.unsent());
            prop_assert_eq!(compact.is_informed(), wide.is_informed());
            prop_assert_eq!(compact.is_untold(), wide.is_untold());
            prop_assert_eq!(compact.window_to_close(), wide.window_to_close());
            prop_assert_eq!(compact.demand(), wide.demand());
            if compact.admit(cost) {
                wide.admit(cost);
            }
            prop_assert_eq!(compact.widen(), wide);
        }
    }

    #[test]
    fn a_usual_replica_is_compact_and_small() {
        let usual = WindowReplica {
            current: Tally {
                heard: 5,
                ..Tally::default()
            },
            ..WindowReplica::default()
        };
        assert!(Compact::of(&usual).is_some());
        assert!(size_of::<Compact>() * 3 < size_of::<WindowReplica>());
        assert_eq!(
            size_of::<crate::tiered::replica::Replica>(),
            48,
            "no tag of its own"
        );
    }
}
