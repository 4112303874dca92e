//! What a table's entries must say about themselves.

use tidegate_core::Timestamp;

/// A value that a [`Table`](crate::Table) holds for one subject under one policy. Its default is "nothing used".
pub trait Entry: Default {
    /// Whether it may be forgotten at `now`: it is as good as the default, and nobody still has to be told of it.
    fn is_idle(&self, now: Timestamp) -> bool;
}
