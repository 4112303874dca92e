//! By what requests are limited: the client's address, a header, the route, and combinations of them.

mod error;
mod hash;
mod parameter;
mod pattern;
mod subject;

use std::fmt;
use std::sync::Arc;

use tidegate_core::SubjectBuf;

use crate::ClientAddress;
use crate::answer::is_token;

pub use error::{HeaderNameError, KeyError};
pub use hash::{HashKey, HashKeyError};
pub use parameter::of_route;

/// Makes the subject of a request of a framework's type `R`.
///
/// Every part says what it is before it says its value, so that different parts never make the same subject
/// (G9): a header that holds the four bytes of an address is not that address. Only subjects of more than 256 bytes
/// are hashed, to 128 bits, so that no client fills a store with its keys; and those that are to be
/// [`hashed`](Self::hashed).
///
/// ```
/// use tidegate_http::{Key, PlainRequest, key};
///
/// // each API key has its own limit (a layer outside refuses unknown ones); who has none shares that of their address
/// let by: Key<()> = key::header("x-api-key")?.or(key::client_ip());
///
/// let anonymous = PlainRequest::new("GET").with_peer([192, 0, 2, 1]);
/// let customer = anonymous.clone().with_header("x-api-key", "k1");
/// assert_ne!(by.subject(&(), &anonymous)?, by.subject(&(), &customer)?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Key<R: ?Sized> {
    part: Part<R>,
}

enum Part<R: ?Sized> {
    Everyone,
    Client(Arc<ClientAddress>),
    Header {
        name: Arc<str>,
    },
    Method,
    Route,
    Parameter {
        name: Arc<str>,
    },
    Hashed(Arc<(Key<R>, HashKey)>),
    Custom {
        name: &'static str,
        value: Custom<R>,
    },
    All(Arc<[Key<R>]>),
    FirstOf(Arc<[Key<R>]>),
}

/// Pushes the value of a request's part, unless the request has none.
type Custom<R> = Arc<dyn Fn(&R, &mut SubjectBuf) -> bool + Send + Sync>;

/// All requests have one limit together.
///
/// ```
/// use tidegate_http::{Key, PlainRequest, key};
///
/// let by: Key<()> = key::everyone();
/// let [alice, bob] = [1, 2].map(|last| PlainRequest::new("GET").with_peer([192, 0, 2, last]));
/// assert_eq!(by.subject(&(), &alice)?, by.subject(&(), &bob)?);
/// # Ok::<(), tidegate_http::KeyError>(())
/// ```
pub const fn everyone<R: ?Sized>() -> Key<R> {
    Key::new(Part::Everyone)
}

/// The address at the other end of the connection; IPv6 addresses count together by their /64.
///
/// Behind a proxy this is the proxy: see [`client`].
///
/// ```
/// use tidegate_http::{Key, PlainRequest, key};
///
/// let by: Key<()> = key::client_ip();
/// let [alice, bob] = [1, 2].map(|last| PlainRequest::new("GET").with_peer([192, 0, 2, last]));
/// assert_ne!(by.subject(&(), &alice)?, by.subject(&(), &bob)?);
/// # Ok::<(), tidegate_http::KeyError>(())
/// ```
pub fn client_ip<R: ?Sized>() -> Key<R> {
    client(ClientAddress::new())
}

/// The client's address, found and grouped as told.
///
/// ```
/// use tidegate_http::{ClientAddress, ForwardedField, Key, Proxies, key};
///
/// let proxies = Proxies::trusted(ForwardedField::XForwardedFor, "10.0.0.2,10.0.0.3".parse()?);
/// let by: Key<()> = key::client(ClientAddress::new().behind(proxies));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn client<R: ?Sized>(address: ClientAddress) -> Key<R> {
    Key::new(Part::Client(Arc::new(address)))
}

