//! tidegate's in-process store: exact counts for one process, decided in tens of nanoseconds.
//!
//! ```
//! use tidegate_core::{PolicyName, Quota, Rule};
//! use tidegate_store::{Request, Store};
//! use tidegate_store_memory::MemoryStore;
//!
//! let store = MemoryStore::new();
//! let rules = [Rule::new(PolicyName::new("per-client")?, Quota::per_minute(2)?)];
//! let request = Request::new("alice", &rules);
//!
//! let answer = || store.try_acquire(&request).expect("memory always answers at once");
//! assert!(answer()?.is_allowed());
//! assert!(answer()?.is_allowed());
//! assert!(!answer()?.is_allowed());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What it promises, beyond the contract of [`Store`](tidegate_store::Store):
//!
//! - At most [`max_entries`](Builder::max_entries) counters, whatever is sent (R1). Past that, subjects that are
//!   not known share one counter per policy, and decisions on it say so
//!   ([`Provenance::Overflow`](tidegate_core::Provenance::Overflow)). Nobody who is known is reset or locked out.
//! - A counter that is idle (nothing counts any more) is dropped when room is needed and when its part of the
//!   table is swept, every ten seconds or so while requests come; memory shrinks after a flood. There is no thread
//!   of its own.
//! - A request of a known subject under up to two policies allocates nothing.
//! - About 60 bytes of memory per subject and policy. Subjects are not stored, only 128-bit digests with random
//!   keys: two subjects share a counter if those are the same, which nobody can bring about ([`KeyHash`] says what
//!   that rests on), and by chance has a probability of about 10⁻²⁷ with a million subjects (G9).

mod builder;
mod hot;
mod record;
mod shared;
mod store;

pub use builder::{BuildError, Builder, DEFAULT_MAX_ENTRIES};
pub use store::{MemoryStats, MemoryStore};
pub use tidegate_table::KeyHash;
