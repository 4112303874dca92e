//! Text of headers: cheap to clone, and put together without the formatting machinery, since it stands in every
//! response.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use bytes::Bytes;

/// A header's value. Clones share it, and frameworks take it over without a copy.
///
/// ```
/// use tidegate_http::Text;
///
/// let value = Text::from("no-store");
/// assert_eq!(value, "no-store");
/// assert_eq!(value.into_bytes(), "no-store");
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Text(Bytes);

impl Text {
    /// Of bytes that are text.
    pub(crate) fn copied(bytes: &[u8]) -> Self {
        Self(Bytes::copy_from_slice(bytes))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        // It was made of text, whatever the compiler knows of it.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Its bytes.
    pub fn into_bytes(self) -> Bytes {
        self.0
    }
}

impl From<&'static str> for Text {
    fn from(text: &'static str) -> Self {
        Self(Bytes::from_static(text.as_bytes()))
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<Cow<'static, str>> for Text {
    fn from(text: Cow<'static, str>) -> Self {
        match text {
            Cow::Borrowed(text) => text.into(),
            Cow::Owned(text) => text.into(),
        }
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

/// What a line holds on the stack: that of two policies with names of usual length.
const SHORT: usize = 96;

/// A text that is being written, on the stack as long as it is short.
pub(crate) struct Line {
    short: [u8; SHORT],
    length: usize,
    /// All of it, once it is longer than what is short.
    long: Vec<u8>,
}

impl Line {
    pub(crate) fn new() -> Self {
        Self {
            short: [0; SHORT],
            length: 0,
            long: Vec::new(),
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        if self.long.is_empty() {
            &self.short[..self.length]
        } else {
            &self.long
        }
    }

    #[inline]
    pub(crate) fn push(&mut self, text: &str) {
        self.push_bytes(text.as_bytes());
    }

    #[inline]
    fn push_bytes(&mut self, bytes: &[u8]) {
        let end = self.length + bytes.len();
        match self.short.get_mut(self.length..end) {
            Some(room) if self.long.is_empty() => {
                room.copy_from_slice(bytes);
                self.length = end;
            }
            _ => self.push_long(bytes),
        }
    }

    #[cold]
    fn push_long(&mut self, bytes: &[u8]) {
        if self.long.is_empty() {
            self.long.extend_from_slice(&self.short[..self.length]);
        }
        self.long.extend_from_slice(bytes);
    }

    /// Adds a number, in decimal.
    #[inline]
    pub(crate) fn push_number(&mut self, number: u64) {
        self.push_bytes(itoa::Buffer::new().format(number).as_bytes());
    }
}

impl From<Line> for Text {
    fn from(line: Line) -> Self {
        Self::copied(line.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn numbers_are_written_as_they_are(any: u64) {
            for any in [any, any % 1000, 0, u64::MAX] {
                let mut line = Line::new();
                line.push_number(any);
                let expected = any.to_string();
                proptest::prop_assert_eq!(line.as_bytes(), expected.as_bytes());
            }
        }
    }

    #[test]
    fn a_line_may_be_longer_than_what_the_stack_holds() {
        let mut line = Line::new();
        for _ in 0..100 {
            line.push("ab");
            line.push_number(7);
        }
        assert_eq!(Text::from(line).as_str(), "ab7".repeat(100));
    }
}