/// The value of a header, its first line if it has several. An empty value is as good as none.
///
/// Whoever makes up a value has a limit of its own under it, and no end of them. So this is for values that something further
/// outside has checked, such as a layer that refuses unknown API keys; else put another limiter outside of it, by
/// [`client_ip`].
///
/// HTTP/2 requests say in `:authority` what `host` says in others; for a key they have the header `host` all the same.
///
/// ```
/// use tidegate_http::{Key, PlainRequest, key};
///
/// let by: Key<()> = key::header("x-api-key")?;
/// let nobody = PlainRequest::new("GET").with_header("x-api-key", "");
/// assert!(by.subject(&(), &nobody).is_err());
/// # Ok::<(), tidegate_http::HeaderNameError>(())
/// ```
///
/// # Errors
///
/// If no header can have that name.
pub fn header<R: ?Sized>(name: &str) -> Result<Key<R>, HeaderNameError> {
    let name = check_header_name(name)?.into();
    Ok(Key::new(Part::Header { name }))
}

/// The method. Those that neither RFC 9110 nor RFC 5789 (`PATCH`) has are one, since a client can make up as many as it
/// likes; where a service knows more of them, [`from_fn`] tells them apart.
///
/// ```
/// use tidegate_http::{Key, key};
///
/// // reading and writing have limits of their own
/// let by: Key<()> = key::client_ip().and(key::method());
/// ```
pub const fn method<R: ?Sized>() -> Key<R> {
    Key::new(Part::Method)
}

/// The matched route's pattern, as in `/users/{id}`; not the path, of which there is no end. Requests that match
/// no route count as one route. Where nobody has looked for a route yet, as around a whole router, that is an error.
///
/// A layer around an axum router that is itself inside another router, by `nest_service` or `fallback_service`, sees that
/// the outer one has looked, which looks the same as a nested router's own fallback: all routes count as one there, and
/// [`parameter`] is missing. Put the layer on the inner router (`Router::layer`).
///
/// ```
/// use tidegate_http::{Key, key};
///
/// // each route has a limit of its own for each client
/// let by: Key<()> = key::client_ip().and(key::route());
/// ```
pub const fn route<R: ?Sized>() -> Key<R> {
    Key::new(Part::Route)
}

/// A parameter of the matched route, as `id` is in `/users/{id}`: what stands there in the request's path, with its
/// percent-encoding undone, so that two spellings of a value are one. Of two with one name it is the first. Where routes are
/// not known, see [`route`].
///
/// A layer around a whole actix-web app, or a scope of it, sees requests before actix-web has found all of their parameters,
/// and finds them by the route's pattern, as far as [`of_route`] understands it. Where it does not (two parameters in one
/// segment, two regexes that may match slashes), the parameter is missing there. And where one path may be several routes'
/// (a resource with several patterns, routes that differ by guards), it is read by the first one's pattern, which may be
/// another's value: wrap such a resource itself.
///
/// ```
/// use tidegate_http::{Key, key};
///
/// // each tenant has a limit of its own, and in it each route
/// let by: Key<()> = key::parameter("tenant").and(key::route());
/// ```
pub fn parameter<R: ?Sized>(name: &str) -> Key<R> {
    Key::new(Part::Parameter { name: name.into() })
}

