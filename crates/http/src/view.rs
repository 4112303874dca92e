//! What this crate may know about a request, whichever framework received it.

use std::borrow::Cow;
use std::net::IpAddr;

/// A request, seen from outside. Adapters implement it.
pub trait RequestView {
    /// The address at the other end of the connection, if it has one that is known.
    fn peer(&self) -> Option<IpAddr>;

    /// The method, as in `GET`.
    fn method(&self) -> &str;

    /// The pattern of the matched route, as in `/users/{id}`, if one is known.
    fn route(&self) -> Option<Cow<'_, str>>;

    /// Whether a route has been looked for. If not, that there is none says nothing.
    fn is_routed(&self) -> bool;

    /// What stands in the path where the matched route has a parameter of that name, if it has one and one is known.
    fn parameter(&self, name: &str) -> Option<Cow<'_, str>>;

    /// The value of the first header line of that name (in lower case). Where no line has `host`, [`host_of`] may.
    fn header(&self, name: &str) -> Option<&[u8]>;

    /// The values of all header lines of that name (in lower case), in the order of their arrival.
    fn header_lines(&self, name: &str) -> Vec<&[u8]>;

    /// What to change in the program if the peer's address is missing, as a sentence.
    fn how_to_tell_the_peer(&self) -> &'static str;

    /// What to change in the program if no route has been looked for, as a sentence.
    fn how_to_tell_the_route(&self) -> &'static str;
}

/// The value of the header `host` where no line has it: in HTTP/2 the request's `:authority` says it, and in HTTP/1 a target may
/// (`GET http://api.example/`). For adapters.
///
/// ```
/// use tidegate_http::host_of;
///
/// assert_eq!(host_of("host", "api.example:8080"), Some(&b"api.example:8080"[..]));
/// assert_eq!(host_of("x-api-key", "api.example:8080"), None);
/// ```
pub fn host_of<'a>(name: &str, authority: &'a str) -> Option<&'a [u8]> {
    let host = authority.rsplit('@').next();
    host.filter(|_| name == "host").map(str::as_bytes)
}

/// A request put together by hand: for tests, and for limiting what no framework handles.
///
/// ```
/// use tidegate_http::{PlainRequest, RequestView};
///
/// let request = PlainRequest::new("GET").with_peer([192, 0, 2, 1]).with_header("X-Api-Key", "secret");
/// assert_eq!(request.header("x-api-key"), Some(&b"secret"[..]));
/// ```
#[derive(Clone, Debug, Default)]
pub struct PlainRequest {
    method: String,
    peer: Option<IpAddr>,
    route: Option<String>,
    parameters: Vec<(String, String)>,
    headers: Vec<(String, Vec<u8>)>,
}

impl PlainRequest {
    /// A request without anything but a method.
    pub fn new(method: impl Into<String>) -> Self {
        Self {
            method: method.into(),
            ..Self::default()
        }
    }

    /// From this address.
    #[must_use]
    pub fn with_peer(self, peer: impl Into<IpAddr>) -> Self {
        Self {
            peer: Some(peer.into()),
            ..self
        }
    }

    /// Matched by this route; by none, if it is empty.
    #[must_use]
    pub fn with_route(self, route: impl Into<String>) -> Self {
        Self {
            route: Some(route.into()),
            ..self
        }
    }

    /// With a parameter in its path, where the route has one of that name.
    #[must_use]
    pub fn with_parameter(mut self, name: &str, value: &str) -> Self {
        self.parameters.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With one more header line.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let line = (name.to_ascii_lowercase(), value.as_ref().to_vec());
        self.headers.push(line);
        self
    }

    fn lines<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        let lines = self.headers.iter().filter(move |(other, _)| other == name);
        lines.map(|(_, value)| value.as_slice())
    }
}

impl RequestView for PlainRequest {
    fn peer(&self) -> Option<IpAddr> {
        self.peer
    }

    fn method(&self) -> &str {
        &self.method
    }

    fn route(&self) -> Option<Cow<'_, str>> {
        let route = self.route.as_deref().filter(|route| !route.is_empty());
        route.map(Cow::Borrowed)
    }

    fn is_routed(&self) -> bool {
        self.route.is_some()
    }

    fn parameter(&self, name: &str) -> Option<Cow<'_, str>> {
        let mut parameters = self.parameters.iter();
        let found = parameters.find(|(other, _)| other == name);
        found.map(|(_, value)| value.into())
    }

    fn header(&self, name: &str) -> Option<&[u8]> {
        self.lines(name).next()
    }

    fn header_lines(&self, name: &str) -> Vec<&[u8]> {
        self.lines(name).collect()
    }

    fn how_to_tell_the_peer(&self) -> &'static str {
        "give it with `PlainRequest::with_peer`"
    }

    fn how_to_tell_the_route(&self) -> &'static str {
        "give it with `PlainRequest::with_route`"
    }
}
