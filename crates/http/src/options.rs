//! How an adapter is to limit requests, as its user says: everything but the framework.

mod ask;
mod verdict;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tidegate_core::Decision;

use crate::allow::Allowed;
use crate::{Answer, Cidrs, ClientAddress, Dialects, HeaderNameError, Key, KeyError};

pub use ask::{Asked, Question};
pub use verdict::{Refusal, Verdict};

type Of<R, T> = Arc<dyn Fn(&R) -> T + Send + Sync>;
type Change<T> = Arc<dyn Fn(&mut Answer, &T) + Send + Sync>;

/// How requests of a framework's type `R` are limited over HTTP. A [`Key`] alone is enough: the rest has defaults.
///
/// ```
/// use tidegate_http::{Dialect, Options, key};
///
/// let options = Options::<str>::new(key::client_ip())
///     .headers(Dialect::Draft11 | Dialect::XRateLimit)
///     .cost_by(|request| if request.starts_with("/report") { 10 } else { 1 })
///     .skip(|request| request == "/healthz")
///     .skip_preflights();
/// ```
pub struct Options<R: ?Sized> {
    key: Key<R>,
    cost: Cost<R>,
    skips: Vec<Of<R, bool>>,
    allowed: Vec<Allowed>,
    skip_preflights: bool,
    charge_if: Option<Arc<dyn Fn(u16) -> bool + Send + Sync>>,
    dialects: Dialects,
    mode: bool,
    untold: bool,
    jitter: Duration,
    on_denial: Option<Change<Decision>>,
    on_key_error: Option<Change<KeyError>>,
}

enum Cost<R: ?Sized> {
    Always(u64),
    By(Of<R, u64>),
}

impl<R: ?Sized> Options<R> {
    /// Limit by this key, at a cost of 1.
    ///
    /// ```
    /// use tidegate_http::{Options, PlainRequest, Question, key};
    ///
    /// let options: Options<()> = Options::new(key::client_ip());
    /// let request = PlainRequest::new("GET").with_peer([192, 0, 2, 1]);
    /// assert!(matches!(options.question(&(), &request), Question::Ask { cost: 1, .. }));
    /// ```
    pub fn new(key: Key<R>) -> Self {
        Self {
            key,
            cost: Cost::Always(1),
            skips: Vec::new(),
            allowed: Vec::new(),
            skip_preflights: false,
            charge_if: None,
            dialects: Dialects::default(),
            mode: false,
            untold: false,
            jitter: Duration::ZERO,
            on_denial: None,
            on_key_error: None,
        }
    }

    /// Every request costs this much. 1 unless told; 0 takes nothing.
    ///
    /// ```
    /// use tidegate_http::{Options, PlainRequest, Question, key};
    ///
    /// let options: Options<()> = Options::new(key::client_ip()).cost(5);
    /// let request = PlainRequest::new("GET").with_peer([192, 0, 2, 1]);
    /// assert!(matches!(options.question(&(), &request), Question::Ask { cost: 5, .. }));
    /// ```
    #[must_use]
    pub fn cost(self, cost: u64) -> Self {
        Self {
            cost: Cost::Always(cost),
            ..self
        }
    }

    /// A request costs what this function says.
    ///
    /// ```
    /// use tidegate_http::{Options, PlainRequest, Question, key};
    ///
    /// let by_path = |path: &str| if path.starts_with("/report") { 10 } else { 1 };
    /// let options = Options::<str>::new(key::client_ip()).cost_by(by_path);
    /// let request = PlainRequest::new("GET").with_peer([192, 0, 2, 1]);
    /// assert!(matches!(options.question("/report/7", &request), Question::Ask { cost: 10, .. }));
    /// ```
    #[must_use]
    pub fn cost_by(self, cost: impl Fn(&R) -> u64 + Send + Sync + 'static) -> Self {
        Self {
            cost: Cost::By(Arc::new(cost)),
            ..self
        }
    }

    /// Requests of which this is true are not limited at all. May be said several times.
    ///
    /// ```
    /// use tidegate_http::{Options, PlainRequest, Question, key};
    ///
    /// let options = Options::<str>::new(key::client_ip())
    ///     .skip(|path| path == "/healthz")
    ///     .skip(|path| path.starts_with("/static/"));
    /// let request = PlainRequest::new("GET").with_peer([192, 0, 2, 1]);
    /// assert_eq!(options.question("/static/logo.png", &request), Question::Skip);
    /// ```
    #[must_use]
    pub fn skip(mut self, skip: impl Fn(&R) -> bool + Send + Sync + 'static) -> Self {
        self.skips.push(Arc::new(skip));
        self
    }

