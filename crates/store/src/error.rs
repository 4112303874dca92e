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
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl StoreError {
    /// A failure of the given kind. The message should name the endpoint (never a password) and say what to do.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
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
