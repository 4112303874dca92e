//! What went wrong with a call, and what follows from it: for the caller, the breaker and the connection.

use std::sync::Arc;

use redis::RedisError;
use tidegate_core::Outcome;
use tidegate_store::{ErrorKind, StoreError};

/// A failed call. It can be told to all who waited for the call.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) kind: ErrorKind,
    /// What it says of the server's health.
    pub(crate) outcome: Outcome,
    /// Whether the connection must be replaced.
    pub(crate) severs: bool,
    /// Where else to ask, if a member of a cluster says so.
    pub(crate) redirect: Option<Redirect>,
    message: Arc<str>,
    source: Option<RedisError>,
}

/// What a member of a cluster says that does not have the keys, or not all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Redirect {
    /// Another member has the slot: at this address.
    Moved(String),
    /// Another member, at this address, is about to have the slot, and has these keys already.
    Ask(String),
    /// Some of the keys are on their way.
    TryAgain,
}

impl Failure {
    /// A failure that says nothing of the server: the caller's, or ours.
    pub(crate) fn local(kind: ErrorKind, message: impl Into<Arc<str>>) -> Self {
        Self {
            kind,
            outcome: Outcome::Success,
            severs: false,
            redirect: None,
            message: message.into(),
            source: None,
        }
    }

    /// No answer in time.
    pub(crate) fn timeout(message: impl Into<Arc<str>>) -> Self {
        Self {
            outcome: Outcome::Failure,
            ..Self::local(ErrorKind::Timeout, message)
        }
    }

    /// An answer that cannot be: the stream is out of step, or this is no Redis.
    pub(crate) fn nonsense(endpoint: &str, what: &str) -> Self {
        Self {
            outcome: Outcome::Failure,
            severs: true,
            ..Self::local(
                ErrorKind::Internal,
                format!("redis at {endpoint} gave an answer that cannot be: {what}"),
            )
        }
    }

    /// What the client library reports.
    pub(crate) fn from_redis(endpoint: &str, error: &RedisError) -> Self {
        let class = Class::of(error);
        let message = format!("redis at {endpoint}: {error}{}", class.advice());
        Self::of_class(class, message, error)
    }

    /// What the client library reports of a Sentinel.
    pub(crate) fn from_sentinel(address: &str, error: &RedisError) -> Self {
        let class = Class::of(error);
        let advice = match class {
            Class::Refused => {
                " (check the Sentinels' own login, sentinel_user and sentinel_password, and the TLS settings)"
            }
            _ => "",
        };
        Self::of_class(
            class,
            format!("redis Sentinel at {address}: {error}{advice}"),
            error,
        )
    }

    /// A Sentinel answers, but has never heard of the primary.
    pub(crate) fn unknown_to_sentinel(address: &str, primary: &str) -> Self {
        let message = format!(
            "redis Sentinel at {address}: it knows of no primary called {primary:?}; what it calls its primaries is told \
             by SENTINEL MASTERS"
        );
        Self {
            outcome: Outcome::Failure,
            ..Self::local(ErrorKind::Unavailable, message)
        }
    }

    /// A Sentinel names a server as the primary that is none.
    pub(crate) fn demoted(endpoint: &str) -> Self {
        let message =
            format!("redis at {endpoint}: a Sentinel calls it the primary, but it is none now");
        Self {
            outcome: Outcome::Failure,
            ..Self::local(ErrorKind::Unavailable, message)
        }
    }

    fn of_class(class: Class, message: String, error: &RedisError) -> Self {
        let (kind, outcome, severs) = class.consequences();
        Self {
            kind,
            outcome,
            severs,
            redirect: None,
            message: message.into(),
            source: Some(error.clone()),
        }
    }

    /// What the client library reports of a member of a cluster. A member that sends callers elsewhere works.
    pub(crate) fn from_member(endpoint: &str, error: &RedisError) -> Self {
        let failure = Self::from_redis(endpoint, error);
        let redirect = match (error.code(), error.redirect_node()) {
            (Some("MOVED"), Some((to, _))) => Redirect::Moved(to.to_owned()),
            (Some("ASK"), Some((to, _))) => Redirect::Ask(to.to_owned()),
            (Some("TRYAGAIN"), _) => Redirect::TryAgain,
            _ => return failure,
        };
        Self {
            kind: ErrorKind::Unavailable,
            outcome: Outcome::Success,
            severs: false,
            redirect: Some(redirect),
            message: format!("redis at {endpoint} sends this call elsewhere: {error}").into(),
            ..failure
        }
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        let error = Self::new(failure.kind, &*failure.message);
        match failure.source {
            Some(source) => error.with_source(source),
            None => error,
        }
    }
}

