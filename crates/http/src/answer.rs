//! A response as strings, for an adapter to turn into its framework's own.

use std::borrow::Cow;

use crate::Text;

/// A header: name in lower case, and value.
pub type Header = (Cow<'static, str>, Text);

/// A whole response.
///
/// What a function given to [`Options::on_denial`](crate::Options::on_denial) may change at will. A header whose
/// name or value HTTP does not allow is left out by the adapters.
///
/// ```
/// use tidegate_http::Answer;
///
/// let mut answer = Answer::new(429, "slow down\n");
/// answer.set("Content-Type", "text/plain");
/// answer.set("content-type", "text/plain; charset=utf-8");
/// assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
/// assert_eq!(answer.headers.len(), 1);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers, in the order in which they are to be sent.
    pub headers: Vec<Header>,
    /// The body.
    pub body: String,
}

impl Answer {
    /// A response without headers.
    pub fn new(status: u16, body: impl Into<String>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.into(),
        }
    }

    /// Sets a header, in place of all of that name.
    pub fn set(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Text>) {
        let mut name = name.into();
        if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            name = name.to_ascii_lowercase().into();
        }
        self.headers.retain(|(other, _)| *other != name);
        self.headers.push((name, value.into()));
    }

    /// The first header of that name, which must be in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// Whether a header's name can have this character (RFC 9110, section 5.6.2).
pub(crate) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
