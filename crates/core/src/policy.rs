//! What names a policy, and what identifies its counters.

use core::fmt;

use crate::Quota;

/// A policy's name: 1 to 64 of `a-z A-Z 0-9 - _ .`, so that it can stand in a header, a metric's label and a
/// store's key as it is.
///
/// ```
/// use tidegate_core::PolicyName;
///
/// assert_eq!(PolicyName::new("per-client")?.as_str(), "per-client");
/// assert!(PolicyName::new("").is_err());
/// assert!(PolicyName::new("naïve").is_err());
/// # Ok::<(), tidegate_core::NameError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyName(&'static str);

impl PolicyName {
    /// The longest name, in bytes.
    pub const MAX_LEN: usize = 64;

    /// A name that is part of the program. Names are `'static`, so that a decision carries them at no cost.
    ///
    /// # Errors
    ///
    /// If the name is empty, too long, or has another character than `a-z A-Z 0-9 - _ .`.
    pub const fn new(name: &'static str) -> Result<Self, NameError> {
        match check_name(name) {
            Ok(()) => Ok(Self(name)),
            Err(error) => Err(error),
        }
    }

    /// Whether a name is allowed, before it is kept for ever.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub const fn check(name: &str) -> Result<(), NameError> {
        check_name(name)
    }

    /// The name.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Debug for PolicyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl fmt::Display for PolicyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

const fn check_name(name: &str) -> Result<(), NameError> {
    let bytes = name.as_bytes();
    if bytes.is_empty() {
        return Err(NameError::Empty);
    }
    if bytes.len() > PolicyName::MAX_LEN {
        return Err(NameError::TooLong { len: bytes.len() });
    }
    let mut at = 0;
    while at < bytes.len() {
        if !(bytes[at].is_ascii_alphanumeric() || matches!(bytes[at], b'-' | b'_' | b'.')) {
            return Err(NameError::Character { at });
        }
        at += 1;
    }
    Ok(())
}

/// Why a policy's name was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// No name.
    #[error("a policy's name is empty: it must be 1 to 64 of a-z A-Z 0-9 - _ .")]
    Empty,
    /// More than [`PolicyName::MAX_LEN`] bytes.
    #[error("a policy's name of {len} bytes is too long: it must be 1 to 64 of a-z A-Z 0-9 - _ .")]
    TooLong {
        /// The name's length in bytes.
        len: usize,
    },
    /// A character that is not allowed.
    #[error("a policy's name has a character at byte {at} that is not one of a-z A-Z 0-9 - _ .")]
    Character {
        /// Where it stands, in bytes from the name's beginning.
        at: usize,
    },
}

/// What identifies a policy's counters: its name, algorithm and window, but not its limit, which may change
/// while counting goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyId(u64);

impl PolicyId {
    /// A digest of name, algorithm and window: the same in every process and every build.
    pub fn new(name: PolicyName, quota: &Quota) -> Self {
        let parts = [
            name.as_str().as_bytes(),
            quota.algorithm().as_str().as_bytes(),
        ];
        let window = quota.window_nanos().to_be_bytes();
        // Neither part can contain a zero byte, which therefore separates them.
        let bytes = parts
            .into_iter()
            .flat_map(|part| part.iter().chain(&[0]))
            .chain(&window);
        Self(fnv1a(bytes))
    }

    /// As a number, for a store's table.
    pub const fn as_u64(self) -> u64 {
        self.0
    }
}

/// FNV-1a, 64 bits: stable by its definition (draft-eastlake-fnv), over names that the operator chose.
fn fnv1a<'a>(bytes: impl Iterator<Item = &'a u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
