//! The bounded, sharded table under tidegate's in-process counters.
//!
//! A [`Table`] holds one small value for each subject under each policy. Subjects are not stored: a 128-bit
//! keyed digest stands for each ([`Keys`]), inline in open-addressing shards, so that finding an entry costs one
//! cache miss. All entries of one subject lie in one shard, next to each other: one lock covers a decision under
//! several policies.
//!
//! - Entries never number more than the capacity, whatever is sent (R1). Past it, subjects that are not known
//!   share one [`Overflow`] entry per policy; nobody who is known is forgotten, unless its entry is idle.
//! - What an entry is, and when it is idle, its owner says ([`Entry`]). Idle entries are dropped when room is
//!   needed, and when a shard's sweep is due; memory shrinks again after a flood. No thread of its own is needed.
//! - An entry that threads want all the time can be lifted out of its lock ([`Locked::lift`]): its count is an atomic
//!   then, and those who only look at it do not disturb each other.
//! - Time does not go back under one lock, although threads read the clock before they take it.
//!
//! ```
//! use std::num::NonZeroUsize;
//! use tidegate_core::{PolicyId, PolicyName, Quota, Timestamp};
//! use tidegate_table::{Entry, KeyHash, Keys, Table};
//!
//! #[derive(Clone, Copy, Default)]
//! struct Until(Timestamp);
//!
//! impl Entry for Until {
//!     fn is_idle(&self, now: Timestamp) -> bool {
//!         self.0 <= now
//!     }
//! }
//!
//! let table = Table::new(NonZeroUsize::MIN, Keys::random(KeyHash::Fast));
//! let policy = PolicyId::new(PolicyName::new("per-client")?, &Quota::per_minute(1)?);
//! let clock = || Timestamp::from_secs(10);
//!
//! let mut alice = table.lock(table.digest(b"alice"), clock);
//! assert!(alice.find(policy).is_none());
//! alice.insert_all([(policy, Until(Timestamp::from_secs(20)))])?;
//! drop(alice);
//!
//! let mut bob = table.lock(table.digest(b"bob"), clock);
//! assert!(bob.insert_all([(policy, Until(Timestamp::from_secs(20)))]).is_err(), "one entry is all it may hold");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod digest;
mod entry;
mod lifted;
mod locked;
mod overflow;
mod population;
mod shard;
mod sync;
mod table;

pub use digest::{Digest, KeyHash, Keys};
pub use entry::Entry;
pub use locked::{Locked, Lowered, Place, TableFull};
pub use overflow::Overflow;
pub use table::{MAX_CAPACITY, Stats, Table};
