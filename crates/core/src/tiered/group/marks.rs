//! What a group must remember beside its counts, in a byte: every subject has one.

/// Yes or no to some questions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Marks(u8);

/// A question.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mark {
    /// Whether a request was denied since the store was heard.
    Refused = 1,
    /// Whether the store may have lost what it was told.
    Lost = 2,
    /// Whether the call under way tells that again.
    TellsAgain = 4,
    /// Whether the store answers, but not for this subject. A group of which this is so is never taken apart.
    CutOff = 8,
    /// Whether it did not when it was tried again, ...
    Tried = 16,
    /// ... and once more.
    TriedTwice = 32,
}

impl Marks {
    /// Three bits, of a group that is not cut off.
    pub(super) const fn bits(self) -> u8 {
        self.0
    }

    pub(super) const fn from_bits(bits: u8) -> Self {
        Self(bits)
    }

    #[inline]
    pub(super) const fn has(self, mark: Mark) -> bool {
        self.0 & mark as u8 != 0
    }

    #[inline]
    pub(super) const fn set(&mut self, mark: Mark, yes: bool) {
        if yes {
            self.0 |= mark as u8;
        } else {
            self.0 &= !(mark as u8);
        }
    }
}
