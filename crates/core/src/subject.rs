//! Who is limited: bytes that stand for a client, an API key, a route, or a combination of them.

use alloc::vec::Vec;
use core::fmt;
use core::hash::{Hash, Hasher};

/// Who is limited, as bytes. Two subjects are the same if and only if their bytes are (G9).
///
/// ```
/// use tidegate_core::{Subject, SubjectBuf};
///
/// let by_name = Subject::from("alice");
/// assert_eq!(by_name.as_bytes(), b"alice");
///
/// let by_route = SubjectBuf::new().with("GET").with("/orders").with("alice");
/// assert_ne!(by_route.as_subject(), Subject::from("GET/ordersalice"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Subject<'a>(&'a [u8]);

impl<'a> Subject<'a> {
    /// From bytes of any kind and length.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(self) -> &'a [u8] {
        self.0
    }
}

impl<'a> From<&'a str> for Subject<'a> {
    fn from(text: &'a str) -> Self {
        Self(text.as_bytes())
    }
}

impl<'a> From<&'a [u8]> for Subject<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }
}

impl<'a> From<&'a alloc::string::String> for Subject<'a> {
    fn from(text: &'a alloc::string::String) -> Self {
        Self(text.as_bytes())
    }
}

impl<'a> From<&'a SubjectBuf> for Subject<'a> {
    fn from(buf: &'a SubjectBuf) -> Self {
        buf.as_subject()
    }
}

/// A subject made of several parts, encoded so that different parts never make the same subject (G9): each
/// part is preceded by its length.
///
/// ```
/// use tidegate_core::SubjectBuf;
///
/// assert_ne!(SubjectBuf::new().with("ab").with("c"), SubjectBuf::new().with("a").with("bc"));
/// assert_ne!(SubjectBuf::new().with("").with("a"), SubjectBuf::new().with("a"));
/// ```
#[derive(Clone)]
pub struct SubjectBuf {
    short: [u8; ROOM],
    length: u8,
    /// All of it, once there is not enough room for it.
    long: Vec<u8>,
}

/// Enough for an address, or for a key of common length: no memory is allocated for these.
const ROOM: usize = 64;

impl SubjectBuf {
    /// A subject with no parts yet.
    pub const fn new() -> Self {
        Self {
            short: [0; ROOM],
            length: 0,
            long: Vec::new(),
        }
    }

    /// Takes all parts away.
    ///
    /// ```
    /// use tidegate_core::SubjectBuf;
    ///
    /// let mut subject = SubjectBuf::new().with("alice");
    /// subject.clear();
    /// assert_eq!(subject, SubjectBuf::new());
    /// ```
    #[inline]
    pub fn clear(&mut self) {
        self.length = 0;
        self.long.clear();
    }

    /// With one more part.
    #[must_use]
    pub fn with(mut self, part: impl AsRef<[u8]>) -> Self {
        self.push(part);
        self
    }

    /// Adds a part.
    #[inline]
    pub fn push(&mut self, part: impl AsRef<[u8]>) {
        let part = part.as_ref();
        let at = usize::from(self.length);
        let [length, ..] = part.len().to_le_bytes();
        match self.short.get_mut(at..at + 1 + part.len()) {
            Some([first, rest @ ..]) if self.long.is_empty() => {
                // Below 0x80, since there is room for it.
                *first = length;
                rest.copy_from_slice(part);
                self.length += 1 + length;
            }
            _ => self.push_long(part),
        }
    }

    #[cold]
    fn push_long(&mut self, part: &[u8]) {
        if self.long.is_empty() {
            let short = &self.short[..usize::from(self.length)];
            self.long.extend_from_slice(short);
        }
        // LEB128: seven bits a byte, least significant first, the high bit says that more follow.
        let mut len = part.len();
        while len >= 0x80 {
            self.long.push(len.to_le_bytes()[0] | 0x80);
            len >>= 7;
        }
        self.long.push(len.to_le_bytes()[0]);
        self.long.extend_from_slice(part);
    }

    /// The subject.
    #[inline]
    pub fn as_subject(&self) -> Subject<'_> {
        Subject(if self.long.is_empty() {
            &self.short[..usize::from(self.length)]
        } else {
            &self.long
        })
    }
}

impl Default for SubjectBuf {
    fn default() -> Self {
        Self::new()
    }
}

impl PartialEq for SubjectBuf {
    fn eq(&self, other: &Self) -> bool {
        self.as_subject() == other.as_subject()
    }
}

impl Eq for SubjectBuf {}

impl Hash for SubjectBuf {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_subject().hash(state);
    }
}

impl fmt::Debug for SubjectBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_subject().fmt(f)
    }
}
