//! Why a store did not answer: a kind, whether trying again can help, and the source.

use std::error::Error;
use std::fmt;

/// What kind of failure kept a store from answering.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The store cannot be reached, or refuses to work just now: connection refused, loading, read-only, full.
    Unavailable,
    /// No answer within the deadline. It may have been counted.
    Timeout,
    /// More calls are in flight than the store's client allows.
    Overloaded,
    /// The store will not serve this client as it is configured: a wrong password, no permission, TLS.
    Refused,
    /// What the store holds under this key is not a record of ours.
    Corrupt,
    /// The store cannot do what it was asked, however well it is: more policies in one request than it takes.
    Unsupported,
    /// The store broke its contract: it panicked, or answered what cannot be.
    Internal,
}

impl ErrorKind {
    /// The name that metrics and logs use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unavailable => "unavailable",
            Self::Timeout => "timeout",
            Self::Overloaded => "overloaded",
            Self::Refused => "refused",
            Self::Corrupt => "corrupt",
            Self::Unsupported => "unsupported",
            Self::Internal => "internal",
        }
    }

    /// Whether the same call can succeed later with nobody changing anything.
    pub const fn is_transient(self) -> bool {
        matches!(self, Self::Unavailable | Self::Timeout | Self::Overloaded)
    }
}

/// How much of a store a failure concerns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Extent {
    /// All of it, as far as is known.
    #[default]
    Whole,
    /// A part of it, and what is kept there: a member of a cluster is lost, and others answer. Other subjects are served.
    Part,
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A store's failure: its kind, a message that says what happened, where, and what to do, and the source.
///
/// ```
/// use tidegate_store::{ErrorKind, StoreError};
///
/// let error = StoreError::new(ErrorKind::Unavailable, "redis at 127.0.0.1:6379: connection refused");
/// assert!(error.kind().is_transient());
/// assert_eq!(error.to_string(), "unavailable: redis at 127.0.0.1:6379: connection refused");
/// ```
#[derive(Debug)]
pub struct StoreError {
    kind: ErrorKind,
    extent: Extent,
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl StoreError {
    /// A failure of the given kind. The message should name the endpoint (never a password) and say what to do.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            extent: Extent::Whole,
            message: message.into(),
            source: None,
        }
    }

    /// With the error that caused it.
    #[must_use]
    pub fn with_source(self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            source: Some(source.into()),
            ..self
        }
    }

    /// The same failure, of so much of the store. Of all of it, unless told: then a tiered store sooner or later does not ask it
    /// any more, and where a part is lost, only what is kept there is decided without it.
    ///
    /// ```
    /// use tidegate_store::{ErrorKind, Extent, StoreError};
    ///
    /// let lost = StoreError::new(ErrorKind::Timeout, "redis at 10.0.0.7:6379: no answer within 50ms").with_extent(Extent::Part);
    /// assert_eq!(lost.extent(), Extent::Part);
    /// ```
    #[must_use]
    pub fn with_extent(self, extent: Extent) -> Self {
        Self { extent, ..self }
    }

    /// How much of the store it concerns.
    pub const fn extent(&self) -> Extent {
        self.extent
    }

    /// What kind of failure it is.
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What happened, where, and what to do.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.message)
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn Error + 'static))
    }
}
