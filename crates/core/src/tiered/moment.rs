//! A time that may not be there, in eight bytes: every subject has some of them.

use crate::Timestamp;

/// A [`Timestamp`], or never. The last one that can be told, in the year 2554, is never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment(Timestamp);

impl Moment {
    pub(super) const NEVER: Self = Self(Timestamp::MAX);

    pub(super) fn known(self) -> Option<Timestamp> {
        (self != Self::NEVER).then_some(self.0)
    }

    /// Stays what it is if it is known already.
    pub(super) fn set_once(&mut self, at: Timestamp) {
        if *self == Self::NEVER {
            *self = Self(at);
        }
    }
}

impl Default for Moment {
    fn default() -> Self {
        Self::NEVER
    }
}

impl From<Timestamp> for Moment {
    fn from(at: Timestamp) -> Self {
        Self(at)
    }
}

impl From<Option<Timestamp>> for Moment {
    fn from(at: Option<Timestamp>) -> Self {
        at.map_or(Self::NEVER, Self)
    }
}
