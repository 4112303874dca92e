//! A response as strings, for an adapter to turn into its framework's own.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use crate::Text;

/// A header: name in lower case, and value.
pub type Header = (Cow<'static, str>, Text);

/// A whole response.
///
/// What functions given to [`Options::on_denial`](crate::Options::on_denial) and
/// [`Options::on_key_error`](crate::Options::on_key_error) may change at will, but for what is the server's to say:
///
/// - Headers that frame the response or concern the connection are left out: `content-length`, `transfer-encoding`,
///   `connection`, `keep-alive`, `proxy-connection`, `te`, `trailer` and `upgrade`.
/// - A status that no answer can have, below 200 or above 999, leaves the one that the answer had.
/// - With a status that has no body (204, 205, 304), there is none, and no `content-type`.
/// - A header whose name or value HTTP does not allow is left out by the adapters.
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

    /// Lets a function of the user's change it, and takes back what is the server's to say.
    pub(crate) fn change(&mut self, change: impl FnOnce(&mut Self)) {
        let own = self.status;
        change(self);
        if !FINAL.contains(&self.status) {
            self.status = own;
        }
        self.headers.retain(|(name, _)| !is_the_servers(name));
        if BODILESS.contains(&self.status) {
            self.body.clear();
            self.headers
                .retain(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
        }
    }
}

/// The statuses of answers after which no other follows, as far as frameworks can send them.
const FINAL: RangeInclusive<u16> = 200..=999;

/// The statuses that say that no body follows (RFC 9110, sections 15.3.5, 15.3.6 and 15.4.5). Servers disagree about a body
/// that they are given all the same: some send it, and clients take it for the next response.
const BODILESS: [u16; 3] = [204, 205, 304];

/// Whether a header frames the response or is about its connection (RFC 9110, section 7.6.1, and RFC 9112, section 6). Servers
/// disagree about those that they are given: some fail, some send them beside their own, and a wrong length makes a client
/// wait for more or take the rest for its next response.
fn is_the_servers(name: &str) -> bool {
    const NAMES: [&str; 8] = [
        "connection",
        "content-length",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ];
    NAMES.iter().any(|other| other.eq_ignore_ascii_case(name))
}

/// Whether a header's name can have this character (RFC 9110, section 5.6.2).
pub(crate) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