    /// Clients with addresses in these ranges are not limited at all. How the client's address is found is said here
    /// again, because the key need not be an address. May be said several times.
    ///
    /// ```
    /// use tidegate_http::{ClientAddress, ForwardedField, Options, Proxies, key};
    ///
    /// let proxies = Proxies::trusted(ForwardedField::XForwardedFor, "10.0.0.2,10.0.0.3".parse()?);
    /// let client = ClientAddress::new().behind(proxies);
    /// let options: Options<str> = Options::new(key::client(client.clone()))
    ///     .allow_addresses(client, "192.0.2.0/24, 2001:db8::/32".parse()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn allow_addresses(mut self, client: ClientAddress, ranges: Cidrs) -> Self {
        self.allowed.push(Allowed::Addresses(client, ranges));
        self
    }

    /// Requests with one of these values in a header (in its first line, if it has several) are not limited at all:
    /// monitoring, partners, one's own services. May be said several times.
    ///
    /// ```
    /// use tidegate_http::{Options, key};
    ///
    /// let options: Options<str> = Options::new(key::client_ip())
    ///     .allow_header("x-api-key", ["monitoring-7f3a", "partner-90cc"])?;
    /// # Ok::<(), tidegate_http::HeaderNameError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If no header can have that name.
    pub fn allow_header<V: AsRef<[u8]>>(
        mut self,
        name: &str,
        values: impl IntoIterator<Item = V>,
    ) -> Result<Self, HeaderNameError> {
        self.allowed.push(Allowed::header(name, values)?);
        Ok(self)
    }

    /// CORS preflights are not limited: `OPTIONS` with `Origin` and `Access-Control-Request-Method`.
    ///
    /// ```
    /// use tidegate_http::{Options, PlainRequest, Question, key};
    ///
    /// let options: Options<()> = Options::new(key::client_ip()).skip_preflights();
    /// let preflight = PlainRequest::new("OPTIONS")
    ///     .with_peer([192, 0, 2, 1])
    ///     .with_header("origin", "https://example.org")
    ///     .with_header("access-control-request-method", "PUT");
    /// assert_eq!(options.question(&(), &preflight), Question::Skip);
    /// ```
    #[must_use]
    pub fn skip_preflights(self) -> Self {
        Self {
            skip_preflights: true,
            ..self
        }
    }

    /// A request counts only if this is true of its response's status; otherwise its cost is given back.
    ///
    /// It is charged first, so that requests on their way count, and the headers of its response say so. The response
    /// does not wait until a store has given the cost back; if the store does not answer, the cost stays.
    ///
    /// ```
    /// use tidegate_http::{Options, key};
    ///
    /// // a login: count failures only
    /// let options: Options<str> = Options::new(key::client_ip()).charge_if(|status| status == 401);
    /// ```
    #[must_use]
    pub fn charge_if(self, charge: impl Fn(u16) -> bool + Send + Sync + 'static) -> Self {
        Self {
            charge_if: Some(Arc::new(charge)),
            ..self
        }
    }

    /// Which headers tell clients about their limit: [`Dialect::Draft11`](crate::Dialect::Draft11) unless told,
    /// [`Dialects::OFF`] for none.
    ///
    /// ```
    /// use tidegate_http::{Dialect, Dialects, Options, key};
    ///
    /// let both: Options<()> = Options::new(key::client_ip()).headers(Dialect::Draft11 | Dialect::XRateLimit);
    /// let none: Options<()> = Options::new(key::client_ip()).headers(Dialects::OFF);
    /// ```
    #[must_use]
    pub fn headers(self, dialects: impl Into<Dialects>) -> Self {
        Self {
            dialects: dialects.into(),
            ..self
        }
    }

    /// A header `tidegate-mode` says how the decision was reached: `store`, `local`, `share`, `overflow`, ...
    ///
    /// ```
    /// use tidegate_core::{Decision, Provenance, Timestamp};
    /// use tidegate_http::{Options, PolicyField, Verdict, key};
    ///
    /// let options: Options<()> = Options::new(key::client_ip()).mode_header();
    /// let decision = Decision::uncounted(true, 1, Timestamp::EPOCH, Provenance::Store);
    /// let Verdict::Proceed(headers) = options.verdict(&decision, &PolicyField::new([])) else { panic!() };
    /// assert!(headers.contains(&("tidegate-mode".into(), "store".into())));
    /// ```
    #[must_use]
    pub fn mode_header(self) -> Self {
        Self { mode: true, ..self }
    }

    /// The decision is not put into the extensions, neither of an admitted request nor of a refusal: where no handler and nothing
    /// outside looks at it, that spares an allocation for each request. The decision of a limiter further outside stays there.
    ///
    /// ```
    /// use tidegate_http::{Options, key};
    ///
    /// let options: Options<()> = Options::new(key::client_ip());
    /// assert!(options.tells_decision());
    /// assert!(!options.without_decision().tells_decision());
    /// ```
    #[must_use]
    pub fn without_decision(self) -> Self {
        Self {
            untold: true,
            ..self
        }
    }

    /// Up to this much is added to `Retry-After` by chance, so that clients do not all return at once. Rounded up to
    /// whole seconds, which are all that the header has; none unless told. `t` in `RateLimit` and `X-RateLimit-Reset` stay
    /// as they are: they say what the limit is, not when to return.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tidegate_http::{Options, key};
    ///
    /// // a client that would be admitted in 7 seconds is told to wait for 7 to 12
    /// let options: Options<()> = Options::new(key::client_ip()).retry_jitter(Duration::from_secs(5));
    /// ```
    #[must_use]
    pub fn retry_jitter(self, jitter: Duration) -> Self {
        Self { jitter, ..self }
    }

    /// Changes the answer to denied requests as it likes: to those that exceed a limit (429), and to those that a closed
    /// policy refuses while its store is away (503).
    ///
    /// ```
    /// use tidegate_http::{Options, key};
    ///
    /// let options: Options<str> = Options::new(key::client_ip()).on_denial(|answer, _decision| {
    ///     answer.set("content-type", "text/plain");
    ///     answer.body = "too many requests\n".to_owned();
    /// });
    /// ```
    #[must_use]
    pub fn on_denial(
        self,
        change: impl Fn(&mut Answer, &Decision) + Send + Sync + 'static,
    ) -> Self {
        Self {
            on_denial: Some(Arc::new(change)),
            ..self
        }
    }

    /// Changes the answer to requests that cannot be limited as it likes, because they lack what they are to be limited by
    /// (400) or because the server was not told how to find it (500).
    ///
    /// ```
    /// use tidegate_http::{KeyError, Options, PlainRequest, Question, key};
    ///
    /// let options: Options<()> = Options::new(key::header("x-api-key")?).on_key_error(|answer, error| {
    ///     if let KeyError::Header { .. } = error {
    ///         answer.status = 401;
    ///         answer.set("www-authenticate", "ApiKey");
    ///         answer.set("content-type", "text/plain");
    ///         answer.body = "an API key, please\n".to_owned();
    ///     }
    /// });
    /// let anonymous = PlainRequest::new("GET");
    /// let Question::Refuse { answer, .. } = options.question(&(), &anonymous) else { panic!() };
    /// assert_eq!(answer.status, 401);
    /// # Ok::<(), tidegate_http::HeaderNameError>(())
    /// ```
    #[must_use]
    pub fn on_key_error(
        self,
        change: impl Fn(&mut Answer, &KeyError) + Send + Sync + 'static,
    ) -> Self {
        Self {
            on_key_error: Some(Arc::new(change)),
            ..self
        }
    }

    /// Whether the decision is put into the extensions.
    #[inline]
    pub const fn tells_decision(&self) -> bool {
        !self.untold
    }

    /// Whether the cost of admitted requests depends on their responses.
    pub const fn is_charged_by_response(&self) -> bool {
        self.charge_if.is_some()
    }

    /// Whether an admitted request's cost is to be given back, now that its response's status is known.
    pub fn gives_back(&self, status: u16) -> bool {
        self.charge_if
            .as_ref()
            .is_some_and(|charge| !charge(status))
    }
}

impl<R: ?Sized> From<Key<R>> for Options<R> {
    fn from(key: Key<R>) -> Self {
        Self::new(key)
    }
}

impl<R: ?Sized> fmt::Debug for Options<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("key", &self.key)
            .field("allowed", &self.allowed)
            .field("dialects", &self.dialects)
            .finish_non_exhaustive()
    }
}
