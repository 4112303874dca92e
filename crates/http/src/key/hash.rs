//! Keyed hashes of subjects, for what is too long or too personal to be kept.

use std::fmt;
use std::hash::Hasher;
use std::str::FromStr;

use siphasher::sip128::{Hasher128, SipHasher24};
use tidegate_core::SubjectBuf;

/// The secret of keyed hashes: 128 bits, the same on all nodes.
///
/// ```
/// use tidegate_http::HashKey;
///
/// let key: HashKey = "000102030405060708090a0b0c0d0e0f".parse()?;
/// assert_eq!(key, HashKey::new([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]));
/// assert_eq!(format!("{key:?}"), "HashKey(..)", "it is not shown");
/// assert_eq!(
///     "secret".parse::<HashKey>().unwrap_err().to_string(),
///     "a hash key of 6 characters: it must be 32 hexadecimal digits, as from `openssl rand -hex 16`",
/// );
/// # Ok::<(), tidegate_http::HashKeyError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct HashKey([u8; 16]);

impl HashKey {
    /// For what is hashed because it is long, not to hide it. That anybody can know this key does no harm: who finds two
    /// long keys of the same hash has found two that are both their own, and to find one that shares the hash of another
    /// client's key one would have to know that key.
    pub(super) const OPEN: Self = Self([0; 16]);

    /// From 16 bytes, which must be random.
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl FromStr for HashKey {
    type Err = HashKeyError;

    fn from_str(text: &str) -> Result<Self, HashKeyError> {
        let wrong = HashKeyError {
            characters: text.chars().count(),
        };
        if text.len() != 32 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(wrong);
        }
        let number = u128::from_str_radix(text, 16).map_err(|_| wrong)?;
        Ok(Self(number.to_be_bytes()))
    }
}

impl fmt::Debug for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashKey(..)")
    }
}

/// Text that is no key. The error does not show it, since it may be most of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a hash key of {characters} characters: it must be 32 hexadecimal digits, as from `openssl rand -hex 16`"
)]
pub struct HashKeyError {
    /// How many characters there were.
    pub characters: usize,
}

/// A subject that stands for another one, of which it has only the hash.
pub(super) fn hashed(kind: &str, subject: &SubjectBuf, key: &HashKey) -> SubjectBuf {
    let mut hasher = SipHasher24::new_with_key(&key.0);
    hasher.write(subject.as_subject().as_bytes());
    SubjectBuf::new()
        .with(kind)
        .with(hasher.finish128().as_bytes())
}