/// Whatever a function makes of the request, `None` if it has no such thing. The name tells it from other parts,
/// and stands in the answer to requests without it.
///
/// ```
/// use tidegate_http::{Key, PlainRequest, key};
///
/// // of requests that are paths: the first segment
/// let by: Key<str> = key::from_fn("tenant", |path: &str| path.split('/').nth(1).map(str::to_owned));
/// let view = PlainRequest::new("GET");
/// assert_eq!(by.subject("/acme/a", &view)?, by.subject("/acme/b", &view)?);
/// # Ok::<(), tidegate_http::KeyError>(())
/// ```
pub fn from_fn<R, F, T>(name: &'static str, value: F) -> Key<R>
where
    R: ?Sized,
    F: Fn(&R) -> Option<T> + Send + Sync + 'static,
    T: AsRef<[u8]>,
{
    let value = move |request: &R, subject: &mut SubjectBuf| match value(request) {
        Some(value) => {
            subject.push(value);
            true
        }
        None => false,
    };
    Key::new(Part::Custom {
        name,
        value: Arc::new(value),
    })
}

impl<R: ?Sized> Key<R> {
    const fn new(part: Part<R>) -> Self {
        Self { part }
    }

    /// This, and the other: requests share a limit if they agree in both.
    ///
    /// ```
    /// use tidegate_http::{Key, PlainRequest, key};
    ///
    /// let by: Key<()> = key::client_ip().and(key::method());
    /// let [get, put] = ["GET", "PUT"].map(|method| PlainRequest::new(method).with_peer([192, 0, 2, 1]));
    /// assert_ne!(by.subject(&(), &get)?, by.subject(&(), &put)?);
    /// # Ok::<(), tidegate_http::KeyError>(())
    /// ```
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self::new(Part::All(Arc::new([self, other])))
    }

    /// This, or the other if the request has no such thing. (What the server does not know is not a fallback's matter: a
    /// missing peer address or route is an error.)
    ///
    /// ```
    /// use tidegate_http::{Key, PlainRequest, key};
    ///
    /// let by: Key<()> = key::header("x-api-key")?.or(key::client_ip());
    /// let anonymous = PlainRequest::new("GET").with_peer([192, 0, 2, 1]);
    /// assert!(by.subject(&(), &anonymous).is_ok());
    /// # Ok::<(), tidegate_http::HeaderNameError>(())
    /// ```
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self::new(Part::FirstOf(Arc::new([self, other])))
    }

    /// This, but only a keyed hash of it, of 128 bits (SipHash-2-4): what the store and its logs hold says nothing about
    /// persons to those who do not know the key. All nodes need the same key; another key counts anew.
    ///
    /// ```
    /// use tidegate_http::{Key, PlainRequest, key};
    ///
    /// let secret = "000102030405060708090a0b0c0d0e0f".parse()?; // from your configuration
    /// let by: Key<()> = key::header("x-api-key")?.or(key::client_ip()).hashed(secret);
    ///
    /// let request = PlainRequest::new("GET").with_header("x-api-key", "alice@example.org");
    /// let subject = by.subject(&(), &request)?;
    /// assert!(subject.as_subject().as_bytes().windows(5).all(|bytes| bytes != b"alice"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn hashed(self, key: HashKey) -> Self {
        Self::new(Part::Hashed(Arc::new((self, key))))
    }
}

/// The name in lower case, if it can be one.
pub(crate) fn check_header_name(name: &str) -> Result<String, HeaderNameError> {
    if name.is_empty() || !name.bytes().all(is_token) {
        return Err(HeaderNameError {
            given: name.to_owned(),
        });
    }
    Ok(name.to_ascii_lowercase())
}

impl<R: ?Sized> Clone for Key<R> {
    fn clone(&self) -> Self {
        Self::new(match &self.part {
            Part::Everyone => Part::Everyone,
            Part::Client(address) => Part::Client(Arc::clone(address)),
            Part::Header { name } => Part::Header { name: name.clone() },
            Part::Method => Part::Method,
            Part::Route => Part::Route,
            Part::Parameter { name } => Part::Parameter { name: name.clone() },
            Part::Hashed(inner) => Part::Hashed(Arc::clone(inner)),
            Part::Custom { name, value } => Part::Custom {
                name,
                value: Arc::clone(value),
            },
            Part::All(keys) => Part::All(Arc::clone(keys)),
            Part::FirstOf(keys) => Part::FirstOf(Arc::clone(keys)),
        })
    }
}

impl<R: ?Sized> fmt::Debug for Key<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.part {
            Part::Everyone => f.write_str("everyone"),
            Part::Client(address) => address.fmt(f),
            Part::Header { name } => write!(f, "header {name}"),
            Part::Method => f.write_str("method"),
            Part::Route => f.write_str("route"),
            Part::Parameter { name } => write!(f, "parameter {name}"),
            Part::Hashed(inner) => f.debug_tuple("Hashed").field(&inner.0).finish(),
            Part::Custom { name, .. } => write!(f, "custom {name}"),
            Part::All(keys) => f.debug_tuple("All").field(keys).finish(),
            Part::FirstOf(keys) => f.debug_tuple("FirstOf").field(keys).finish(),
        }
    }
}
