//! What a store says it can do.

use std::time::Duration;

/// What a store can do. The conformance suite picks its cases by this and prints what it left out; the limiter
/// takes its defaults from it.
///
/// ```
/// use tidegate_store::Capabilities;
///
/// let capabilities = Capabilities { refund: false, ..Capabilities::EXACT };
/// assert!(capabilities.exact);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Every decision is taken on the whole count, atomically (G1). Otherwise it may be off by the tolerance.
    pub exact: bool,
    /// `try_acquire` answers at once, at least for subjects that are known.
    pub immediate: bool,
    /// `refund` gives back. Otherwise it does nothing and says so.
    pub refund: bool,
    /// A subject idle for long enough is forgotten, so that memory does not grow for ever.
    pub reclaims: bool,
    /// The most subjects that are told apart; those beyond share an overflow counter (R1).
    pub max_entries: Option<u64>,
    /// The most policies that one request can be under, if there is a bound. A limiter with more is not built.
    pub max_policies: Option<usize>,
    /// The longest that a call takes, if the store sees to that by itself (L1) and knows better than its caller what to
    /// do then. A limiter waits as long as that unless it is told otherwise, and hears the store first, so that the store has
    /// the last word.
    pub deadline: Option<Duration>,
}

impl Capabilities {
    /// An exact store that answers asynchronously, gives back, and reclaims: a shared server.
    pub const EXACT: Self = Self {
        exact: true,
        immediate: false,
        refund: true,
        reclaims: true,
        max_entries: None,
        max_policies: None,
        deadline: None,
    };

    /// Whether the store goes on by itself while it cannot share its counts, and ends its calls by itself to do so. What
    /// its caller decided in its place would be counted apart, and shared with nobody.
    pub const fn decides_outages(&self) -> bool {
        !self.exact && self.deadline.is_some()
    }
}
