//! A request, as `tidegate-http` looks at it.

use std::borrow::Cow;
use std::net::IpAddr;

use actix_web::HttpRequest;
use actix_web::http::header::HeaderValue;
use tidegate_http::{RequestView, host_of, key};

pub(crate) struct View<'a>(pub(crate) &'a HttpRequest);

impl View<'_> {
    /// The path by which actix-web routes: percent-encoding is undone, but for what would change the path's structure.
    fn path(&self) -> &str {
        self.0.match_info().as_str()
    }

    /// The pattern of the route. Around a whole app nothing has been matched yet, and what actix-web foretells goes by the path
    /// as it was sent, although what will be matched is the other: `/%6cogin` is `/login`. Once all of the path has been
    /// matched, actix-web knows.
    fn pattern(&self) -> Option<String> {
        let path = self.path();
        let own = || self.0.match_pattern();
        let foretold = || {
            let is_other = path != self.0.path();
            is_other.then(|| self.0.resource_map().match_pattern(path))?
        };
        if self.0.match_info().unprocessed().is_empty() {
            own().or_else(foretold)
        } else {
            foretold().or_else(own)
        }
    }
}

impl RequestView for View<'_> {
    fn peer(&self) -> Option<IpAddr> {
        Some(self.0.peer_addr()?.ip())
    }

    fn method(&self) -> &str {
        self.0.method().as_str()
    }

    fn route(&self) -> Option<Cow<'_, str>> {
        self.pattern().map(Cow::Owned)
    }

    /// Around a whole app it is foretold.
    fn is_routed(&self) -> bool {
        true
    }

    /// What has been matched is known for sure; what has not been yet is foretold.
    fn parameter(&self, name: &str) -> Option<Cow<'_, str>> {
        let by_pattern = |pattern: String| key::of_route(&pattern, self.path(), name);
        let matched = self.0.match_info().get(name);
        matched
            .or_else(|| self.pattern().and_then(by_pattern))
            .map(Cow::Borrowed)
    }

    fn header(&self, name: &str) -> Option<&[u8]> {
        let value = self.0.headers().get(name).map(HeaderValue::as_bytes);
        value.or_else(|| host_of(name, self.0.uri().authority()?.as_str()))
    }

    fn header_lines(&self, name: &str) -> Vec<&[u8]> {
        let lines = self.0.headers().get_all(name);
        lines.map(HeaderValue::as_bytes).collect()
    }

    fn how_to_tell_the_peer(&self) -> &'static str {
        "listen on a TCP socket, or limit by something else than the client's address; in tests, use \
         `TestRequest::peer_addr`"
    }

    fn how_to_tell_the_route(&self) -> &'static str {
        "serve the request by an `App`"
    }
}
