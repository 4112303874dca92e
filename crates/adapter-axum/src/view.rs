//! A request's head, as `tidegate-http` looks at it.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use http::HeaderValue;
use http::request::Parts;
#[cfg(feature = "axum")]
use tidegate_http::key;
use tidegate_http::{RequestView, host_of};

/// The address at the other end of the connection, for servers other than axum's: put it into each request's
/// extensions.
///
/// ```
/// use tidegate_adapter_axum::PeerAddr;
///
/// let mut request = http::Request::new("body");
/// request.extensions_mut().insert(PeerAddr::from([192, 0, 2, 1]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PeerAddr(pub IpAddr);

impl<T: Into<IpAddr>> From<T> for PeerAddr {
    fn from(address: T) -> Self {
        Self(address.into())
    }
}

impl PeerAddr {
    /// The address without its port.
    ///
    /// ```
    /// use std::net::SocketAddr;
    /// use tidegate_adapter_axum::PeerAddr;
    ///
    /// let connection = SocketAddr::from(([192, 0, 2, 1], 49_152));
    /// assert_eq!(PeerAddr::from_socket(connection), PeerAddr::from([192, 0, 2, 1]));
    /// ```
    pub const fn from_socket(address: SocketAddr) -> Self {
        Self(address.ip())
    }
}

pub(crate) struct View<'a>(pub(crate) &'a Parts);

impl RequestView for View<'_> {
    fn peer(&self) -> Option<IpAddr> {
        let told = self.0.extensions.get().map(|PeerAddr(address)| *address);
        told.or_else(|| connected(self.0))
    }

    fn method(&self) -> &str {
        self.0.method.as_str()
    }

    #[cfg(feature = "axum")]
    fn route(&self) -> Option<Cow<'_, str>> {
        let matched = self.0.extensions.get::<axum::extract::MatchedPath>()?;
        Some(matched.as_str().into())
    }

    #[cfg(not(feature = "axum"))]
    fn route(&self) -> Option<Cow<'_, str>> {
        None
    }

    /// Before it looks for a route, a router keeps the address that was asked for, whether or not it finds one.
    #[cfg(feature = "axum")]
    fn is_routed(&self) -> bool {
        use axum::extract::{MatchedPath, OriginalUri};

        let extensions = &self.0.extensions;
        extensions.get::<OriginalUri>().is_some() || extensions.get::<MatchedPath>().is_some()
    }

    #[cfg(not(feature = "axum"))]
    fn is_routed(&self) -> bool {
        false
    }

    #[cfg(feature = "axum")]
    fn parameter(&self, name: &str) -> Option<Cow<'_, str>> {
        use axum::extract::{MatchedPath, OriginalUri};

        let extensions = &self.0.extensions;
        let pattern = extensions.get::<MatchedPath>()?.as_str();
        // A nested router sees a path without what led to it; the pattern is whole.
        let whole = extensions.get().map(|OriginalUri(uri)| uri);
        let path = whole.unwrap_or(&self.0.uri).path();
        key::of_route(pattern, path, name).map(Cow::Borrowed)
    }

    #[cfg(not(feature = "axum"))]
    fn parameter(&self, _: &str) -> Option<Cow<'_, str>> {
        None
    }

    fn header(&self, name: &str) -> Option<&[u8]> {
        let value = self.0.headers.get(name).map(HeaderValue::as_bytes);
        value.or_else(|| host_of(name, self.0.uri.authority()?.as_str()))
    }

    fn header_lines(&self, name: &str) -> Vec<&[u8]> {
        let lines = self.0.headers.get_all(name).iter();
        lines.map(HeaderValue::as_bytes).collect()
    }

    fn how_to_tell_the_peer(&self) -> &'static str {
        "serve the router with `into_make_service_with_connect_info::<SocketAddr>()`, or put a `PeerAddr` into \
         the extensions of every request"
    }

    fn how_to_tell_the_route(&self) -> &'static str {
        "put the layer on the router, with `Router::layer`, and not around it; a `MethodRouter` that is served alone, and a \
         server without axum, have no routes to limit by"
    }
}

#[cfg(feature = "axum")]
fn connected(parts: &Parts) -> Option<IpAddr> {
    use axum::extract::ConnectInfo;
    use axum::extract::connect_info::MockConnectInfo;

    let connected = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    let mocked = || {
        let mock = parts.extensions.get::<MockConnectInfo<SocketAddr>>();
        mock.map(|MockConnectInfo(address)| address)
    };
    let address = connected.map(|ConnectInfo(address)| address);
    Some(address.or_else(mocked)?.ip())
}

#[cfg(not(feature = "axum"))]
fn connected(_: &Parts) -> Option<IpAddr> {
    None
}
