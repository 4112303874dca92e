//! One node's running totals.

/// What one node has used, and given back: three totals that only ever grow.
///
/// Under a window algorithm they count one window; under a token bucket, all that a node used, from wherever it began to count:
/// what it says to be acknowledged already was never used if the store does not know of it.
///
/// ```
/// use tidegate_core::shared::Totals;
///
/// let early = Totals { local: 3, granted: 0, returned: 0 };
/// let late = Totals { local: 5, granted: 2, returned: 1 };
/// assert_eq!(early.merged(late), late);
/// assert_eq!(late.merged(early), late, "the order of reports does not matter");
/// assert_eq!(late.net(), 6);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Totals {
    /// What the node admitted by itself.
    pub local: u64,
    /// What the store granted to it on request.
    pub granted: u64,
    /// What it gave back.
    pub returned: u64,
}

impl Totals {
    /// The maximum of each.
    #[must_use]
    pub fn merged(self, other: Self) -> Self {
        Self {
            local: self.local.max(other.local),
            granted: self.granted.max(other.granted),
            returned: self.returned.max(other.returned),
        }
    }

    /// What counts as used.
    pub const fn net(self) -> u64 {
        self.local
            .saturating_add(self.granted)
            .saturating_sub(self.returned)
    }

    /// Whether everything in `other` is known here.
    pub const fn includes(self, other: Self) -> bool {
        self.local >= other.local
            && self.granted >= other.granted
            && self.returned >= other.returned
    }
}