/// What kind of trouble an error of the client library tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// The connection is broken, or cannot be made.
    Disconnected,
    TimedOut,
    /// A replica, or a server that loads its data: another server, or this one later, does the work.
    WrongServer,
    /// Full, unable to save, or busy with someone's script: the connection is as good as any.
    Unable,
    /// A password, a permission, a certificate, a setting.
    Refused,
    /// A member of a cluster that was not configured as one.
    Clustered,
    /// The cluster as a whole, or the part that was asked for, does not work now.
    ClusterDown,
    /// Of another type than a record.
    WrongType,
    /// The script itself failed.
    Script,
    /// Not understood.
    Protocol,
}

impl Class {
    fn of(error: &RedisError) -> Self {
        if error.is_timeout() {
            return Self::TimedOut;
        }
        match error.kind() {
            redis::ErrorKind::Io if is_tls(error) => Self::Refused,
            redis::ErrorKind::Io => Self::Disconnected,
            redis::ErrorKind::AuthenticationFailed
            | redis::ErrorKind::InvalidClientConfig
            | redis::ErrorKind::RESP3NotSupported => Self::Refused,
            redis::ErrorKind::Parse | redis::ErrorKind::UnexpectedReturnType => Self::Protocol,
            _ => Self::of_answer(
                error.code().unwrap_or_default(),
                error.detail().unwrap_or_default(),
            ),
        }
    }

    /// From an error answer's first word and the rest. Inside scripts the first word is sometimes `ERR`, and the word
    /// that counts stands somewhere in the rest.
    fn of_answer(code: &str, detail: &str) -> Self {
        const WORDS: &[(&str, Class)] = &[
            ("READONLY", Class::WrongServer),
            ("MASTERDOWN", Class::WrongServer),
            ("LOADING", Class::WrongServer),
            ("max number of clients", Class::Disconnected),
            ("OOM", Class::Unable),
            ("MISCONF", Class::Unable),
            ("NOREPLICAS", Class::Unable),
            ("BUSY", Class::Unable),
            ("UNKILLABLE", Class::Unable),
            ("CLUSTERDOWN", Class::ClusterDown),
            ("TRYAGAIN", Class::ClusterDown),
            ("MOVED", Class::Clustered),
            ("ASK", Class::Clustered),
            ("CROSSSLOT", Class::Clustered),
            ("NOAUTH", Class::Refused),
            ("WRONGPASS", Class::Refused),
            ("NOPERM", Class::Refused),
            ("DENIED", Class::Refused),
            ("invalid password", Class::Refused),
            ("without any password configured", Class::Refused),
            ("unknown command", Class::Refused),
            ("can't run this command", Class::Refused),
            ("can't access at least one of the keys", Class::Refused),
            ("DB index is out of range", Class::Refused),
            ("WRONGTYPE", Class::WrongType),
        ];
        let by_code = WORDS.iter().find(|(word, _)| *word == code);
        // A key's name may be quoted in the text, so a word in capitals counts only at its beginning or after a
        // script's preamble, which ends with a colon or a dash.
        let in_text = |word: &str| {
            detail.match_indices(word).any(|(at, _)| {
                word.contains(' ') || at == 0 || detail[..at].ends_with([':', '-', ' ', '\''])
            })
        };
        let by_text = || WORDS.iter().find(|(word, _)| in_text(word));
        match by_code.or_else(by_text) {
            Some((_, class)) => *class,
            None => Self::Script,
        }
    }

    const fn consequences(self) -> (ErrorKind, Outcome, bool) {
        match self {
            Self::Disconnected | Self::WrongServer => {
                (ErrorKind::Unavailable, Outcome::Failure, true)
            }
            Self::Unable | Self::ClusterDown => (ErrorKind::Unavailable, Outcome::Failure, false),
            Self::TimedOut => (ErrorKind::Timeout, Outcome::Failure, true),
            Self::Refused | Self::Clustered => (ErrorKind::Refused, Outcome::Refused, true),
            Self::WrongType => (ErrorKind::Corrupt, Outcome::Success, false),
            Self::Script => (ErrorKind::Internal, Outcome::Success, false),
            Self::Protocol => (ErrorKind::Internal, Outcome::Failure, true),
        }
    }

    const fn advice(self) -> &'static str {
        match self {
            Self::Clustered => {
                " (this server is part of a cluster: connect to it as one, by several addresses or redis+cluster://)"
            }
            Self::Refused => " (check the password, the user's permissions, and the TLS settings)",
            _ => "",
        }
    }
}

fn is_tls(error: &RedisError) -> bool {
    let text = error.to_string();
    // rustls reports through io errors, whose only trace is the text.
    [
        "invalid peer certificate",
        "received fatal alert",
        "received corrupt message",
        "no CA certificates",
    ]
    .iter()
    .any(|phrase| text.contains(phrase))
}
