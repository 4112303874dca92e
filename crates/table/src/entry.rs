//! What a table's entries must say about themselves.

use tidegate_core::Timestamp;

/// A value that a [`Table`](crate::Table) holds for one subject under one policy. Its default is "nothing used".
pub trait Entry: Default {
    /// An entry's place in the table is aligned as this is: a [`CacheLine`] where digest and value (16 bytes and the value's
    /// own) fill cache lines, so that none is read from one line more than it takes; `()` leaves it to the value.
    type Alignment;

    /// Whether it may be forgotten at `now`: it is as good as the default, and nobody still has to be told of it.
    fn is_idle(&self, now: Timestamp) -> bool;
}

/// Where a cache line begins, on nearly all machines.
#[derive(Debug)]
#[repr(align(64))]
pub struct CacheLine;
