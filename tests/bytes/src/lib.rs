//! What is done with bytes from outside, as functions of them that must hold whatever they are: each panics if they do
//! not.
//!
//! They are run on the checked-in corpora and on random bytes by this package's test, and by cargo-fuzz, where a nightly
//! compiler is, from `tests/fuzz`. What only one crate can see (the store's replies, route patterns) it tests by itself.
#![allow(clippy::missing_panics_doc, reason = "to panic is what they are for")]

mod address;
mod fields;
mod forwarded;
mod keys;
mod policies;

pub use address::address;
pub use fields::fields;
pub use forwarded::forwarded;
pub use keys::keys;
pub use policies::policies;

/// Panics if what is done with these bytes does not hold.
pub type Target = fn(&[u8]);

/// All of them, by the names of their corpora.
pub const ALL: [(&str, Target); 5] = [
    ("address", address),
    ("fields", fields),
    ("forwarded", forwarded),
    ("keys", keys),
    ("policies", policies),
];
