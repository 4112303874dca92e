//! The counter that nodes share: mergeable running totals, and one operation on them.
//!
//! For a subject under a policy the store keeps a [`Record`]: what all together have used, and for every node
//! the running totals that it reported. Totals only ever grow, so merging is a maximum per entry: idempotent,
//! commutative and associative (a state-based CRDT, as in Shapiro et al., "A comprehensive study of
//! Convergent and Commutative Replicated Data Types", 2011). From that, and from nothing else, it follows that
//!
//! - a report can be sent again, any number of times and in any order, and counts once (G5);
//! - a store that lost its data is whole again when every node has reported (G6).
//!
//! A node's id is random and new at each start; otherwise a restarted node's smaller totals would be ignored.
//! An id may as well stand for a whole region whose totals are exchanged in the same way.
//!
//! This module is the specification of every shared store: the Redis scripts are tested against it.

mod record;
mod report;
mod totals;

pub use record::{Record, sync};
pub use report::{BucketReport, NodeId, Reply, Report, WindowReport};
pub use totals::Totals;
