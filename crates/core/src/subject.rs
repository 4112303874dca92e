//! Who is limited: bytes that stand for a client, an API key, a route, or a combination of them.

use alloc::vec::Vec;

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
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct SubjectBuf {
    bytes: Vec<u8>,
}

impl SubjectBuf {
    /// A subject with no parts yet.
    pub const fn new() -> Self {
        Self { bytes: Vec::new() }
    }

    /// A subject with no parts yet, and room for so many bytes, the parts' lengths included.
    ///
    /// ```
    /// use tidegate_core::SubjectBuf;
    ///
    /// let subject = SubjectBuf::with_capacity(64).with("ip").with("192.0.2.1");
    /// assert_eq!(subject, SubjectBuf::new().with("ip").with("192.0.2.1"));
    /// ```
    pub fn with_capacity(bytes: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(bytes),
        }
    }

    /// With one more part.
    #[must_use]
    pub fn with(mut self, part: impl AsRef<[u8]>) -> Self {
        self.push(part);
        self
    }

    /// Adds a part.
    pub fn push(&mut self, part: impl AsRef<[u8]>) {
        let part = part.as_ref();
        // LEB128: seven bits a byte, least significant first, the high bit says that more follow.
        let mut len = part.len();
        while len >= 0x80 {
            self.bytes.push(len.to_le_bytes()[0] | 0x80);
            len >>= 7;
        }
        self.bytes.push(len.to_le_bytes()[0]);
        self.bytes.extend_from_slice(part);
    }

    /// The subject.
    pub fn as_subject(&self) -> Subject<'_> {
        Subject(&self.bytes)
    }
}
